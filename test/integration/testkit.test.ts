/** What @dibjs/testkit says of elements that are known to the last file. */
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import "@dibjs/testkit/vitest";
import {
  assertAdded,
  assertChanged,
  assertDeleted,
  assertEnvironment,
  assertRan,
  runElement,
  runPhase,
  type ElementRun,
} from "@dibjs/testkit";
import { anElement } from "../support/build-fixture.js";
import { tempFolder } from "../support/temp-folder.js";

let temp: Awaited<ReturnType<typeof tempFolder>>;
let motd: string;
beforeAll(async () => {
  temp = await tempFolder();
  anElement("banner").script("install.d/05-banner", "echo banner > /etc/banner").writeTo(temp.path);
  motd = anElement("motd")
    .dependsOn("banner")
    .file("environment.d/10-motd.bash", "export DIB_MOTD_TEXT=${DIB_MOTD_TEXT:-welcome}\n")
    .script("extra-data.d/10-note", 'echo "$DIB_MOTD_TEXT" > "$TMP_HOOKS_PATH/note"')
    .script("install.d/10-motd", 'echo "$DIB_MOTD_TEXT" > /etc/motd; chmod 640 /etc/motd; chown 0:42 /etc/motd')
    .script("install.d/9-first", "echo to the log; echo more >&2; mkdir -m 700 /opt/motd; mknod /opt/null c 1 3")
    .script("post-install.d/90-clean", "rm /etc/issue; ln -s motd /etc/issue.net; sed -i s/old/new/ /etc/conf")
    .writeTo(temp.path);
});
afterAll(() => temp[Symbol.asyncDispose]());

const files = { "/etc/issue": "hello\n", "/etc/conf": "old\n", "/usr/bin/tool": "#!/bin/sh\n" };
const leftOver = () => readdirSync("/var/tmp").filter((name) => name.startsWith("dib-testkit-"));
const textsOf = (run: ElementRun) => run.log.map(({ name, stream, text }) => `${name} ${stream} ${text}`);

describe("a whole element on a tiny root", () => {
  let run: ElementRun;
  const before = leftOver();
  beforeAll(async () => {
    run = await runElement({ element: motd, tree: ["tiny", { files }] });
  });

  test("tells what was added, with kind, mode, owner and text", () => {
    expect(run.tree.added).toEqual({
      "/etc/motd": {
        kind: "file",
        mode: 0o640,
        owner: "0:42",
        digest: expect.any(String) as string,
        content: "welcome\n",
      },
      "/etc/issue.net": { kind: "link", mode: 0o777, owner: "0:0", content: "motd" },
      "/opt/motd": { kind: "folder", mode: 0o700, owner: "0:0" },
      "/opt/null": { kind: "device", mode: expect.any(Number) as number, owner: "0:0", content: "c 1:3" },
    });
  });

  test("tells what was changed and deleted, and nothing of the build itself", () => {
    expect(Object.keys(run.tree.changed)).toEqual(["/etc/conf"]);
    expect(run).toHaveChanged("/etc/conf", { kind: "file", mode: 0o644, owner: "0:0", content: "new\n" });
    expect(Object.keys(run.tree.deleted)).toEqual(["/etc/issue"]);
  });

  test("runs the element's own scripts in the order of phases and numbers, and not those of its dependencies", () => {
    expect(run.scripts.map(({ phase, element, name }) => `${element} ${phase}.d/${name}`)).toEqual([
      "motd extra-data.d/10-note",
      "motd install.d/9-first",
      "motd install.d/10-motd",
      "motd post-install.d/90-clean",
    ]);
    expect(run).toHaveRun(["extra-data.d/10-note", "9-first", "90-clean"]);
  });

  test("has what scripts saw and what they said", () => {
    expect(run).toHaveEnvironment("install", {
      DIB_MOTD_TEXT: "welcome",
      TARGET_ROOT: undefined,
      PATH: /^\/usr\/local/,
    });
    expect(run).toHaveEnvironment("root", { TARGET_ROOT: /./ });
    expect(textsOf(run)).toEqual(expect.arrayContaining(["9-first stdout to the log", "9-first stderr more"]));
  });

  test("leaves nothing behind", () => {
    expect(leftOver()).toEqual(before);
  });

  test("each assertion fails with what was the case instead", () => {
    expect(() => assertAdded(run, "/etc/motd", { mode: 0o644, content: /^bye/, kind: "file" })).toThrow(
      '/etc/motd has mode 0o640, expected 0o644\n/etc/motd has content "welcome\\n", expected to match /^bye/',
    );
    expect(() => assertAdded(run, "/etc/conf")).toThrow(
      "/etc/conf was not added: it was there before, and was changed",
    );
    expect(() => assertAdded(run, "/etc/nothing")).toThrow(
      "/etc/nothing was not added: added were /etc/issue.net, /etc/motd, /opt/motd, /opt/null",
    );
    expect(() => assertChanged(run, "/etc/issue")).toThrow("/etc/issue was not changed: it was deleted");
    expect(() => assertDeleted(run, "/etc/conf")).toThrow("/etc/conf was not deleted: deleted were /etc/issue");
    expect(() => assertRan(run, ["10-motd", "9-first"])).toThrow(
      "9-first ran before 10-motd: ran were extra-data.d/10",
    );
    expect(() => assertRan(run, ["10-none"])).toThrow("10-none did not run");
    expect(() => assertEnvironment(run, "install", { DIB_MOTD_TEXT: "bye", HOME: undefined })).toThrow(
      'DIB_MOTD_TEXT in install is "welcome", expected "bye"\nHOME in install is "/root", expected not set',
    );
    expect(() => assertEnvironment(run, "block-device", {})).toThrow("the phase block-device was not run");
  });

  test("the matchers can be turned around", () => {
    expect(run).not.toHaveAdded("/etc/conf");
    expect(run).not.toHaveAdded("/etc/motd", { content: "bye\n" });
    expect(run).not.toHaveDeleted("/etc/conf");
    expect(run).not.toHaveRun(["90-clean", "9-first"]);
    expect(() => expect(run).not.toHaveAdded("/etc/motd")).toThrow("/etc/motd was added");
  });
});

describe("one phase", () => {
  test("runs no script of another phase, and has its environment only", async () => {
    const run = await runPhase({
      element: motd,
      phase: "install",
      tree: ["tiny", { files }],
      env: { DIB_MOTD_TEXT: "hi" },
    });
    expect(run.scripts.map(({ name }) => name)).toEqual(["9-first", "10-motd"]);
    expect(Object.keys(run.environment)).toEqual(["install"]);
    expect(run).toHaveAdded("/etc/motd", { content: "hi\n" });
    expect(run.tree.deleted).toEqual({});
    expect(run.tree.changed).toEqual({});
  });

  test("a phase outside of the chroot needs no programs in the tree", async () => {
    const static_ = anElement("static").script("extra-data.d/10-put", 'echo "$DIB_WHAT" > "$TMP_MOUNT_PATH/put"');
    const run = await runPhase({
      element: static_.writeTo(temp.path),
      phase: "extra-data",
      tree: { files: { "/etc/": {} } },
      env: { DIB_WHAT: "it's $here" },
    });
    expect(run.tree).toEqual({
      added: { "/put": expect.objectContaining({ content: "it's $here\n" }) as unknown },
      deleted: {},
      changed: {},
    });
  });

  test("one that needs a disk, or that there is not, is refused", async () => {
    await expect(runPhase({ element: motd, phase: "block-device" })).rejects.toMatchObject({ code: "USAGE_INVALID" });
    await expect(runPhase({ element: motd, phase: "instal" as "install" })).rejects.toMatchObject({
      code: "USAGE_INVALID",
      message: 'There is no phase "instal".',
    });
  });
});

describe("elements that the element needs", () => {
  test("run too when they are named, or all of them", async () => {
    for (const more of [{ with: ["banner"] }, { dependencies: "run" }] as const) {
      const run = await runPhase({ element: motd, phase: "install", ...more });
      expect(run).toHaveRun(["05-banner", "9-first", "10-motd"]);
      expect(run).toHaveAdded("/etc/banner", { content: "banner\n" });
    }
  });

  test("are not needed where the tree stands for them", async () => {
    anElement("acme-os").provides("operating-system").script("root.d/10-acme").writeTo(temp.path);
    const element = anElement("on-acme").dependsOn("acme-os").script("install.d/10-x").writeTo(temp.path);
    await expect(runElement({ element })).rejects.toMatchObject({ code: "ELEMENT_ALREADY_PROVIDED" });
    const run = await runElement({ element, provides: ["acme-os"], dependencies: "run" });
    expect(run.scripts.map(({ name }) => name)).toEqual(["10-x"]);
  });
});

describe("an element of a package", () => {
  test("is found by its name in the project, gets its options, and its TypeScript steps run in the order of scripts", async () => {
    const entry = `export default {
      name: "typed",
      options: { "~standard": { version: 1, vendor: "test", validate: (value) => ({ value }) } },
      setup({ addScript }, { text }) {
        addScript("install", "20-typed", ({ target }) => target.write("/typed", text));
      },
    };`;
    const project = anElement("typed")
      .script("install.d/10-before")
      .script("install.d/30-after")
      .file("entry.mjs", entry)
      .writeAsPackage(temp.path, { entry: "./entry.mjs" });
    const request = { phase: "install", options: { text: "from options" } } as const;
    for (const run of [
      await runPhase({ ...request, element: "typed", project }),
      await runPhase({ ...request, element: ".", project }),
    ]) {
      expect(run).toHaveRun(["10-before", "20-typed", "30-after"]);
      expect(run).toHaveAdded("/typed", { mode: 0o644, content: "from options" });
    }
  });

  test("one of several must be named", async () => {
    const project = anElement("one")
      .script("install.d/10-x")
      .writeAsPackage(temp.path, {
        package: "pair",
        elements: { one: ".", two: "./two" },
      });
    mkdirSync(join(project, "two"));
    await expect(runElement({ element: project })).rejects.toMatchObject({
      code: "USAGE_INVALID",
      message: `The package in ${project} has 2 elements: one, two.`,
    });
    expect(await runPhase({ element: "one", project, phase: "install" })).toHaveRun(["10-x"]);
  });

  test("a folder that is not there is no element", async () => {
    await expect(runElement({ element: join(temp.path, "nothing") })).rejects.toMatchObject({
      code: "ELEMENT_NOT_FOUND",
    });
  });
});
