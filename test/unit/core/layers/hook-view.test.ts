import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { tmpdir } from "node:os";
import { HookReader } from "@dibjs/core/layers/hook-files.js";
import { openHookView } from "@dibjs/core/layers/hook-view.js";
import { mentionsIn } from "@dibjs/core/layers/mentions.js";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

let folder: string;
beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), "dib-hooks-")), "hooks");
});
afterEach(() => rmSync(dirname(folder), { recursive: true }));

function write(files: Readonly<Record<string, string>>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
}

const paths = (files: readonly { readonly path: string }[]) => files.map(({ path }) => path);

describe("what a phase sees", () => {
  const files = {
    "install.d/10-a": "true",
    "finalise.d/10-b": "true",
    "bin/tool": "true",
    "static/etc/x": "x",
    top: "t",
  };

  test("is its own folder and all that is of no phase; an empty folder is in the place of each other", async () => {
    write(files);
    const view = openHookView("install", [], folder, new HookReader(folder));
    expect(paths(view.files)).toEqual(["bin/tool", "install.d/10-a", "static/etc/x", "top"]);
    expect(paths(new HookReader(folder).read())).toEqual([
      "bin/tool",
      "finalise.d",
      "install.d/10-a",
      "static/etc/x",
      "top",
    ]);
    expect(await view.close()).toEqual({ written: [], removed: [] });
    expect(paths(new HookReader(folder).read())).toEqual(Object.keys(files).sort());
  });

  test.each([
    ["extra-data", [], "true", true],
    ["install", ["finalise"], "true", true],
    ["install", [], "cat $TMP_HOOKS_PATH/finalise.d/10-b", true],
    ["install", [], "tool finalise", false],
  ] as const)(
    "in %s, declared to read %j, with a script `%s`: the folder of another phase is %s",
    (phase, reads, script, isSeen) => {
      write({ ...files, "install.d/10-a": script });
      const view = openHookView(phase, reads, folder, new HookReader(folder));
      expect(paths(view.files).includes("finalise.d/10-b")).toBe(isSeen);
    },
  );

  test("changes, also to a folder that was out of view, are told and stay", async () => {
    write(files);
    const view = openHookView("root", [], folder, new HookReader(folder));
    write({ "finalise.d/20-new": "new", top: "changed" });
    rmSync(join(folder, "static/etc/x"));
    expect(await view.close()).toEqual({
      written: ["finalise.d/20-new", "static/etc", "top"],
      removed: ["static/etc/x"],
    });
    expect(readFileSync(join(folder, "finalise.d/20-new"), "utf8")).toBe("new");
    expect(readFileSync(join(folder, "finalise.d/10-b"), "utf8")).toBe("true");
  });
});

describe("what files mention", () => {
  const mentions = (files: Readonly<Record<string, string>>) => {
    write(files);
    return [...mentionsIn(new HookReader(folder).read())].sort();
  };

  test.each([
    ["echo $IMAGE_ELEMENT", ["variable IMAGE_ELEMENT"]],
    ["eval declare -A a=($(get_image_element_array))", ["elements"]],
    ["#!/usr/bin/env bash\nenv FOO=1 make", []],
    ["env | sort", ["all"]],
    ["export -p > /etc/x", ["all"]],
    ["curl -O http://x", ["fetch"]],
    ["git -C $dir pull", ["fetch"]],
    ["git -C $IMAGE_NAME clone x", ["fetch", "variable IMAGE_NAME"]],
    ["pip3.11 -q install x", ["fetch"]],
    ["set | grep IMAGE_", ["all"]],
    ["set -eu", []],
    ["cat > /etc/motd <<EOF\n# Built as $IMAGE_NAME\nEOF", ["variable IMAGE_NAME"]],
    ["# curl fetches nothing here", []],
    ["cat ~/.ssh/authorized_keys", ["home"]],
    ["ls $TMP_HOOKS_PATH/root.d", ["phase root"]],
  ])("%j: %j", (script, expected) => {
    expect(mentions({ "install.d/10-a": script })).toEqual(expected);
  });

  test("a program in bin counts when a script that counts names it, also through another program", () => {
    const programs = { "bin/fetcher": "curl $1", "bin/outer": "fetcher x; echo $DIB_ARGS", "bin/unused": "env" };
    expect(mentions({ ...programs, "install.d/10-a": "true" })).toEqual([]);
    expect(mentions({ ...programs, "install.d/10-a": "outer" })).toEqual(["fetch", "variable DIB_ARGS"]);
  });

  test("a line of environment.d that sets a variable counts when a script names that one", () => {
    const environment = { "environment.d/10-a": "export SAVE=${SAVE:-$IMAGE_NAME.d}\n" };
    expect(mentions({ ...environment, "install.d/10-a": "true" })).toEqual([]);
    expect(mentions({ ...environment, "install.d/10-a": "cd $SAVE" })).toEqual(["variable IMAGE_NAME"]);
    expect(mentions({ "environment.d/10-a": "if [ -n $IMAGE_NAME ]; then export X=1; fi" })).toEqual([
      "variable IMAGE_NAME",
    ]);
  });
});
