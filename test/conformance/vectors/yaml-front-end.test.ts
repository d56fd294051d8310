import { formatCommand, mergeEntry, toCommands } from "@dibjs/cli/drop-in/definition/commands.js";
import { readDefinitions } from "@dibjs/cli/drop-in/definition/read.js";
import { join } from "node:path";
import { expect } from "vitest";
import { runBuilder, writeDefinitions } from "../../support/diskimage-builder.js";
import { tempFolder } from "../../support/temp-folder.js";
import { vector } from "../../support/vectors.js";
import type { VectorId } from "./sources.js";

type Entry = Readonly<Record<string, unknown>>;

/** The commands of entries that were written to a file. */
async function commandsOf(entries: readonly Entry[]) {
  await using folder = await tempFolder();
  const files = writeDefinitions(folder.path, { "images.yaml": entries });
  return toCommands(await readDefinitions(files.map((file) => join(folder.path, file))));
}

/** What one key is as arguments; undefined when it is refused. */
interface Row {
  readonly id: VectorId;
  readonly entry: Entry;
  readonly args: readonly string[] | undefined;
}

const rows: readonly Row[] = [
  { id: "yaml/environment", entry: { environment: { ONE: "1" } }, args: [] },
  { id: "yaml/environment", entry: { environment: { ONE: 1 } }, args: undefined },
  { id: "yaml/environment", entry: { environment: "ONE=1" }, args: undefined },
  { id: "yaml/value", entry: { "root-label": "the value" }, args: ["--root-label", "the value"] },
  { id: "yaml/value", entry: { imagename: "x" }, args: ["-o", "x"] },
  { id: "yaml/value", entry: { "root-label": "" }, args: [] },
  { id: "yaml/value", entry: { "root-label": 123 }, args: undefined },
  { id: "yaml/flag", entry: { uncompressed: true }, args: ["-u"] },
  { id: "yaml/flag", entry: { uncompressed: false }, args: [] },
  { id: "yaml/flag", entry: { uncompressed: "true" }, args: undefined },
  { id: "yaml/enum", entry: { "install-type": "package" }, args: ["--install-type", "package"] },
  { id: "yaml/enum", entry: { "install-type": "four" }, args: undefined },
  { id: "yaml/repeating", entry: { "debug-trace": 0 }, args: [] },
  { id: "yaml/repeating", entry: { "debug-trace": 1 }, args: ["-x"] },
  { id: "yaml/repeating", entry: { "debug-trace": 2 }, args: ["-x", "-x"] },
  { id: "yaml/repeating", entry: { "debug-trace": 3 }, args: undefined },
  { id: "yaml/integer", entry: { "image-size": 10 }, args: ["--image-size", "10"] },
  { id: "yaml/integer", entry: { "image-size": -1 }, args: undefined },
  { id: "yaml/integer", entry: { "image-size": 0 }, args: undefined },
  { id: "yaml/integer", entry: { "image-size": 1.5 }, args: undefined },
  { id: "yaml/list", entry: { packages: ["wget", "vim-enhanced"] }, args: ["-p", "wget,vim-enhanced"] },
  { id: "yaml/list", entry: { packages: [] }, args: [] },
  { id: "yaml/list", entry: { packages: "wget" }, args: undefined },
  {
    id: "yaml/positional-list",
    entry: { elements: ["centos", "vm", "bootloader"] },
    args: ["centos", "vm", "bootloader"],
  },
  { id: "yaml/enum-list", entry: { types: ["qcow2", "raw"] }, args: ["-t", "qcow2,raw"] },
  { id: "yaml/enum-list", entry: { types: ["qcow2", "floppy"] }, args: undefined },
  {
    id: "yaml/dictionary",
    entry: { "qemu-img-options": { foo: "bar", baz: "ingo" } },
    args: ["--qemu-img-options", "foo=bar,baz=ingo"],
  },
  { id: "yaml/dictionary", entry: { "qemu-img-options": { foo: 1 } }, args: undefined },
];

for (const { id, entry, args } of rows)
  vector(
    id,
    async () => {
      const commands = commandsOf([entry]);
      if (args === undefined) await expect(commands).rejects.toMatchObject({ code: "DEFINITION_VALUE_INVALID" });
      else expect((await commands).map((each) => each.args)).toEqual([args]);
    },
    JSON.stringify(entry),
  );

vector("yaml/help-text", async () => {
  await using folder = await tempFolder();
  const { exitCode, stdout } = await runBuilder({ cwd: folder.path, args: ["--help"] });
  expect(exitCode).toBe(0);
  expect(stdout).toContain("\nroot-label\n----------\nLabel of the root file system.\n(text)\n");
  expect(stdout).toContain("\ndebug-trace\n-----------\nHow much scripts trace, 0 for nothing.\n(one of 0, 1, 2)\n");
});

const twoImages: readonly Entry[] = [
  { imagename: "centos-minimal", elements: ["centos", "vm"] },
  { imagename: "ironic-python-agent", ramdisk: true, elements: ["ironic-python-agent-ramdisk", "extra-hardware"] },
];
const twoCommands = [
  { name: "disk-image-create", args: ["-o", "centos-minimal", "centos", "vm"] },
  {
    name: "ramdisk-image-create",
    args: ["-o", "ironic-python-agent", "ironic-python-agent-ramdisk", "extra-hardware"],
  },
];

const full: Entry = {
  imagename: "full",
  environment: { ELEMENTS_PATH: "/path/to/elements", DIB_CLOUD_IMAGES: "~/image.qcow2" },
  "root-label": "the-value",
  uncompressed: true,
  "debug-trace": 2,
  "qemu-img-options": { foo: "bar" },
  elements: ["centos", "vm"],
};
const fullArgs = ["-o", "full", "-x", "-x", "-u", "--qemu-img-options", "foo=bar", "--root-label", "the-value"];

vector("yaml/command", async () => {
  await using folder = await tempFolder();
  const args = writeDefinitions(folder.path, { "full.yaml": [full] });
  const { started } = await runBuilder({ cwd: folder.path, args });
  expect(started).toMatchObject([{ name: "disk-image-create", args: [...fullArgs, "centos", "vm"] }]);
});

vector("yaml/merged-environment", async () => {
  await using folder = await tempFolder();
  const args = writeDefinitions(folder.path, { "full.yaml": [full] });
  const { started } = await runBuilder({ cwd: folder.path, args, env: { CALLER: "c", ELEMENTS_PATH: "/another" } });
  expect(started[0]?.env).toMatchObject({
    CALLER: "c",
    ELEMENTS_PATH: "/path/to/elements",
    DIB_CLOUD_IMAGES: "~/image.qcow2",
    _LIB: expect.stringMatching(/^\/.*\/lib$/) as string,
  });
});

vector(
  "yaml/merged-environment",
  async () => {
    await using folder = await tempFolder();
    const args = writeDefinitions(folder.path, { "a.yaml": [{ environment: { _LIB: "/own", HOME: "/own/home" } }] });
    const { started } = await runBuilder({ cwd: folder.path, args });
    expect(started[0]?.env).toMatchObject({ _LIB: "/own", HOME: "/own/home" });
  },
  "an entry may set any of it",
);

vector("yaml/command-text", async () => {
  const [command] = await commandsOf([full]);
  expect(command && formatCommand(command)).toBe(
    `ELEMENTS_PATH=/path/to/elements DIB_CLOUD_IMAGES='~/image.qcow2' disk-image-create ${fullArgs.join(" ")} centos vm`,
  );
});

vector("yaml/merge-entry", () => {
  const before = { imagename: "image1", elements: ["one", "two", "three"], "debug-trace": 1 };
  expect(mergeEntry(before, { imagename: "image1", "debug-trace": 2, logfile: "image1.log" })).toEqual({
    imagename: "image1",
    elements: ["one", "two", "three"],
    "debug-trace": 2,
    logfile: "image1.log",
  });
  expect(
    mergeEntry(
      { ...before, environment: { DIB_ONE: "1", DIB_TWO: "2" } },
      { elements: ["four", "five"], environment: { DIB_TWO: "two", DIB_THREE: "three" } },
    ),
  ).toEqual({
    ...before,
    elements: ["one", "two", "three", "four", "five"],
    environment: { DIB_ONE: "1", DIB_TWO: "two", DIB_THREE: "three" },
  });
});

vector("yaml/two-images", async () => {
  const commands = await commandsOf(twoImages);
  expect(commands.map(({ program, args }) => ({ name: program, args }))).toEqual(twoCommands);
});

vector("yaml/merged-images", async () => {
  await using folder = await tempFolder();
  const args = writeDefinitions(folder.path, {
    "base.yaml": [
      { imagename: "centos-minimal", elements: ["centos", "vm"], environment: { foo: "bar", zip: "zap" } },
      { elements: ["devuser"], logfile: "centos-minimal.log" },
    ],
    "more.yaml": [{ imagename: "centos-minimal", environment: { foo: "baz", one: "two" } }],
  });
  const { started } = await runBuilder({ cwd: folder.path, args });
  expect(started.map((each) => each.args)).toEqual([
    ["-o", "centos-minimal", "--logfile", "centos-minimal.log", "centos", "vm", "devuser"],
  ]);
  expect(started[0]?.env).toMatchObject({ foo: "baz", zip: "zap", one: "two" });
});

const merges: readonly { readonly more: string; readonly entries: readonly Entry[]; readonly args: string[][] }[] = [
  {
    more: "a first entry without a name gives none, until a later one says it",
    entries: [{ elements: ["a"] }, { elements: ["b"] }],
    args: [["a", "b"]],
  },
  {
    more: "a first entry without a name is called image",
    entries: [{ elements: ["a"] }, { imagename: "other" }, { imagename: "image", elements: ["b"] }],
    args: [
      ["-o", "image", "a", "b"],
      ["-o", "other"],
    ],
  },
  {
    more: "in the order in which the names first come",
    entries: [{ imagename: "b" }, { imagename: "a" }, { imagename: "b", checksum: true }, { offline: true }],
    args: [
      ["-o", "b", "--checksum", "--offline"],
      ["-o", "a"],
    ],
  },
];
for (const { more, entries, args } of merges)
  vector(
    "yaml/merged-images",
    async () => expect((await commandsOf(entries)).map((each) => each.args)).toEqual(args),
    more,
  );

vector("yaml/all-arguments", async () => {
  const [command] = await commandsOf([
    {
      elements: ["centos", "vm"],
      "skip-base": true,
      packages: ["wget", "tmux"],
      "docker-target": "everyoption:latest",
      "root-label": "root",
      "install-type": "package",
      "ramdisk-element": "dracut-ramdisk",
      "qemu-img-options": { size: "10" },
      offline: true,
      "no-tmpfs": true,
      "mkfs-options": "-D",
      "mkfs-journal-size": 1,
      "min-tmpfs": 7,
      "max-online-resize": 1000,
      "image-cache": "~/.cache/dib",
      "image-extra-size": 1,
      "image-size": 40,
      checksum: true,
      logfile: "./logfile.log",
      clear: true,
      uncompressed: true,
      "debug-trace": 2,
      types: ["qcow2"],
      arch: "amd64",
      imagename: "everyoption",
    },
  ]);
  const expected =
    "-o everyoption -a amd64 -t qcow2 -x -x -u -c --logfile ./logfile.log --checksum --image-size 40 --image-extra-size 1 " +
    "--image-cache ~/.cache/dib --max-online-resize 1000 --min-tmpfs 7 --mkfs-journal-size 1 --mkfs-options -D --no-tmpfs " +
    "--offline --qemu-img-options size=10 --root-label root --ramdisk-element dracut-ramdisk --install-type package " +
    "--docker-target everyoption:latest -p wget,tmux -n centos vm";
  expect(command?.args.join(" ")).toBe(expected);
});

interface Run {
  readonly id: VectorId;
  readonly args?: readonly string[];
  readonly exits: readonly number[];
  readonly exitCode: number;
  readonly started: number;
  readonly tells: string;
}

const shown = [
  "disk-image-create -o centos-minimal centos vm\n\n",
  "ramdisk-image-create -o ironic-python-agent ironic-python-agent-ramdisk extra-hardware\n\n",
] as const;
const more =
  "  hint: What went wrong stands above, where each of them ended.\n  more: dib explain DEFINITION_IMAGES_FAILED\n";
const runs: readonly Run[] = [
  { id: "yaml/dry-run", args: ["--dry-run"], exits: [], exitCode: 0, started: 0, tells: shown.join("") },
  { id: "yaml/dry-run", args: ["--dry"], exits: [], exitCode: 0, started: 0, tells: shown.join("") },
  { id: "yaml/runs-all", exits: [0, 0], exitCode: 0, started: 2, tells: shown.join("") },
  {
    id: "yaml/stop-on-failure",
    args: ["--stop-on-failure"],
    exits: [9],
    exitCode: 1,
    started: 1,
    tells: `${shown[0]}ERROR: centos-minimal failed with exit code 9; not begun: ironic-python-agent.\n${more}`,
  },
  {
    id: "yaml/continue-on-failure",
    exits: [9, 3],
    exitCode: 1,
    started: 2,
    tells: `${shown.join("")}ERROR: centos-minimal failed with exit code 9, ironic-python-agent failed with exit code 3.\n${more}`,
  },
  {
    id: "yaml/continue-on-failure",
    exits: [9, 0],
    exitCode: 1,
    started: 2,
    tells: `${shown.join("")}ERROR: centos-minimal failed with exit code 9.\n${more}`,
  },
];
for (const { id, args = [], exits, exitCode, started, tells } of runs)
  vector(
    id,
    async () => {
      await using folder = await tempFolder();
      const files = writeDefinitions(folder.path, { "two.yaml": twoImages });
      const result = await runBuilder({ cwd: folder.path, args: [...files, ...args], exits });
      expect(result).toMatchObject({ exitCode, stdout: "", stderr: tells });
      expect(result.started.map(({ name, args: own }) => ({ name, args: own }))).toEqual(twoCommands.slice(0, started));
    },
    [...args, ...exits].join(" "),
  );
