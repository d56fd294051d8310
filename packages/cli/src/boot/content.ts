import { open } from "node:fs/promises";

const isoMark = { at: 16 * 2048 + 1, text: "CD001" };
const vhdMark = { fromEnd: 512, text: "conectix" };

/** What qemu-img can't see: a disc is raw to it, and so is a VHD of full length, which is told by its end alone. */
export async function formatByContent(path: string): Promise<"iso" | "vpc" | undefined> {
  const file = await open(path, "r");
  try {
    if (!(await file.stat()).isFile()) return undefined;
    const textAt = async (position: number, { length }: string) =>
      (await file.read(Buffer.alloc(length), 0, length, Math.max(0, position))).buffer.toString("latin1");
    const { size } = await file.stat();
    if ((await textAt(isoMark.at, isoMark.text)) === isoMark.text) return "iso";
    return (await textAt(size - vhdMark.fromEnd, vhdMark.text)) === vhdMark.text ? "vpc" : undefined;
  } finally {
    await file.close();
  }
}

/** Whether a raw disk could be booted: boot records and the protective one of a GPT end in 55 AA. */
export async function hasBootMark(path: string): Promise<boolean> {
  const file = await open(path, "r");
  try {
    return (await file.read(Buffer.alloc(2), 0, 2, 510)).buffer.readUInt16BE(0) === 0x55aa;
  } finally {
    await file.close();
  }
}
