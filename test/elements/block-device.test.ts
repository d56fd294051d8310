import { execFileSync, spawnSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildToy, filesThatDiffer, textOf, type ImageTree } from "../support/toy-image.js";

let bare: ImageTree;
const folders: AsyncDisposable[] = [];

beforeAll(async () => {
  bare = (await build([], ["tar"])).tree;
});

afterAll(async () => {
  for (const folder of folders) await folder[Symbol.asyncDispose]();
});

async function build(elements: readonly string[], formats: readonly string[]) {
  const built = await buildToy({ elements, flags: { formats, arch: "amd64", imageSizeGiB: "1" } });
  folders.push(built.folder);
  return built;
}

interface Table {
  readonly label: string;
  readonly partitions: readonly {
    readonly size: number;
    readonly type: string;
    readonly bootable?: boolean;
    readonly name?: string;
  }[];
}

const tableOf = (image: string): Table => {
  const { partitiontable } = JSON.parse(execFileSync("sfdisk", ["--json", image], { encoding: "utf8" })) as {
    partitiontable: Table;
  };
  return partitiontable;
};

const mebibytes = (sectors: number) => Math.round(sectors / 2048);
const efiSystem = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B";
const biosBoot = "21686148-6449-6E6F-744E-656564454649";
const linux = "0FC63DAF-8483-4772-8E79-3D69D8477DE4";
const rootLine = "LABEL=cloudimg-rootfs / ext4 defaults 0 1\n";

describe("disk layouts", () => {
  test("block-device-mbr: one bootable partition over the whole disk", async () => {
    const { tree, folder } = await build(["block-device-mbr"], ["raw", "tar"]);
    const { label, partitions } = tableOf(`${folder.image}.raw`);
    expect({ label, types: partitions.map(({ type }) => type), bootable: partitions[0]?.bootable }).toEqual({
      label: "dos",
      types: ["83"],
      bootable: true,
    });
    expect(mebibytes(partitions[0]?.size ?? 0)).toBeGreaterThan(1020);
    expect(filesThatDiffer(bare, tree).added).toEqual(["/etc/fstab"]);
    expect(textOf(tree, "/etc/fstab")).toBe(rootLine);
  });

  test("block-device-gpt: a BIOS boot partition, then the root", async () => {
    const { tree, folder } = await build(["block-device-gpt"], ["raw", "tar"]);
    const { label, partitions } = tableOf(`${folder.image}.raw`);
    expect(label).toBe("gpt");
    expect(partitions.map(({ type, name }) => [type, name])).toEqual([
      [biosBoot, "BSP"],
      [linux, "root"],
    ]);
    expect(mebibytes(partitions[0]?.size ?? 0)).toBe(8);
    expect(textOf(tree, "/etc/fstab")).toBe(rootLine);
  });

  test("block-device-efi: the ESP at /boot/efi, a BIOS boot partition, the root", async () => {
    const { tree, folder } = await build(["block-device-efi"], ["raw", "tar"]);
    const { partitions } = tableOf(`${folder.image}.raw`);
    expect(partitions.map(({ type, name }) => [type, name])).toEqual([
      [efiSystem, "ESP"],
      [biosBoot, "BSP"],
      [linux, "root"],
    ]);
    expect(partitions.slice(0, 2).map(({ size }) => mebibytes(size))).toEqual([550, 8]);
    expect(textOf(tree, "/etc/fstab")).toBe(`${rootLine}LABEL=MKFS_ESP /boot/efi vfat defaults 0 2\n`);
  });

  // Evaluated by itself: a build for a foreign architecture needs an emulator on the host.
  test.each([
    ["block-device-mbr", "arm64", "use block-device-efi"],
    ["block-device-gpt", "aarch64", "use block-device-efi"],
    ["block-device-efi", "ppc64el", "use block-device-gpt or block-device-mbr"],
  ])("%s is refused for %s, with the layout to use", (element, arch, advice) => {
    const file = `packages/element-block-device/elements/${element}/environment.d/10-${element}`;
    const { status, stderr } = spawnSync("bash", ["-euc", `. "${file}"`], { env: { ARCH: arch }, encoding: "utf8" });
    expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining(advice) as string });
  });
});
