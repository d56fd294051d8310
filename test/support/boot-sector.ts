import { writeFileSync } from "node:fs";

/** x86, real mode: writes each character to the first serial port. */
const say = (text: string): number[] => [...Buffer.from(text)].flatMap((byte) => [0xb0, byte, 0xee]); // mov al, byte; out dx, al

/** A disk of one megabyte that a BIOS starts in an instant: it greets, echoes what is typed, and after Enter says welcome. */
export function writeTalkingDisk(file: string): void {
  const greet = [0xba, 0xf8, 0x03, ...say("toy login: ")]; // mov dx, 0x3f8
  const wait = [0x83, 0xc2, 0x05, 0xec, 0xa8, 0x01, 0x74, 0xfb, 0x83, 0xea, 0x05]; // until line status, 0x3fd, says that a byte is there
  const echo = [0xec, 0xee, 0x3c, 0x0d]; // in al, dx; out dx, al; cmp al, 13
  const answer = say("\nwelcome\n");
  const again = (from: number, to: number) => (to - (from + 2)) & 0xff; // a short jump counts from its end
  const begin = greet.length;
  const compare = begin + wait.length + echo.length;
  const end = compare + 2 + answer.length;
  const disk = Buffer.alloc(2 ** 20);
  disk.set([...greet, ...wait, ...echo, 0x75, again(compare, begin), ...answer, 0xeb, again(end, begin)]);
  disk.set([0x55, 0xaa], 510);
  writeFileSync(file, disk);
}
