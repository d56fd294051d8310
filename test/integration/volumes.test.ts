/** How volumes and encrypted devices are made and let go, by programs that only note how they were called. The guest of the conformance suite makes real ones. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createNodes } from "@dibjs/core/block-device/create-nodes.js";
import { reserveNames } from "@dibjs/core/block-device/device-mapper.js";
import { luks } from "@dibjs/core/block-device/nodes/luks.js";
import { lvm } from "@dibjs/core/block-device/nodes/lvm.js";
import { createExec, type Exec } from "@dibjs/core/process/exec.js";
import type { BuildEvent } from "@dibjs/core/report/events.js";
import { ResourceStack } from "@dibjs/core/workspace/resource-stack.js";
import { diskContext } from "../support/toy-disk.js";
import { plannedNodes, runRecorded, type Answer } from "../support/recorded-volumes.js";
import { tempFolder } from "../support/temp-folder.js";

const start = [
  { local_loop: { name: "image0" } },
  { partitioning: { base: "image0", label: "gpt", partitions: [{ name: "root", size: "100%" }] } },
];
const group = "dib-test-vg";
const volumes = plannedNodes([
  ...start,
  {
    lvm: {
      name: "lvm",
      pvs: [{ name: "pv", base: "root" }],
      vgs: [{ name: group, base: ["pv"] }],
      lvs: [
        { name: "lv_one", base: group, size: "8MiB" },
        { name: "lv_two", base: group, size: "8MiB" },
      ],
    },
  },
]);

test.each<[string, Answer, RegExp]>([
  [
    "the host has",
    (command) => (command.includes(" vgs ") ? { stdout: `  other\n  ${group}\n` } : undefined),
    /volume group of this host/,
  ],
])("a group that %s is refused before anything is made", async (_, answer, reason) => {
  const { failure, created, released } = await runRecorded(lvm, volumes, { answer });
  expect(failure).toMatchObject({ code: "BLOCK_DEVICE_NAME_TAKEN", message: expect.stringMatching(reason) as string });
  expect([created, released]).toEqual([[], []]);
});

test("names are taken before anything of the disk is made", async () => {
  await using folder = await tempFolder();
  const commands: string[] = [];
  const exec: Exec = async (file, args) => {
    const command = [file, ...args].join(" ");
    if (file === "flock") commands.push(command);
    return { exitCode: command.includes("losetup") ? 1 : 0, signal: undefined, stdout: "", stderr: "no loop" };
  };
  const planned = { nodes: volumes, sectorSizeBytes: 512 };
  const places = { mountBase: folder.path, imageDir: folder.path, imageSizeBytes: 2 ** 20 };
  await expect(createNodes({ planned, ...places, ctx: diskContext(exec) })).rejects.toMatchObject({
    code: "BLOCK_DEVICE_NODE_FAILED",
  });
  expect(commands.map((command) => command.replace(/ --show .*/, ""))).toEqual([
    "flock -n -E 75 -x 3",
    "flock -w 60 /run/dib/.losetup.lock losetup -P -f",
  ]);
});

test("who wants a name that another build has waits for it, and says so", async () => {
  const events: string[] = [];
  const exec = createExec();
  const services = (resources: ResourceStack) => ({
    ...{ exec, resources, signal: new AbortController().signal },
    emit: (event: BuildEvent) => void events.push(event.type === "note" ? event.text : ""),
  });
  const first = new ResourceStack();
  await reserveNames(volumes, services(first));
  await using second = new ResourceStack();
  const waiting = reserveNames(volumes, services(second));
  await expect.poll(() => events, { timeout: 60_000 }).toEqual([expect.stringContaining(`the name ${group}`)]);
  await first[Symbol.asyncDispose]();
  await waiting;
});

test.each([
  [75, "", "BLOCK_DEVICE_NAME_TAKEN", /taken on this host, by another build/],
  [127, "flock: not found", "BLOCK_DEVICE_NODE_FAILED", /taking the name dib-test-vg failed: flock: not found/],
])("a flock that ends with %d", async (exitCode, stderr, code, message) => {
  const commands: string[] = [];
  await using resources = new ResourceStack();
  const exec: Exec = async (_, args) => {
    commands.push(args.join(" "));
    return { exitCode, signal: undefined, stdout: "", stderr };
  };
  const taken = reserveNames(volumes, { exec, resources, emit: () => {}, signal: new AbortController().signal });
  await expect(taken).rejects.toMatchObject({ code, message: expect.stringMatching(message) as string });
  expect(commands.join("; ")).toMatch(exitCode === 75 ? /^-n .*; -w 3600 -E 75 -x 3$/ : /^-n -E 75 -x 3$/);
});

test("groups of the host that can't be listed are no free names", async () => {
  const { failure, created } = await runRecorded(lvm, volumes, {
    answer: (command) => (command.includes(" vgs ") ? { exitCode: 5, stderr: "no locking" } : undefined),
  });
  expect(failure).toMatchObject({
    code: "BLOCK_DEVICE_NODE_FAILED",
    message: expect.stringContaining("looking for groups of this host failed: no locking") as string,
  });
  expect(created).toEqual([]);
});

test("a group by the name of what lies in /dev is refused", async () => {
  const nodes = plannedNodes([
    ...start,
    {
      lvm: {
        name: "lvm",
        pvs: [{ name: "pv", base: "root" }],
        vgs: [{ name: "null", base: ["pv"] }],
        lvs: [{ name: "lv", base: "null", size: "8MiB" }],
      },
    },
  ]);
  const { failure, created } = await runRecorded(lvm, nodes);
  expect(failure).toMatchObject({
    code: "BLOCK_DEVICE_NAME_TAKEN",
    message: expect.stringContaining("by /dev/null") as string,
  });
  expect(created).toEqual([]);
});

test("what was made before a volume failed goes, newest first, by lvm's own settings", async () => {
  const folders = new Set<string | undefined>();
  const { failure, created, released } = await runRecorded(lvm, volumes, {
    answer: (command, options) => {
      if (/^(lv|vg|pv)(create|change) /.test(command)) folders.add(options?.env?.["LVM_SYSTEM_DIR"]);
      return command.includes("lv_two") ? { exitCode: 5, stderr: "insufficient free space" } : undefined;
    },
  });
  expect(failure).toMatchObject({
    code: "BLOCK_DEVICE_NODE_FAILED",
    message: expect.stringContaining("insufficient free space") as string,
  });
  expect(created.at(-1)).toBe(`lvcreate --name lv_two -L 8388608B ${group}`);
  expect(released).toEqual([`lvchange -an /dev/${group}/lv_one`, "udevadm settle", `vgchange -an ${group}`]);
  expect([...folders].map((folder) => /lvm-\w{6}$/.test(folder ?? ""))).toEqual([true]);
});

const encrypted = (passphrase: object) =>
  plannedNodes([...start, { luks: { name: "dib-test-crypt", base: "root", label: "top", passphrase } }]);

test.each(["variable", "file"])(
  "a passphrase from a %s goes to cryptsetup's standard input, without the line's end",
  async (from) => {
    await using folder = await tempFolder();
    const file = join(folder.path, "key");
    await writeFile(file, "open sesame\n");
    const inputs: unknown[] = [];
    const nodes = encrypted(from === "file" ? { file } : { variable: "DIB_ROOT_PASSPHRASE" });
    const { created, state, failure } = await runRecorded(luks, nodes, {
      secrets: { DIB_ROOT_PASSPHRASE: "open sesame" },
      answer: (command, options) => {
        if (command.startsWith("cryptsetup ")) inputs.push(options?.input);
        return undefined;
      },
    });
    expect(failure).toBeUndefined();
    expect(inputs).toEqual(["open sesame", "open sesame"]);
    expect(created.join("\n")).not.toContain("sesame");
    expect(created[0]).toMatch(
      /^cryptsetup luksFormat --type luks2 --batch-mode --uuid \S+ --label top --key-file - \/dev\/fake\/root$/,
    );
    expect(created[1]).toBe("cryptsetup open --type luks2 --key-file - /dev/fake/root dib-test-crypt");
    expect(state.blockdev.get("dib-test-crypt")).toMatchObject({ device: "/dev/mapper/dib-test-crypt" });
  },
);

test("an encrypted device is noted before cryptsetup opens it: one that is interrupted may be there", async () => {
  const noted: string[] = [];
  const { failure } = await runRecorded(luks, encrypted({ variable: "DIB_ROOT_PASSPHRASE" }), {
    secrets: { DIB_ROOT_PASSPHRASE: "open sesame" },
    onBorrow: (loan) => noted.push(loan),
    answer: (command) => (command.startsWith("cryptsetup open") ? { exitCode: 1, stderr: "interrupted" } : undefined),
  });
  expect(failure).toMatchObject({ code: "BLOCK_DEVICE_NODE_FAILED" });
  expect(noted).toEqual(["luks"]);
});

test.each([
  ["no such variable", { variable: "DIB_NO_PASSPHRASE" }, "DIB_NO_PASSPHRASE holds no passphrase: it is not set"],
  ["no such file", { file: "/nowhere/key" }, "ENOENT"],
  ["no regular file", { file: "/dev/zero" }, "/dev/zero holds no passphrase: it is no regular file"],
  ["a file that is too long", { file: "/proc/cpuinfo" }, "/proc/cpuinfo holds no passphrase: it is longer"],
])("%s: refused, and nothing is encrypted", async (_, passphrase, reason) => {
  const { failure, created } = await runRecorded(luks, encrypted(passphrase));
  expect(failure).toMatchObject({
    code: "BLOCK_DEVICE_SECRET_UNUSABLE",
    message: expect.stringContaining(reason) as string,
  });
  expect(created).toEqual([]);
});
