import { execFileSync } from "node:child_process";
import { truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createBlockDevice, deleteBlockDevice, initBlockDevice } from "@dibjs/core";
import { guidByCode } from "@dibjs/core/block-device/gpt-types.js";
import { BlockDeviceFolder } from "../../support/block-device-folder.js";
import { imageOf, makeImage, tableIn, type SfdiskTable } from "../../support/block-device-image.js";
import { tempFolder } from "../../support/temp-folder.js";
import { vector } from "../../support/vectors.js";

const table = (partitions: readonly string[], size = "1GiB", more = "") =>
  `- local_loop: { name: image0, size: ${size} }\n- partitioning: { base: image0, label: gpt, ${more} partitions: [${partitions.join(", ")}] }\n`;

/** The table that sgdisk writes on a file of that size. */
async function tableOfSgdisk(sizeBytes: number, args: readonly string[]): Promise<SfdiskTable> {
  await using folder = await tempFolder();
  const image = join(folder.path, "image");
  writeFileSync(image, "");
  truncateSync(image, sizeBytes);
  execFileSync("sgdisk", [image, ...args], { stdio: "ignore" });
  return tableIn(image);
}

/** Without what is drawn for each disk, and its file. */
const withoutUuids = ({ id: _, device: __, partitions, ...rest }: SfdiskTable) => ({
  ...rest,
  partitions: partitions.map(({ uuid: ___, ...partition }) => partition),
});

const efi = [
  '{ name: ESP, type: "EF00", size: 8MiB }',
  '{ name: BSP, type: "EF02", size: 8MiB }',
  '{ name: Root Part, type: "8300", size: 100% }',
];

vector("gpt/efi", async () => {
  const config = table(efi);
  using folder = new BlockDeviceFolder(config);
  const parameters = await folder.read();
  await initBlockDevice(parameters);
  await createBlockDevice(parameters, folder.services());
  const { blockdev } = folder.json("state.json") as { blockdev: Record<string, { device: string }> };
  const ours = tableIn(imageOf(folder));
  await deleteBlockDevice(parameters, folder.services());
  const loop = blockdev["image0"]?.device ?? "";
  expect(Object.entries(blockdev).map(([name, { device }]) => [name, device])).toEqual([
    ["image0", loop],
    ["ESP", `${loop}p1`],
    ["BSP", `${loop}p2`],
    ["Root Part", `${loop}p3`],
  ]);
  const command = ["1:0:+8M 1:EF00 1:ESP", "2:0:+8M 2:EF02 2:BSP", "3:0:+1006M 3:8300 3:Root"].flatMap((part) => {
    const [place = "", type = "", name = ""] = part.split(" ");
    return ["-n", place, "-t", type, "-c", name.replace("Root", "Root Part")];
  });
  expect(withoutUuids(ours)).toEqual(withoutUuids(await tableOfSgdisk(2 ** 30, command)));
});

test("every type that sgdisk knows by a code has the GUID that sgdisk gives it", async () => {
  const codes = Object.keys(guidByCode);
  expect(codes.length).toBeGreaterThan(200);
  for (let from = 0; from < codes.length; from += 100) {
    const some = codes.slice(from, from + 100);
    const { partitions } = await tableOfSgdisk(
      2 ** 28,
      some.flatMap((code, index) => ["-n", `${index + 1}:0:+1M`, "-t", `${index + 1}:${code}`]),
    );
    expect(Object.fromEntries(some.map((code, index) => [code, partitions[index]?.type]))).toEqual(
      Object.fromEntries(some.map((code) => [code, guidByCode[code]])),
    );
  }
});

test("UUIDs of disk and partitions, labels and attributes are those that were asked for", async () => {
  const [disk, first, second] = [1, 2, 3].map((digit) => `0000000${digit}-AAAA-4BBB-8CCC-DDDDDDDDDDDD`);
  const config = table(
    [
      `{ name: a, size: 8MiB, uuid: ${first?.toLowerCase()}, partlabel: "Ä b", attributes: [required, legacy-boot, 63] }`,
      `{ name: b, size: 8MiB, uuid: ${second}, partlabel: 0x83, attributes: no-block-io }`,
      `{ name: yes, size: 8MiB, attributes: [read-only, hidden] }`,
    ],
    "64MiB",
    `uuid: ${disk},`,
  );
  using folder = await makeImage(config);
  const { id, partitions } = tableIn(imageOf(folder));
  expect(id).toBe(disk);
  expect(partitions.map(({ uuid, name, attrs }) => [uuid, name, attrs])).toEqual([
    [first, "Ä b", "RequiredPartition LegacyBIOSBootable GUID:63"],
    [second, "0x83", "NoBlockIOProtocol"],
    [expect.any(String), "yes", "GUID:60,62"],
  ]);
});

test("a partition that grows takes what is left, and says so where its type has a meaning for it", async () => {
  const rest = async (partition: string) => {
    using folder = await makeImage(table(["{ name: a, size: 8MiB }", partition], "64MiB"));
    const { size, attrs } = tableIn(imageOf(folder)).partitions[1] ?? { size: 0 };
    return [size / 2048, attrs];
  };
  expect(await rest("{ name: b, type: 8304, grow: true }")).toEqual([54, "GUID:59"]);
  expect(await rest("{ name: b, type: 8300, size: 20MiB, grow: true }")).toEqual([54, undefined]);
  expect(await rest("{ name: b, type: 8304, size: 20MiB, grow: false }")).toEqual([20, undefined]);
});

test("a partition that grows may not become smaller than its size", async () => {
  await expect(makeImage(table(["{ name: a, size: 70MiB, grow: true }"], "64MiB"))).rejects.toMatchObject({
    code: "IMAGE_TOO_SMALL",
  });
});
