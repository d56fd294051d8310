import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { libDir, runLibrary } from "../../../support/shell-library.js";
import { tempFolder } from "../../../support/temp-folder.js";

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  chmodSync(file, text.startsWith("#!") ? 0o755 : 0o644);
}

const script = (body: string): string => `#!/bin/bash\n${body}\n`;

/** As the engine exports it. */
const elementArray = (text: string) => ({ "BASH_FUNC_get_image_element_array%%": `() {  echo '${text}'\n}` });

test("each file can be sourced alone, under the strict options of scripts and with an empty environment", () => {
  for (const name of readdirSync(libDir).filter((file) => !/^(dib-|python$)/.test(file))) {
    const { status, errors } = runLibrary("echo ok", { sources: [name] });
    expect({ name, status, errors }).toEqual({ name, status: 0, errors: "" });
  }
});

test("img-functions finds what it needs beside it, so that it can be the only one that is sourced", () => {
  const { lines } = runLibrary("declare -F unmount_dir run_in_target", { sources: ["img-functions"] });
  expect(lines).toEqual(["unmount_dir", "run_in_target"]);
});

describe("img-defaults", () => {
  const shown =
    'echo "$FS_TYPE $IMAGE_TYPE $IMAGE_NAME $DIB_CHECKSUM $DIB_NO_TMPFS $DIB_MIN_TMPFS [$DIB_OFFLINE] $ARCH"';
  const sources = ["img-defaults"];

  test("gives values where there are none", () => {
    expect(runLibrary(shown, { sources, env: { ARCH: "arm64" } }).lines).toEqual(["ext4 qcow2 image 0 0 2 [] arm64"]);
  });

  test("leaves what is set, and finds the machine's architecture", () => {
    const env = { FS_TYPE: "xfs", IMAGE_NAME: "a b", DIB_OFFLINE: "1", DIB_MIN_TMPFS: "5" };
    const { lines } = runLibrary(shown, { sources, env });
    expect(lines[0]).toMatch(/^xfs qcow2 a b 0 0 5 \[1\] [a-z0-9]+$/);
  });

  test("adds root's program folders to PATH once", () => {
    const { lines } = runLibrary('source "$_LIB/img-defaults"; echo "$PATH"', {
      sources,
      env: { PATH: "/usr/bin:/bin:/sbin" },
    });
    expect(lines).toEqual(["/usr/bin:/bin:/sbin:/usr/sbin:/usr/local/sbin"]);
  });
});

test("die ends a script as failed, also after a command that succeeded, and programs that it starts know it", () => {
  const sources = ["die"];
  const direct = runLibrary('true && die "no $(echo way)"; echo on', { sources });
  expect(direct).toEqual({ status: 1, lines: [], errors: "no way\n" });
  expect(runLibrary("bash -c 'true && die inside'", { sources })).toEqual({ status: 1, lines: [], errors: "inside\n" });
});

describe("check_break", () => {
  const call = "check_break before-install echo stopped";
  test.each(["before-install", "after-root,before-install", "before-install,after-error"])("stops for %s", (list) => {
    const { lines, errors } = runLibrary(call, { env: { break: list } });
    expect(lines).toEqual(["stopped"]);
    expect(errors).toContain("At stage before-install");
  });

  test.each(["before-install-more", "install", "xbefore-install", ""])("does not stop for '%s'", (list) => {
    expect(runLibrary(call, { env: { break: list } })).toEqual({ status: 0, lines: [], errors: "" });
  });
});

describe("run_d", () => {
  test("runs the scripts of a phase in order, between its break points", async () => {
    await using folder = await tempFolder();
    write(join(folder.path, "x.d/10-b"), script("echo ten"));
    write(join(folder.path, "x.d/2-a"), script("echo two"));
    const env = { TMP_HOOKS_PATH: folder.path, break: "before-x", break_cmd: "echo at break" };
    const { status, lines } = runLibrary("run_d x", { env });
    expect({ status, lines }).toEqual({
      status: 0,
      lines: ["at break", `Running hooks from ${folder.path}/x.d`, "two", "ten"],
    });
  });

  test("without a folder of that phase there are only the break points", async () => {
    await using folder = await tempFolder();
    expect(runLibrary("run_d nothing", { env: { TMP_HOOKS_PATH: folder.path } }).lines).toEqual([]);
  });

  test("fails as its script does, also when the output goes to a file and nobody has set pipefail", async () => {
    await using folder = await tempFolder();
    write(join(folder.path, "x.d/10-a"), script("echo said; exit 7"));
    const env = { TMP_HOOKS_PATH: folder.path };
    expect(runLibrary("run_d x", { env }).status).toBe(7);
    expect(runLibrary(`set +o pipefail; run_d x ${folder.path}/out`, { env }).status).toBe(7);
    expect(readFileSync(join(folder.path, "out"), "utf8")).toBe("said\n");
  });
});

describe("eval_run_d", () => {
  test("evaluates the lines that match, and no other", async () => {
    await using folder = await tempFolder();
    write(join(folder.path, "x.d/10-a"), script("echo FOUND=yes; echo OTHER=yes"));
    const env = { TMP_HOOKS_PATH: folder.path, OTHER: "no" };
    const { lines } = runLibrary('eval_run_d x FOUND=; echo "$FOUND $OTHER"', { env });
    expect(lines.at(-1)).toBe("yes no");
  });

  test("evaluates nothing of a phase that failed", async () => {
    await using folder = await tempFolder();
    write(join(folder.path, "x.d/10-a"), script("echo FOUND=yes; exit 3"));
    const { status, lines } = runLibrary('FOUND=no; eval_run_d x FOUND= || echo "$? $FOUND"', {
      env: { TMP_HOOKS_PATH: folder.path },
    });
    expect({ status, last: lines.at(-1) }).toEqual({ status: 0, last: "3 no" });
  });
});

describe("check_element", () => {
  test("makes the hook folder of all elements when there is none: folders but tests, and files but .pyc", async () => {
    await using folder = await tempFolder();
    const element = join(folder.path, "elements/one");
    write(join(element, "install.d/10 a"), script("true"));
    write(join(element, "tests/test.py"), "");
    write(join(element, "static/etc/x"), "");
    write(join(element, "pkg-map"), "{}");
    write(join(element, "a.pyc"), "");
    const hooks = join(folder.path, "hooks");
    const env = { TMP_HOOKS_PATH: hooks, ...elementArray(`[one]=${element} [gone]=/nowhere `) };
    expect(runLibrary("check_element", { env }).status).toBe(0);
    expect(readdirSync(hooks).sort()).toEqual(["install.d", "pkg-map", "static"]);
    expect(existsSync(join(hooks, "install.d/10 a"))).toBe(true);
  });

  test("a script that two elements have ends it", async () => {
    await using folder = await tempFolder();
    for (const name of ["one", "two"]) write(join(folder.path, name, "install.d/10-a"), script("true"));
    const env = {
      TMP_HOOKS_PATH: join(folder.path, "hooks"),
      ...elementArray(`[one]=${folder.path}/one [two]=${folder.path}/two `),
    };
    const { status, lines } = runLibrary("check_element", { env });
    expect(status).toBe(1);
    expect(lines.at(-1)).toMatch(/^There is a duplicated hook in your elements: .*install\.d\/10-a$/);
  });

  test("inside the image, where no element lies, the folder is empty", async () => {
    await using folder = await tempFolder();
    expect(runLibrary("check_element", { env: { TMP_HOOKS_PATH: join(folder.path, "hooks") } }).status).toBe(0);
    expect(readdirSync(join(folder.path, "hooks"))).toEqual([]);
  });
});

describe("mk_build_dir", () => {
  test("makes folders of its own and removes them at the end, with those of the build around it left alone", async () => {
    await using folder = await tempFolder();
    mkdirSync(join(folder.path, "around"));
    const env = { TMPDIR: folder.path, TMP_BUILD_DIR: join(folder.path, "around") };
    const { status, lines } = runLibrary(
      'mk_build_dir; mkdir "$TMP_BUILD_DIR/mnt"; echo x > "$TMP_IMAGE_PATH"; echo "$TMP_HOOKS_PATH"; test "$OUT_IMAGE_PATH" = "$TMP_IMAGE_PATH"; exit 4',
      { env },
    );
    expect(status).toBe(4);
    expect(lines[0]).toMatch(/^Building in .*\/dib_build\.\w{8}$/);
    expect(readdirSync(folder.path)).toEqual(["around"]);
  });

  test("cleanup of a script that has made none removes nothing", async () => {
    await using folder = await tempFolder();
    mkdirSync(join(folder.path, "mnt"));
    const { status } = runLibrary("cleanup_build_dir; cleanup_image_dir", {
      env: { TMP_BUILD_DIR: folder.path, TMP_IMAGE_DIR: folder.path },
    });
    expect(status).toBe(0);
    expect(readdirSync(folder.path)).toEqual(["mnt"]);
  });
});

test("save_image renames what has its name, sums too, and writes those that are asked for", async () => {
  await using folder = await tempFolder();
  for (const name of ["image.raw", "image.raw.md5"]) write(join(folder.path, name), "old\n");
  write(join(folder.path, "new"), "new\n");
  const { lines } = runLibrary(`cd ${folder.path}; save_image image.raw`, {
    env: { OUT_IMAGE_PATH: join(folder.path, "new"), DIB_CHECKSUM: "sha256" },
  });
  expect(lines.at(-1)).toBe("Image file image.raw created...");
  const names = readdirSync(folder.path).map((name) => name.replace(/-\d{4}(\.\d\d){2}-\d\d(\.\d\d){2}/, "-THEN"));
  expect(names.sort()).toEqual(["image-THEN.raw", "image-THEN.raw.md5", "image.raw", "image.raw.sha256"]);
  expect(readFileSync(join(folder.path, "image.raw"), "utf8")).toBe("new\n");
  expect(readFileSync(join(folder.path, "image.raw.sha256"), "utf8")).toMatch(/^[0-9a-f]{64} {2}image\.raw\n$/);
});

test("dib-run-parts --list of a folder without scripts prints nothing and succeeds", async () => {
  await using folder = await tempFolder();
  expect(runLibrary(`"$_LIB/dib-run-parts" --list ${folder.path}`)).toEqual({ status: 0, lines: [], errors: "" });
});

describe("unmount_image", () => {
  test("runs what an element left in EXTRA_DETACH and EXTRA_UNMOUNT", () => {
    const env = { TMP_BUILD_DIR: "/nowhere", EXTRA_DETACH: "echo detach it", EXTRA_UNMOUNT: "echo unmount it" };
    expect(runLibrary("unmount_image", { env }).lines).toEqual([
      "*** /nowhere/mnt is not a directory",
      "detach it",
      "unmount it",
    ]);
  });
});
