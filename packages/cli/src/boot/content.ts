import { open, type FileHandle } from "node:fs/promises";

const isoMark = { at: 16 * 2048 + 1, text: "CD001" };
const bootMark = { at: 510, text: "\x55\xaa" };
const vhdMark = { fromEnd: 512, text: "conectix" };

/** What qemu-img can't see: a disc is raw to it, and so is a VHD of full length, which is told by its end alone. */
export async function formatByContent(path: string): Promise<"iso" | "vpc" | undefined> {
  await using file = await open(path, "r");
  const stat = await file.stat();
  if (!stat.isFile()) return undefined;
  if (await hasAt(file, isoMark.at, isoMark.text)) return "iso";
  return (await hasAt(file, stat.size - vhdMark.fromEnd, vhdMark.text)) ? "vpc" : undefined;
}

/** Whether a raw disk could be booted: boot records and the protective one of a GPT end in 55 AA. */
export async function hasBootMark(path: string): Promise<boolean> {
  await using file = await open(path, "r");
  return hasAt(file, bootMark.at, bootMark.text);
}

async function hasAt(file: FileHandle, position: number, text: string): Promise<boolean> {
  const { buffer } = await file.read(Buffer.alloc(text.length), 0, text.length, Math.max(0, position));
  return buffer.toString("latin1") === text;
}
