/** What an image's first sectors say about how it wants to start. */
const efiSystem = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b";
const biosBoot = "21686148-6449-6e6f-744e-656564454649";
const sectorSizes = [512, 4096];

/** `uefi` for a disk with an EFI system partition that has nothing for a BIOS; both firmwares can start most others. */
export function firmwareOf(start: Buffer): "bios" | "uefi" {
  const types = gptTypes(start) ?? mbrTypes(start);
  if (types.includes(biosBoot)) return "bios";
  return types.includes(efiSystem) || types.includes("ef") ? "uefi" : "bios";
}

function mbrTypes(start: Buffer): string[] {
  if (start.length < 512 || start.readUInt16LE(510) !== 0xaa55) return [];
  return [0, 1, 2, 3].map((index) => (start[446 + index * 16 + 4] ?? 0).toString(16).padStart(2, "0"));
}

function gptTypes(start: Buffer): string[] | undefined {
  const size = sectorSizes.find((bytes) => start.subarray(bytes, bytes + 8).toString("latin1") === "EFI PART");
  if (size === undefined) return undefined;
  const entries = Number(start.readBigUInt64LE(size + 72)) * size;
  const [count, bytes] = [start.readUInt32LE(size + 80), start.readUInt32LE(size + 84)];
  const types: string[] = [];
  for (let index = 0, at = entries; index < count && at + 16 <= start.length; index++, at += bytes)
    types.push(formatGuid(start.subarray(at, at + 16)));
  return types;
}

/** The first three groups are stored backwards. */
function formatGuid(bytes: Buffer): string {
  const hex = (from: number, to: number) => bytes.subarray(from, to).toString("hex");
  const swapped = (from: number, to: number) => Buffer.from(bytes.subarray(from, to)).reverse().toString("hex");
  return `${swapped(0, 4)}-${swapped(4, 6)}-${swapped(6, 8)}-${hex(8, 10)}-${hex(10, 16)}`;
}
