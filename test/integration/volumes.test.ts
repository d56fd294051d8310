/** How volumes and encrypted devices are made and let go, by programs that only note how they were called. The guest of the conformance suite makes real ones. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { luks } from "@dibjs/core/block-device/nodes/luks.js";
import { lvm } from "@dibjs/core/block-device/nodes/lvm.js";
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
    (command) => (command.startsWith("vgs ") ? { stdout: `  other\n  ${group}\n` } : undefined),
    /volume group of this host/,
  ],
  ["another build keeps", (command) => (command.startsWith("flock ") ? { exitCode: 1 } : undefined), /another build/],
])("a group that %s is refused before anything is made", async (_, answer, reason) => {
  const { failure, created, released } = await runRecorded(lvm, volumes, { answer });
  expect(failure).toMatchObject({ code: "BLOCK_DEVICE_NAME_TAKEN", message: expect.stringMatching(reason) as string });
  expect([created, released]).toEqual([[], []]);
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
