/** Everything that a user can get wrong, tried with the real CLI: what it says, how it ends, and that the host is as it was. */
import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { snapshotTree } from "@dibjs/testkit";
import { anElement } from "../support/build-fixture.js";
import { resultOf, startDib, type DibResult } from "../support/dib.js";
import { pathWithout } from "../support/hide-program.js";
import { readHostState } from "../support/host-guard.js";
import { giveToOtherUser, startAsOtherUser } from "../support/other-user.js";
import { Project } from "../support/toy-os.js";

const core = fileURLToPath(new URL("../../packages/core", import.meta.url));

let project: Project;
beforeEach(() => {
  project = new Project();
  for (const name of ["tmp", "small", "node_modules"]) mkdirSync(join(project.dir, name));
  project.script("install.d/10-say", "echo so");
});
afterEach(() => project[Symbol.dispose]());

const places = ["--elements-path", "elements", "--tmp-dir", "tmp", "--image-cache", "cache"];
const toy = ["build", "-n", "-t", "tar", "-o", "out/image", ...places];
const subject = [...toy, "toy-os", "subject"];
const disk = [...subject, "block-device-mbr", "-t", "qcow2"];

interface BadInput {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly code: string;
  readonly exitCode: number;
  /** The value that is wrong, and the place where it was written. */
  readonly says: readonly string[];
  readonly hint: string;
}

/** Of the host all that a build touches; of the project everything but the log, and the cache, which is where logs are kept. */
async function hostAndFiles(): Promise<unknown> {
  // The tree of the project ends where another file system begins.
  const trees = await Promise.all([project.dir, join(project.dir, "small")].map(snapshotTree));
  const files = trees.map((tree) => Object.entries(tree).filter(([path]) => !/^\/(cache|home|log)(\/|$)/.test(path)));
  return { ...(await readHostState(project.dir)), files };
}

interface Envelope {
  readonly errors: readonly { readonly code: string; readonly message: string; readonly hint?: string }[];
}

async function expectRefusal(bad: BadInput, start = () => startDib([...(bad.args ?? subject), "--json"], where(bad))) {
  const before = await hostAndFiles();
  const told = await resultOf(start());
  expect(await hostAndFiles()).toEqual(before);
  const errors = errorsOf(told);
  expect(
    errors.map(({ code }) => code),
    told.stderr,
  ).toEqual([bad.code]);
  const [error] = errors;
  for (const text of bad.says) expect(error?.message).toContain(text);
  expect(error?.hint).toContain(bad.hint);
  expect(told.stderr).toContain(`✖ ${bad.code} `);
  expect(told.exitCode).toBe(bad.exitCode);
  return told;
}

const where = ({ env = {} }: BadInput) => ({ cwd: project.dir, env });
const errorsOf = ({ stdout }: DibResult) => (JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "") as Envelope).errors;

/** An npm package in the project's node_modules with a plugin that taps `afterPhase` of install in an order. */
function plugin(name: string, order: string): void {
  const entry = `import { defineElement } from "@dibjs/core";
export default defineElement({ name: "${name}", setup({ hooks }) { hooks.afterPhase.for("install").tap(() => {}, ${order}); } });\n`;
  anElement(name)
    .file("plugin.mjs", entry)
    .writeAsPackage(join(project.dir, "node_modules"), { entry: "./plugin.mjs" });
}

describe("elements", () => {
  test.each<[string, BadInput]>([
    [
      "no element",
      { args: ["build"], code: "ELEMENT_NONE", exitCode: 2, says: ["No elements"], hint: "dib build debian vm" },
    ],
    [
      "an unknown element",
      {
        args: [...toy, "toy-oss"],
        ...{ code: "ELEMENT_NOT_FOUND", exitCode: 2 },
        ...{ says: ["'toy-oss'"], hint: 'Did you mean "toy-os"?' },
      },
    ],
    [
      "a name that is none",
      {
        args: [...toy, "toy/os"],
        ...{ code: "ELEMENT_NAME_INVALID", exitCode: 2, says: ['"toy/os"'], hint: "Element names match" },
      },
    ],
    [
      "no operating system",
      {
        args: [...toy, "subject"],
        ...{ code: "ELEMENT_NO_OPERATING_SYSTEM", exitCode: 2, says: ["subject"], hint: "debian-minimal" },
      },
    ],
    [
      "a folder of elements that is not there",
      {
        args: [...subject, "--elements-path", "elemnts"],
        ...{ code: "ELEMENT_PATH_INVALID", exitCode: 2, says: ["elemnts"], hint: "correct the path" },
      },
    ],
    [
      "an unknown element to describe",
      {
        args: ["info", "subjct", "--elements-path", "elements"],
        ...{ code: "ELEMENT_NOT_FOUND", exitCode: 2, says: ["'subjct'"], hint: 'Did you mean "subject"?' },
      },
    ],
  ])("%s", async (_, bad) => void (await expectRefusal(bad)));

  test("an unknown element that another one needs: the path to it is told", async () => {
    project.write("elements/subject/element-deps", "middle\n");
    project.write("elements/middle/element-deps", "nowhere\n");
    await expectRefusal({
      ...{ code: "ELEMENT_NOT_FOUND", exitCode: 2 },
      ...{ says: ["'nowhere'", "subject → middle"], hint: "Install its package" },
    });
  });

  test("a version that does not satisfy who asks for it", async () => {
    const modules = join(project.dir, "node_modules");
    anElement("friend").script("install.d/20-friend").writeAsPackage(modules, { version: "1.4.0" });
    anElement("asker")
      .script("install.d/20-asker")
      .writeAsPackage(modules, { requires: { friend: "^2.0.0" } });
    await expectRefusal({
      args: [...toy, "toy-os", "asker"],
      ...{ code: "ELEMENT_VERSION_CONFLICT", exitCode: 2 },
      ...{ says: ["friend is at version 1.4.0", "^2.0.0  asked for by asker → friend"], hint: "dib-element-friend" },
    });
  });

  test("two providers of one thing", async () => {
    for (const name of ["mysql", "postgres"]) project.write(`elements/${name}/element-provides`, "database\n");
    project.write("elements/subject/element-deps", "database\nmysql\n");
    await expectRefusal({
      args: [...subject, "postgres", "mysql"],
      ...{ code: "ELEMENT_ALREADY_PROVIDED", exitCode: 2 },
      ...{ says: ["database", "postgres", "mysql"], hint: "Keep one of them" },
    });
  });

  test("taps that want to run before each other", async () => {
    mkdirSync(join(project.dir, "node_modules/@dibjs"));
    symlinkSync(core, join(project.dir, "node_modules/@dibjs/core"));
    plugin("left", '{ before: "right" }');
    plugin("right", '{ before: "left" }');
    await expectRefusal({
      args: [...toy, "toy-os", "left", "right"],
      ...{ code: "HOOK_ORDER_CYCLE", exitCode: 1 },
      ...{ says: ["afterPhase:install", "left, right"], hint: "before and after" },
    });
  });

  test("two scripts of one name", async () => {
    project.write("elements/other/install.d/10-say", "#!/bin/bash\n");
    await expectRefusal({
      args: [...subject, "other"],
      ...{ code: "PLAN_SCRIPT_CLASH", exitCode: 2 },
      ...{ says: ["install.d/10-say", "subject", "other"], hint: "Rename one" },
    });
  });

  test.each<[string, object, Omit<BadInput, "args" | "exitCode">]>([
    [
      "that is not as it must be",
      { cache: "no" },
      { code: "ELEMENT_MANIFEST_INVALID", says: ["dib-element-odd/package.json", "cache"], hint: "Correct it there" },
    ],
    [
      "of a later version",
      { apiVersion: 99 },
      { code: "ELEMENT_API_UNSUPPORTED", says: ["dib-element-odd", "apiVersion 99"], hint: "Update dib" },
    ],
    [
      "for another core",
      { core: "^99" },
      { code: "ELEMENT_CORE_MISMATCH", says: ["dib-element-odd", "^99"], hint: "supports this core" },
    ],
  ])("a manifest %s", async (_, manifest, bad) => {
    anElement("odd").writeAsPackage(join(project.dir, "node_modules"), manifest);
    await expectRefusal({ args: [...toy, "toy-os", "odd"], exitCode: 2, ...bad });
  });
});

describe("block devices", () => {
  const layout = (text: string) => project.write("elements/subject/block-device-default.yaml", text);

  test("that stand on each other", async () => {
    layout(
      "- local_loop: { name: image0 }\n- mkfs: { name: one, base: two, type: ext4 }\n- mkfs: { name: two, base: one, type: ext4 }\n",
    );
    await expectRefusal({
      args: [...subject, "-t", "qcow2"],
      ...{ code: "BLOCK_DEVICE_CONFIG_INVALID", exitCode: 2 },
      ...{ says: ["element subject", "one", "two"], hint: "block-device-*.yaml" },
    });
  });

  test("in YAML that is none", async () => {
    layout("- local_loop: { name: image0\n");
    await expectRefusal({
      args: [...subject, "-t", "qcow2"],
      ...{ code: "BLOCK_DEVICE_CONFIG_INVALID", exitCode: 2 },
      ...{ says: ["element subject:2:1"], hint: "block-device-*.yaml" },
    });
  });
});

describe("config files", () => {
  test.each<[what: string, file: string, text: string, bad: BadInput]>([
    [
      "YAML that is none",
      "dib.config.yaml",
      "elements: [toy-os\nbase: false\n",
      {
        ...{ code: "CONFIG_UNREADABLE", exitCode: 2 },
        ...{ says: ["dib.config.yaml:2:1"], hint: "valid YAML" },
      },
    ],
    [
      "JSON that is none",
      "dib.config.json",
      '{\n  "elements": ["toy-os"],\n  "base": maybe false\n  "formats": 1 }\n',
      {
        ...{ code: "CONFIG_UNREADABLE", exitCode: 2 },
        ...{ says: ["dib.config.json:3:11"], hint: "valid YAML, JSON" },
      },
    ],
    [
      "a package.json that is none",
      "package.json",
      '{ "name": "project",\n  "dib": { "elements": ["toy-os" }\n}\n',
      {
        ...{ code: "CONFIG_UNREADABLE", exitCode: 2 },
        ...{ says: ["package.json:2:"], hint: "valid YAML, JSON" },
      },
    ],
    [
      "TypeScript that throws",
      "dib.config.ts",
      'throw new Error("no such luck");\nexport default {};\n',
      {
        ...{ code: "CONFIG_UNREADABLE", exitCode: 2 },
        ...{ says: ["dib.config.ts:1", "no such luck"], hint: "valid YAML, JSON, JavaScript or TypeScript" },
      },
    ],
    [
      "an unknown key",
      "dib.config.yaml",
      "elements: [toy-os]\nformts: [tar]\n",
      {
        ...{ code: "CONFIG_KEY_UNKNOWN", exitCode: 2 },
        ...{ says: ["dib.config.yaml:2:1", '"formts"'], hint: 'Did you mean "formats"?' },
      },
    ],
    [
      "a value of the wrong kind",
      "dib.config.yaml",
      "elements: [toy-os]\nimageSizeGiB: enormous\n",
      {
        ...{ code: "CONFIG_VALUE_INVALID", exitCode: 2 },
        ...{ says: ["dib.config.yaml:2:15", "imageSizeGiB", '"enormous"'], hint: "Correct imageSizeGiB there" },
      },
    ],
    [
      "an image that is not in it",
      "dib.config.yaml",
      "images: { one: { elements: [toy-os] } }\n",
      {
        args: ["build", "--image", "on"],
        ...{ code: "CONFIG_IMAGE_UNKNOWN", exitCode: 2 },
        ...{ says: ['"on"', "one"], hint: 'Did you mean "one"?' },
      },
    ],
  ])("%s", async (_, file, text, bad) => {
    project.write(file, text);
    await expectRefusal(bad);
  });

  test("that are not there", () =>
    expectRefusal({
      args: [...subject, "--config", "none.yaml"],
      ...{ code: "CONFIG_NOT_FOUND", exitCode: 2, says: ["none.yaml"], hint: "--config" },
    }));
});

describe("options", () => {
  test.each<[string, BadInput]>([
    [
      "an unknown option",
      {
        args: ["build", "--elments-path", "elements"],
        ...{ code: "USAGE_INVALID", exitCode: 2, says: ["--elments-path"], hint: "--elements-path" },
      },
    ],
    ["an unknown command", { args: ["bild"], code: "USAGE_INVALID", exitCode: 2, says: ["bild"], hint: "build" }],
    [
      "an unknown format",
      {
        args: [...subject, "-t", "qcow3"],
        ...{ code: "FORMAT_UNKNOWN", exitCode: 2, says: ['"qcow3"', "-t"], hint: 'Did you mean "qcow2"?' },
      },
    ],
    [
      "a size that is none",
      {
        args: [...subject, "--image-size", "big"],
        ...{ code: "CONFIG_VALUE_INVALID", exitCode: 2 },
        ...{ says: ["--image-size", '"big"', "a positive number"], hint: "Correct --image-size" },
      },
    ],
    [
      "a value from the environment that is none",
      {
        env: { DIB_IMAGE_SIZE: "huge" },
        ...{ code: "CONFIG_VALUE_INVALID", exitCode: 2 },
        ...{ says: ["$DIB_IMAGE_SIZE", '"huge"'], hint: "Correct $DIB_IMAGE_SIZE" },
      },
    ],
    [
      "an unknown break point",
      {
        args: [...subject, "--break", "before-lunch"],
        ...{ code: "BREAK_NAME_UNKNOWN", exitCode: 2, says: ['"before-lunch"'], hint: "before-" },
      },
    ],
    [
      "an error code to explain that is none",
      { args: ["explain", "NONE"], code: "USAGE_INVALID", exitCode: 2, says: ['"NONE"'], hint: "dib explain" },
    ],
  ])("%s", async (_, bad) => void (await expectRefusal(bad)));

  test("several findings are all listed", async () => {
    const args = ["plan", "toy-os", "--image-size", "big", "--min-tmpfs", "x", ...places, "--json"];
    const told = await resultOf(startDib(args, { cwd: project.dir }));
    expect(told.exitCode).toBe(2);
    expect(errorsOf(told).map(({ code }) => code)).toEqual(["CONFIG_VALUE_INVALID", "CONFIG_VALUE_INVALID"]);
  });
});

describe("a script", () => {
  test("that fails", async () => {
    project.script("install.d/20-fail", "echo last words; exit 3");
    await expectRefusal({
      ...{ code: "SCRIPT_FAILED", exitCode: 1 },
      ...{ says: ["install.d/20-fail of element subject exited with 3", "last words"], hint: "--shell-on-error" },
    });
  });

  test("that fails on the disk, with a loop device and mounts to take down", async () => {
    project.script("finalise.d/20-fail", "exit 4");
    await expectRefusal({
      args: disk,
      ...{ code: "SCRIPT_FAILED", exitCode: 1 },
      ...{ says: ["finalise.d/20-fail of element subject exited with 4"], hint: "--shell-on-error" },
    });
  });

  test("that is missing: a link to nothing", async () => {
    symlinkSync("../scripts/install", join(project.elements, "subject/install.d/20-missing"));
    await expectRefusal({
      ...{ code: "PLAN_SCRIPT_INVALID", exitCode: 2 },
      ...{ says: ["subject: install.d/20-missing", "../scripts/install", "no such file"], hint: "Add the file" },
    });
  });

  test("whose interpreter is missing", async () => {
    project.write("elements/subject/install.d/20-none", "#!/no/such/interpreter\n");
    await expectRefusal({
      ...{ code: "SCRIPT_FAILED", exitCode: 1 },
      ...{ says: ["install.d/20-none of element subject exited with 127"], hint: "its interpreter, is missing" },
    });
  });

  test("with lines that end in CR LF", async () => {
    project.write("elements/subject/install.d/20-dos", "#!/bin/bash\r\necho so\r\n");
    await expectRefusal({
      ...{ code: "PLAN_SCRIPT_INVALID", exitCode: 2 },
      ...{ says: ["subject: install.d/20-dos", "CR LF"], hint: "sed -i 's/\\r$//' install.d/20-dos" },
    });
  });

  test("that prints 100 MB and fails: the message has its end only", async () => {
    project.script("install.d/20-flood", "head -c 100000000 /dev/zero | tr '\\0' x; echo; echo last words; exit 3");
    const { stdout } = await expectRefusal({
      ...{ code: "SCRIPT_FAILED", exitCode: 1 },
      ...{ says: ["install.d/20-flood of element subject exited with 3", "last words"], hint: "--shell-on-error" },
    });
    expect(stdout.split("\n").at(-2)?.length).toBeLessThan(100_000);
  });

  test("that prints binary and fails: no byte of it moves the terminal", async () => {
    project.script("install.d/20-binary", "printf '\\xff\\xfe\\x1b]0;title\\x07\\x9b31m last words\\n'; exit 3");
    const { stderr } = await expectRefusal({
      ...{ code: "SCRIPT_FAILED", exitCode: 1 },
      ...{ says: ["install.d/20-binary of element subject exited with 3", "last words"], hint: "--shell-on-error" },
    });
    expect(stderr).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/); // eslint-disable-line no-control-regex
  });

  test("of environment.d that fails", async () => {
    project.write("elements/subject/environment.d/50-bad.bash", 'echo "$UNSET_VARIABLE"\n');
    await expectRefusal({
      ...{ code: "ENVIRONMENT_FAILED", exitCode: 1 },
      ...{ says: ["environment.d/50-bad.bash", "before phase root", "UNSET_VARIABLE"], hint: "set -eu" },
    });
  });

  test("in root that leaves the target empty", async () => {
    project.write("elements/toy-os/root.d/10-toy-os", '#!/bin/bash\nmkdir -p "$TARGET_ROOT/tmp"\n');
    await expectRefusal({
      ...{ code: "ROOT_NOT_DEPLOYED", exitCode: 1, says: ["only tmp"], hint: "fill $TARGET_ROOT in root.d" },
    });
  });
});

describe("no space", () => {
  /** A file system of its own at the project's folder `small`, until the end of the block. */
  function smallFileSystem(options: string): Disposable {
    const at = join(project.dir, "small");
    execFileSync("mount", ["-t", "tmpfs", "-o", `mode=0755,${options}`, "tmpfs", at]);
    return { [Symbol.dispose]: () => void execFileSync("umount", [at]) };
  }

  test("in a work folder of a few MiB: refused before anything runs", async () => {
    using _ = smallFileSystem("size=4m");
    await expectRefusal({
      args: [...subject, "--no-tmpfs", "--tmp-dir", "small"],
      ...{ code: "HOST_SPACE_SHORT", exitCode: 5, says: ["/small has 4 MiB free"], hint: "TMPDIR" },
    });
  });

  test("in an output folder of a few MiB", async () => {
    using _ = smallFileSystem("size=4m");
    await expectRefusal({
      args: [...subject, "-o", "small/image"],
      ...{ code: "HOST_SPACE_SHORT", exitCode: 5, says: ["/small has 4 MiB free"], hint: "Free some space" },
    });
  });

  const ballast = (phase: string, megabytes: number) =>
    project.script(`${phase}.d/20-ballast`, `head -c ${megabytes}000000 /dev/urandom > "$TARGET_ROOT/ballast"`);

  test("left in the work folder when a script fills it", async () => {
    using _ = smallFileSystem("size=260m");
    ballast("extra-data", 300);
    await expectRefusal({
      args: [...subject, "--no-tmpfs", "--tmp-dir", "small"],
      ...{ code: "SPACE_EXHAUSTED", exitCode: 5 },
      ...{ says: ["/small/dib_build.", "running extra-data.d/20-ballast"], hint: "TMPDIR" },
    });
  });

  test("left for one more file in the work folder", async () => {
    using _ = smallFileSystem("size=260m,nr_inodes=4");
    await expectRefusal({
      args: [...subject, "--no-tmpfs", "--tmp-dir", "small"],
      ...{ code: "SPACE_EXHAUSTED", exitCode: 5, says: ["/small/dib_build."], hint: "TMPDIR" },
    });
  });

  test("left in the output folder when the archive is written", async () => {
    using _ = smallFileSystem("size=40m");
    ballast("extra-data", 40);
    await expectRefusal({
      args: [...subject, "-o", "small/image"],
      ...{ code: "SPACE_EXHAUSTED", exitCode: 5, says: ["/small/.dib-", "writing the tar output"], hint: "-o" },
    });
  });

  test("left in the output folder when the disk is converted", async () => {
    using _ = smallFileSystem("size=40m");
    ballast("extra-data", 40);
    await expectRefusal({
      args: [...disk, "-o", "small/image"],
      ...{ code: "SPACE_EXHAUSTED", exitCode: 5, says: ["/small/.dib-", "writing the qcow2 output"], hint: "-o" },
    });
  });

  test("left where the log is", async () => {
    using _ = smallFileSystem("size=32k");
    project.script("install.d/20-talk", "head -c 500000 /dev/zero | tr '\\0' 'x'");
    await expectRefusal({
      args: [...subject, "--logfile", "small/log"],
      ...{ code: "SPACE_EXHAUSTED", exitCode: 5, says: ["/small/log", "writing the build log"], hint: "--logfile" },
    });
  });

  test("left in the image, of a size that was asked for", async () => {
    ballast("extra-data", 60);
    await expectRefusal({
      args: [...disk, "--image-size", "0.05", "--mkfs-journal-size", "4"],
      ...{ code: "IMAGE_TOO_SMALL", exitCode: 5, says: ["51 MiB"], hint: "--image-size" },
    });
  });
});

describe("the host", () => {
  test("lacks tools", async () => {
    mkdirSync(join(project.dir, "bin"));
    await expectRefusal({
      args: disk,
      env: { PATH: join(project.dir, "bin") },
      ...{ code: "HOST_TOOL_MISSING", exitCode: 3 },
      ...{ says: ["unshare (for every build", "qemu-img (for "], hint: "apt-get install " },
    });
  });

  describe("gives no root", () => {
    beforeEach(() => giveToOtherUser(project));
    const args = [...subject, "--image-cache", "home/cache", "--json"];

    test("and has no sudo", async () => {
      const path = pathWithout("sudo", join(project.dir, "bin"));
      const bad = {
        code: "HOST_PRIVILEGE_MISSING",
        exitCode: 3,
        says: ["needs root", "no sudo"],
        hint: "Run it as root",
      };
      await expectRefusal(bad, () => startAsOtherUser(project, args, { rule: "NOPASSWD: ALL", path }));
    });

    test("and has a sudo that would ask for a password", async () => {
      const bad = {
        code: "HOST_PRIVILEGE_MISSING",
        exitCode: 3,
        says: ["sudo refused"],
        hint: 'sudo -E env "PATH=$PATH"',
      };
      await expectRefusal(bad, () => startAsOtherUser(project, args, { rule: "PASSWD: ALL" }));
    });

    test("and the output folder is another's", async () => {
      const bad = { code: "OUTPUT_UNWRITABLE", exitCode: 3, says: ["/elements/image", "not writable"], hint: "-o" };
      const elsewhere = [...args, "-o", "elements/image"];
      await expectRefusal(bad, () => startAsOtherUser(project, elsewhere, { rule: "NOPASSWD: ALL" }));
    });
  });
});

describe("an output", () => {
  test.each<[string, BadInput]>([
    [
      "folder that can't be made",
      {
        args: [...subject, "-o", "/proc/none/image"],
        ...{ code: "OUTPUT_UNWRITABLE", exitCode: 3, says: ["/proc/none/image"], hint: "-o" },
      },
    ],
    [
      "below a file",
      {
        args: [...subject, "-o", "elements/toy-os/element-provides/image"],
        ...{ code: "OUTPUT_UNWRITABLE", exitCode: 3, says: ["element-provides is not a folder"], hint: "-o" },
      },
    ],
    [
      "work folder that can't be made",
      {
        args: [...subject, "--tmp-dir", "/proc/none"],
        ...{ code: "HOST_FOLDER_UNFIT", exitCode: 3, says: ["/proc/none"], hint: "TMPDIR" },
      },
    ],
    [
      "log that can't be written",
      {
        args: [...subject, "--logfile", "none/log"],
        ...{ code: "OUTPUT_UNWRITABLE", exitCode: 3, says: ["none/log"], hint: "--logfile" },
      },
    ],
  ])("%s", async (_, bad) => void (await expectRefusal(bad)));

  test("that is a folder", async () => {
    mkdirSync(join(project.out, "image.tar"));
    await expectRefusal({
      ...{ code: "OUTPUT_UNWRITABLE", exitCode: 3, says: ["out/image.tar", "it is a folder"], hint: "-o" },
    });
  });

  test("folder on a file system that is read-only", async () => {
    const at = join(project.dir, "small");
    execFileSync("mount", ["-t", "tmpfs", "-o", "ro", "tmpfs", at]);
    try {
      await expectRefusal({
        args: [...subject, "-o", "small/image"],
        ...{ code: "OUTPUT_UNWRITABLE", exitCode: 3, says: ["small/image"], hint: "-o" },
      });
    } finally {
      execFileSync("umount", [at]);
    }
  });
});
