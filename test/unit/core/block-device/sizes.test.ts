import { expect, test } from "vitest";
import { parseSize, resolveSize, roundUpSize, sizeForContent } from "@dibjs/core/block-device/sizes.js";
import { efiDisk, mbrDisk, plannedDisk } from "../../../support/toy-disk.js";

const mib = 2 ** 20;

test.each([
  ["154MiB", 161480704],
  ["198", 198],
  [198, 198],
  ["20TiB", 20 * 2 ** 40],
  ["1024KiB", mib],
  ["1.2TB", 1.2e12],
  ["2.4T", 2.4e12],
  ["512B", 512],
  ["1.5 GiB", 1.5 * 2 ** 30],
  ["MiB", mib],
  [".5K", 500],
])("size %s is %d bytes", (written, bytes) => {
  expect(parseSize(written)).toEqual({ bytes });
});

test("a percentage is a share of what is free, cut to whole bytes", () => {
  expect(parseSize("33.3%")).toEqual({ percent: 33.3 });
  expect(resolveSize({ percent: 33.3 }, 1000)).toBe(333);
  expect(resolveSize({ bytes: 7 }, 1000)).toBe(7);
});

test.each([
  "747InVaLiDUnIt",
  "_+!HuHi+-=",
  "",
  ".",
  "%",
  "101%",
  "-1",
  "1e3",
  "NaN",
  "9999999999TiB",
  "1.2.3M",
  undefined,
])("%s is no size", (written) => {
  expect(parseSize(written)).toBeUndefined();
});

test("image sizes are rounded up to 64 KiB, or to what a format needs", () => {
  expect([1, 65536, 65537].map((size) => roundUpSize(size))).toEqual([65536, 65536, 131072]);
  expect([1, 2 * mib, 2 * mib + 1].map((size) => roundUpSize(size, 2 * mib))).toEqual([2 * mib, 2 * mib, 4 * mib]);
});

test("without an explicit size the content takes 60 % and the journal of ext4 comes on top", () => {
  const planned = plannedDisk(mbrDisk, { mkfsJournalSizeMiB: 64 });
  expect(sizeForContent(planned, 600 * mib)).toBe(1064 * mib);
});

test("an extra size replaces the 60 % rule", () => {
  const planned = plannedDisk(mbrDisk, { mkfsJournalSizeMiB: 64, imageExtraSizeMiB: 100 });
  expect(sizeForContent(planned, 600 * mib)).toBe(764 * mib);
});

test("a tree that is smaller than the journal still gets a file system that can hold it", () => {
  expect(sizeForContent(plannedDisk(mbrDisk, { mkfsJournalSizeMiB: 64 }), mib)).toBe(140 * mib);
});

test("xfs has no journal of ours but a smallest size", () => {
  expect(sizeForContent(plannedDisk(mbrDisk, { fsType: "xfs" }), mib)).toBe(308 * mib);
  expect(sizeForContent(plannedDisk(mbrDisk, { fsType: "xfs" }), 600 * mib)).toBe(1000 * mib);
});

test("partitions of fixed size that do not hold the root are added from the layout, whatever their element is called", () => {
  const planned = plannedDisk(efiDisk, { mkfsJournalSizeMiB: 64 });
  expect(sizeForContent(planned, 600 * mib)).toBe((1064 + 64 + 8 + 1) * mib);
});

test("a root partition of a fixed size is what the disk has room for at least", () => {
  const fixed = plannedDisk(efiDisk.replace("size: 100%", "size: 1GiB"));
  expect(sizeForContent(fixed, 100 * mib)).toBe((1024 + 4 + 72 + 1) * mib);
});

const onVolumes = (crypt: string, lvs: string) => `
- local_loop: { name: image0 }
- partitioning: { base: image0, label: gpt, partitions: [{ name: part, size: 100% }] }
${crypt}
- lvm: { name: lvm, pvs: [{ name: pv, base: ${crypt === "" ? "part" : "crypt"} }], vgs: [{ name: vg, base: [pv] }], lvs: [${lvs}] }
- mkfs: { name: mkfs_root, base: root, type: ext2, mount: { mount_point: / } }
`;
const crypt = "- luks: { name: crypt, base: part, passphrase: { variable: DIB_PASSPHRASE } }";

test.each([
  ["volumes", "", "{ name: root, base: vg, extents: 100%FREE }", 1000 + 8],
  ["volumes on LUKS", crypt, "{ name: root, base: vg, extents: 100%FREE }", 1000 + 8 + 16],
  ["a volume of a size of its own", "", "{ name: root, base: vg, size: 4GiB }", 4096 + 4 + 8],
  [
    "another volume beside the root's",
    "",
    "{ name: var, base: vg, size: 1GiB }, { name: root, base: vg, extents: 100%FREE }",
    1000 + 1024 + 1 + 8,
  ],
  [
    "a thin volume, which has what its pool has",
    "",
    "{ name: pool, type: thin-pool, base: vg, size: 2GiB }, { name: root, type: thin, thin-pool: pool, base: vg, size: 9GiB }",
    2048 + 4 + 8 + 16,
  ],
])("a disk has room for the headers of %s", (_, luks, lvs, expected) => {
  expect(sizeForContent(plannedDisk(onVolumes(luks, lvs)), 600 * mib)).toBe(expected * mib);
});

test("a volume on a partition of a size of its own takes nothing beside it", () => {
  const config = onVolumes("", "{ name: root, base: vg, size: 1GiB }").replace("size: 100%", "size: 2GiB");
  expect(sizeForContent(plannedDisk(config), mib)).toBe((2048 + 4 + 8) * mib);
});
