import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { anElement } from "../support/build-fixture.js";
import { fileOf, testDifference } from "../support/test-difference.js";
import { buildToy } from "../support/toy-image.js";

const layouts = ["block-device-mbr", "block-device-gpt", "block-device-efi", "block-device-efi-4k"] as const;
const built = new Map<string, Awaited<ReturnType<typeof buildToy>>>();

beforeAll(async () => {
  for (const layout of layouts) {
    const flags = { formats: ["raw", "tar"], arch: "amd64", imageSizeGiB: "1" };
    built.set(layout, await buildToy({ elements: [layout], flags }));
  }
});

afterAll(async () => {
  for (const { folder } of [...built.values(), ...trees]) await folder[Symbol.asyncDispose]();
});

function buildOf(layout: (typeof layouts)[number]) {
  const found = built.get(layout);
  if (found === undefined) throw new Error(`${layout} was not built`);
  return found;
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
const espLine = "LABEL=MKFS_ESP /boot/efi vfat defaults 0 2\n";

/** A build without a disk: this kernel may not be able to make one of volumes. */
async function ofTree(elements: readonly string[]) {
  const toy = await buildToy({ elements, flags: { formats: ["tar"], arch: "amd64" } });
  trees.push(toy);
  return toy.run;
}
const trees: Awaited<ReturnType<typeof buildToy>>[] = [];
const installed = (packages: string) => fileOf(`install-packages ${packages}\n`);

describe("disk layouts", () => {
  testDifference("block-device-mbr", "the root is all that is mounted", () => buildOf("block-device-mbr").run, {
    added: { "/etc/fstab": fileOf(rootLine) },
  });
  testDifference("block-device-gpt", "the root is all that is mounted", () => buildOf("block-device-gpt").run, {
    added: { "/etc/fstab": fileOf(rootLine) },
  });
  testDifference("block-device-efi", "the ESP is mounted after the root", () => buildOf("block-device-efi").run, {
    added: { "/etc/fstab": fileOf(`${rootLine}${espLine}`), "/boot/efi": { kind: "folder" } },
  });

  testDifference("block-device-efi-4k", "is mounted like block-device-efi", () => buildOf("block-device-efi-4k").run, {
    added: { "/etc/fstab": fileOf(`${rootLine}${espLine}`), "/boot/efi": { kind: "folder" } },
  });

  testDifference(
    "block-device-efi-lvm",
    "brings what finds its volumes at boot",
    () => ofTree(["block-device-efi-lvm"]),
    {
      added: { "/var/lib/packages": installed("lvm2 thin-provisioning-tools") },
    },
  );
  testDifference("lvm", "installs LVM", () => ofTree(["lvm"]), {
    added: { "/var/lib/packages": installed("lvm2 thin-provisioning-tools") },
  });
  testDifference("luks", "installs cryptsetup for the initramfs", () => ofTree(["luks"]), {
    added: { "/var/lib/packages": installed("cryptsetup cryptsetup-initramfs") },
  });

  test("luks: the initramfs is built again when there is a crypttab with an entry", async () => {
    const crypttab = anElement("crypttab").script(
      "post-install.d/50-crypttab",
      "echo 'root UUID=1 none luks' > /etc/crypttab",
    );
    const update = anElement("update").script(
      "install.d/50-update",
      `printf '#!/bin/sh\necho "$@" >> /etc/updated\n' > /usr/bin/update-initramfs; chmod 755 /usr/bin/update-initramfs`,
    );
    const { tree, folder } = await buildToy({ elements: ["luks", "crypttab", "update"], fixtures: [crypttab, update] });
    await using _folder = folder;
    expect(tree.get("/etc/updated")).toMatchObject(fileOf("-u -k all\n"));
  });

  test("block-device-mbr: one bootable partition over the whole disk", () => {
    const { label, partitions } = tableOf(`${buildOf("block-device-mbr").folder.image}.raw`);
    expect({ label, types: partitions.map(({ type }) => type), bootable: partitions[0]?.bootable }).toEqual({
      label: "dos",
      types: ["83"],
      bootable: true,
    });
    expect(mebibytes(partitions[0]?.size ?? 0)).toBeGreaterThan(1020);
  });

  test("block-device-gpt: a BIOS boot partition, then the root", () => {
    const { label, partitions } = tableOf(`${buildOf("block-device-gpt").folder.image}.raw`);
    expect(label).toBe("gpt");
    expect(partitions.map(({ type, name }) => [type, name])).toEqual([
      [biosBoot, "BSP"],
      [linux, "root"],
    ]);
    expect(mebibytes(partitions[0]?.size ?? 0)).toBe(8);
  });

  test("block-device-efi: the ESP at /boot/efi, a BIOS boot partition, the root", () => {
    const { partitions } = tableOf(`${buildOf("block-device-efi").folder.image}.raw`);
    expect(partitions.map(({ type, name }) => [type, name])).toEqual([
      [efiSystem, "ESP"],
      [biosBoot, "BSP"],
      [linux, "root"],
    ]);
    expect(partitions.slice(0, 2).map(({ size }) => mebibytes(size))).toEqual([550, 8]);
  });

  // Read from the bytes: this host's sfdisk takes a file for a disk with sectors of 512 bytes.
  test("block-device-efi-4k: a GPT in sectors of 4096 bytes", () => {
    const image = readFileSync(`${buildOf("block-device-efi-4k").folder.image}.raw`);
    const sector = (number: number) => image.subarray(number * 4096, (number + 1) * 4096);
    expect(sector(1).toString("latin1", 0, 8)).toBe("EFI PART");
    const places = [0, 1, 2].map((index) => {
      const entry = sector(2).subarray(index * 128);
      return [entry.readBigUInt64LE(32), entry.readBigUInt64LE(40) - entry.readBigUInt64LE(32) + 1n].map(Number);
    });
    expect(places.slice(0, 2)).toEqual([
      [256, (500 * 2 ** 20) / 4096],
      [256 + (500 * 2 ** 20) / 4096, (8 * 2 ** 20) / 4096],
    ]);
    const [start = 0] = places[2] ?? [];
    expect(image.readUInt16LE(start * 4096 + 1024 + 56)).toBe(0xef53); // ext4
  });

  // Evaluated by itself: a build for a foreign architecture needs an emulator on the host.
  test.each([
    ["block-device-mbr", "arm64", "use block-device-efi"],
    ["block-device-gpt", "aarch64", "use block-device-efi"],
    ["block-device-efi-4k", "ppc64el", "use block-device-gpt or block-device-mbr"],
    ["block-device-efi", "ppc64el", "use block-device-gpt or block-device-mbr"],
  ])("%s is refused for %s, with the layout to use", (element, arch, advice) => {
    const file = `packages/element-block-device/elements/${element}/environment.d/10-${element}`;
    const { status, stderr } = spawnSync("bash", ["-euc", `. "${file}"`], { env: { ARCH: arch }, encoding: "utf8" });
    expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining(advice) as string });
  });
});
