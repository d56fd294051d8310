import { Readable } from "node:stream";
import type { BuildEvent } from "@dibjs/core";
import { tellImageUsage } from "@dibjs/core/report/image-usage.js";
import { expect, test } from "vitest";

const smallTree = ["10240\t/t/usr/a", "9\t/t/etc/b\nc", "10249\t/t/usr", "10300\t/t"];

interface Told {
  readonly entries?: readonly string[];
  readonly exitCode?: number;
  readonly complaint?: string;
}

async function told(
  variables: Readonly<Record<string, string>>,
  { entries = smallTree, exitCode = 0, complaint = "" }: Told = {},
): Promise<readonly BuildEvent[]> {
  const events: BuildEvent[] = [];
  const environment = Object.entries(variables).map(([name, value]) => ({
    name,
    value,
    secret: false,
    origin: "environment",
  }));
  const listed = Buffer.from(entries.map((entry) => `${entry}\0`).join(""));
  await tellImageUsage({ environment }, "/t", {
    exec: async (_file, _args, { onOutput } = {}) => {
      // In pieces that cut entries, and characters.
      const pieces = Array.from({ length: Math.ceil(listed.length / 7) }, (_, i) => listed.subarray(i * 7, i * 7 + 7));
      await onOutput?.("stdout", Readable.from(pieces, { objectMode: false }));
      await onOutput?.("stderr", Readable.from([Buffer.from(complaint)], { objectMode: false }));
      return { exitCode, signal: undefined, stdout: "", stderr: "" };
    },
    emit: (event) => void events.push(event),
  });
  return events;
}

const large = [
  { path: "/", sizeBytes: 10300 * 1024 },
  { path: "/usr", sizeBytes: 10249 * 1024 },
  { path: "/usr/a", sizeBytes: 10240 * 1024 },
];
const whole = { type: "image-usage", isFirst: true, isLast: true };

test.each([
  [{}, []],
  [{ DIB_SHOW_IMAGE_USAGE: "0", DIB_SHOW_IMAGE_USAGE_FULL: "0" }, []],
  [{ DIB_SHOW_IMAGE_USAGE: "1" }, [{ ...whole, leastBytes: 10 * 2 ** 20, entries: large }]],
  [
    { DIB_SHOW_IMAGE_USAGE_FULL: "yes" },
    [{ ...whole, leastBytes: 0, entries: [...large, { path: "/etc/b\nc", sizeBytes: 9 * 1024 }] }],
  ],
])("%j", async (variables, events) => {
  expect(await told(variables)).toEqual(events);
});

test("a long list comes in parts, in order", async () => {
  const entries = Array.from({ length: 2001 }, (_, i) => `${i}\t/t/grün-${i}`);
  const events = await told({ DIB_SHOW_IMAGE_USAGE_FULL: "1" }, { entries });
  const parts = events.flatMap((event) => (event.type === "image-usage" ? [event] : []));
  expect(parts.map(({ isFirst, isLast, entries }) => [isFirst, isLast, entries.length])).toEqual([
    [true, false, 1000],
    [false, false, 1000],
    [false, true, 1],
  ]);
  expect([parts[0]?.entries[0]?.path, parts[2]?.entries[0]?.path]).toEqual(["/grün-2000", "/grün-0"]);
});

test("du that fails is a warning beside what it told", async () => {
  const events = await told({ DIB_SHOW_IMAGE_USAGE: "1" }, { exitCode: 1, complaint: "du: cannot access 'x'\n" });
  expect(events).toEqual([
    { type: "note", level: "warning", text: "What takes the room is not all told: du: cannot access 'x'" },
    { ...whole, leastBytes: 10 * 2 ** 20, entries: large },
  ]);
});
