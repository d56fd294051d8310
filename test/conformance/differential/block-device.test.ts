/** dib-block-device of DIB and ours over the same layouts: what they run, what they keep, and what is on the disk. */
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  cleanUpBlockDevice,
  createBlockDevice,
  initBlockDevice,
  unmountBlockDevice,
  writeBlockDeviceFstab,
} from "@dibjs/core";
import { isDeepStrictEqual } from "node:util";
import { createExec, type Exec } from "@dibjs/core/process/exec.js";
import { describe, expect, test } from "vitest";
import { BlockDeviceFolder } from "../../support/block-device-folder.js";
import { partitionsOf } from "../../support/both-builds.js";
import { expectAgreement, type Claim, type Facts } from "../../support/differences.js";
import { dropInProgram } from "../../support/drop-in.js";
import { releasedDib, runReleased } from "../../support/released-dib.js";

const uuid = (digit: number) => `${String(digit).repeat(8)}-0000-4000-8000-000000000000`;
const fileSystem = (type: string, label: string, digit: number, more = "") =>
  `mkfs: { type: ${type}, label: ${label}, uuid: ${uuid(digit)}${more} }`;
const mounted = (path: string, fstab = "") =>
  `, mount: { mount_point: ${path}${fstab === "" ? "" : `, fstab: { ${fstab} }`} }`;
const table = (label: string, partitions: readonly string[], size = "512MiB") => `
- local_loop: { name: image0, size: ${size} }
- partitioning:
    base: image0
    label: ${label}
    partitions:
${partitions.map((partition) => `      - { ${partition} }`).join("\n")}
`;

const layouts: readonly (readonly [string, string])[] = [
  [
    "a file system on the whole disk",
    `- local_loop: { name: image0, size: 64MiB, ${fileSystem("ext4", "whole", 1, mounted("/", "fsck-passno: 1"))} }\n`,
  ],
  [
    "MBR, primary partitions",
    table("mbr", [
      `name: root, flags: [boot, primary], size: 40%, ${fileSystem("ext4", "root", 1, mounted("/", "options: 'defaults,noatime', fsck-passno: 1"))}`,
      `name: swap, type: "0x82", flags: [primary], size: 32MiB`,
      `name: srv, flags: [primary], size: 100%, ${fileSystem("ext3", "srv", 3, mounted("/srv", "dump-freq: 1"))}`,
    ]),
  ],
  [
    "MBR, primary and logical partitions",
    table("mbr", [
      `name: boot, flags: [boot, primary], size: 64MiB, ${fileSystem("ext2", "boot", 1, mounted("/boot", "fsck-passno: 2"))}`,
      `name: log, size: 20%, ${fileSystem("ext3", "log", 2, mounted("/var/log"))}`,
      `name: var, size: 50MB, ${fileSystem("ext4", "var", 3, mounted("/var", "options: noatime"))}`,
      `name: odd, size: '9999999', type: "0x0c"`,
      `name: root, size: 100%, ${fileSystem("ext4", "root", 4, mounted("/", "fsck-passno: 1"))}`,
    ]),
  ],
  [
    "GPT, several file systems",
    table(
      "gpt",
      [
        `name: BSP, type: EF02, size: 8MiB`,
        `name: swap, type: "8200", size: 32MiB`,
        `name: data, size: 400MiB, ${fileSystem("xfs", "data", 2, mounted("/data", "options: 'defaults,nodev'"))}`,
        `name: more, size: 200MiB, ${fileSystem("btrfs", "more", 3)}`,
        `name: Root Part, size: 100%, ${fileSystem("ext4", "root", 4, `, opts: "-i 8192 -m 1"${mounted("/", "fsck-passno: 1")}`)}`,
      ],
      "1GiB",
    ),
  ],
];

interface Made {
  /** Programs that make file systems and that mount them, in order. */
  readonly commands: readonly string[];
  readonly facts: Facts<unknown>;
}

/** mkfs of util-linux hands over to mkfs.TYPE; whoever is root needs no sudo; devices have other names each time. */
const spelled = (command: string, folder: string): string =>
  command
    .replace(/^sudo /, "")
    .replace(/^mkfs -t (\w+)/, "mkfs.$1")
    .replaceAll(`${folder}/`, "")
    .replace(/\/dev\/(?:mapper\/)?loop\d+(p\d+)?/g, "/dev/loopN$1");

const compared = (command: string) => /^(mkfs\.|mkswap |mount )/.test(command) && !/ -V$/.test(command);

function factsOf(folder: BlockDeviceFolder): Facts<unknown> {
  const { blockdev, ...state } = JSON.parse(
    spelled(readFileSync(join(folder.stateDir, "state.json"), "utf8"), folder.path),
  ) as Record<string, unknown>;
  return {
    blockdev,
    ...state,
    // A graph: its order says nothing.
    "config.json": new Set(folder.json("config.json") as unknown[]),
    "etc/fstab": readFileSync(join(folder.path, "build/built/etc/fstab"), "utf8").trim().split("\n"),
  };
}

const partitionsIn = (folder: BlockDeviceFolder, layout: string) =>
  layout.includes("partitioning") ? partitionsOf(join(folder.path, "images/image0.raw")) : {};

function open(layout: string): BlockDeviceFolder {
  const folder = new BlockDeviceFolder(layout, { "root-label": "" });
  for (const path of ["build/built/etc", "build/mnt"]) mkdirSync(join(folder.path, path), { recursive: true });
  return folder;
}

async function madeByDib(layout: string): Promise<Made> {
  const { lib } = await releasedDib();
  using folder = open(layout);
  const step = (name: string) => `python3 ${join(lib, "dib-block-device.py")} --params params.yaml ${name}`;
  const first = ["init", "create", "writefstab"].map(step).join(" && ");
  // All in one go: its mounts are in namespaces of their own. The state goes with its last command.
  const script = `${first} && cp -r build/states kept && ${step("umount")} && ${step("cleanup")} && cp -r kept/. build/states`;
  const { exitCode, stdout, stderr } = await runReleased(["sh", "-c", script], { cwd: folder.path });
  expect(exitCode, (stdout + stderr).slice(-3000)).toBe(0);
  const commands = [...(stdout + stderr).matchAll(/Calling \[(.*)\]/g)].map(([, command = ""]) => command);
  const facts = { ...factsOf(folder), ...partitionsIn(folder, layout) };
  expect(folder.held()).toEqual([]);
  return { commands: commands.map((command) => spelled(command, folder.path)).filter(compared), facts };
}

async function madeByOurs(layout: string): Promise<Made> {
  using folder = open(layout);
  const commands: string[] = [];
  const real = createExec();
  const exec: Exec = async (file, args, options) => {
    commands.push(spelled([file, ...args].join(" "), folder.path));
    return await real(file, args, options);
  };
  const parameters = await folder.read();
  await initBlockDevice(parameters);
  await createBlockDevice(parameters, folder.services(exec));
  await writeBlockDeviceFstab(parameters);
  const facts = factsOf(folder);
  await unmountBlockDevice(parameters, folder.services(exec));
  await cleanUpBlockDevice(parameters, folder.services());
  expect(folder.held()).toEqual([]);
  return { commands: commands.filter(compared), facts: { ...facts, ...partitionsIn(folder, layout) } };
}

const hasSame = (change: (text: string) => string) => (dib: unknown, ours: unknown) =>
  isDeepStrictEqual(JSON.parse(change(JSON.stringify(dib ?? null))), ours);
const claims: readonly Claim<unknown>[] = [
  {
    id: "mount-options",
    explains: (dib, ours) =>
      typeof ours === "string" &&
      ours.replace(/^mount -t \w+ (-o \S+ )?-- /, "mount ") === String(dib).replace(/\/$/, ""),
  },
  {
    id: "block-device-state",
    explains: (dib, ours, key) =>
      (key === "filesys" && hasSame((text) => text.replaceAll('"opts":null', '"opts":[]'))(dib, ours)) ||
      (key === "mount" && hasSame((text) => text.replaceAll('mnt/"', 'mnt"'))(dib, ours)) ||
      (["fs_labels", "sorted_mount_points"].includes(key) && ours === undefined),
  },
];

const uuidOfBtrfs: Claim<unknown> = {
  id: "file-system-uuids",
  explains: (dib, ours) => dib === String(ours).replace(/ -U \S+ -q/, "") && String(dib).startsWith("mkfs.btrfs "),
};

const bare = (mkfs: string) => `- local_loop: { name: image0, size: 64MiB, mkfs: { ${mkfs} } }\n`;
const root = bare("type: ext4, mount: { mount_point: / }");
const onGpt = (type: string) => table("gpt", [`name: root, size: 100%, type: ${type}`], "64MiB");

/** Commands that the two answer otherwise: the exit code of the last, and what a look at the folder then says. */
const answers: readonly {
  readonly id: string;
  readonly what: string;
  readonly layout: string;
  readonly before?: string;
  readonly commands: readonly string[];
  readonly look?: string;
  readonly dib: string;
  readonly ours: string;
}[] = [
  {
    id: "block-device-getval",
    what: "a symbol that there is not",
    layout: root,
    commands: ["init", "create", "getval image-block-partition"],
    dib: "exit 0",
    ours: "exit 1",
  },
  {
    id: "block-device-init",
    what: "two nodes of one name",
    layout: `${root}- mkfs: { name: mkfs_image0, base: image0, type: ext4 }\n`,
    commands: ["init"],
    dib: "exit 0",
    ours: "exit 1",
  },
  {
    id: "block-device-image-there",
    what: "a file where the image is to be",
    layout: root,
    before: "echo precious > images/image0.raw",
    commands: ["init", "create"],
    look: "stat -c %s images/image0.raw",
    dib: "exit 0\n67108864",
    ours: "exit 1\n9",
  },
  {
    id: "block-device-cleanup",
    what: "a cleanup without an umount before it",
    layout: root,
    commands: ["init", "create", "cleanup"],
    look: "losetup -n -O NAME -j images/image0.raw | wc -l",
    dib: "exit 0\n1",
    ours: "exit 0\n0",
  },
  {
    id: "block-device-fat-label",
    what: "the label of a FAT in small letters",
    layout: bare("type: vfat, label: small, mount: { mount_point: / }"),
    commands: ["init", "getval root-label"],
    look: "tail -n 1 said",
    dib: "exit 0\nsmall",
    ours: "exit 0\nSMALL",
  },
  ...(
    [
      ["a mount point outside", bare("type: ext4, mount: { mount_point: ../../etc }")],
      ["a UUID that is none", bare("type: ext4, uuid: nonsense")],
      ["a GPT type that is none", onGpt("nonsense")],
    ] as const
  ).map(([what, layout]) => ({
    ...{ id: "block-device-values", what, layout, commands: ["init"] },
    ...{ dib: "exit 0", ours: "exit 1" },
  })),
];

async function answerOf(program: string, { layout, before = ":", commands, look = ":" }: (typeof answers)[number]) {
  using folder = open(layout);
  const steps = commands.map((command) => `${program} --params params.yaml ${command} > said 2>> errors; code=$?`);
  const free = "umount -R build/mnt; losetup -n -O NAME -j images/image0.raw | xargs -r losetup -d";
  const script = [before, ...steps, 'echo "exit $code"', look, `{ ${free}; } > rest 2>&1`].join("\n");
  const { stdout } = await runReleased(["sh", "-c", script], { cwd: folder.path });
  expect(folder.held()).toEqual([]);
  return stdout.trim();
}

test.each(answers)("$id: $what", async (asked) => {
  const { lib } = await releasedDib();
  const dib = await answerOf(`python3 ${join(lib, "dib-block-device.py")}`, asked);
  const ours = await answerOf(`${process.execPath} ${dropInProgram("dib-block-device")}`, asked);
  const explains = (byDib?: string, byOurs?: string) => byDib === asked.dib && byOurs === asked.ours;
  expectAgreement({ answer: dib }, { answer: ours }, [{ id: asked.id, explains }]);
});

describe.each(layouts)("%s", (_, layout) => {
  test("the same programs make and mount it, and the same is kept, in the fstab and on the disk", async () => {
    const dib = await madeByDib(layout);
    const ours = await madeByOurs(layout);
    expect(dib.commands).not.toEqual([]);
    const more = layout.includes("btrfs") ? [uuidOfBtrfs] : [];
    expectAgreement(asFacts(dib), asFacts(ours), [...claims, ...more]);
  });
});

const asFacts = ({ commands, facts }: Made): Facts<unknown> => ({
  ...facts,
  ...Object.fromEntries(commands.map((command, index) => [`command ${index + 1}`, command])),
});
