import type { BuildEvent } from "@dibjs/core";
import { tellImageUsage } from "@dibjs/core/report/image-usage.js";
import { expect, test } from "vitest";

const listed = ["10240\t/t/usr/a", "9\t/t/etc/b\nc", "10249\t/t/usr", "10300\t/t"]
  .map((entry) => `${entry}\0`)
  .join("");

async function told(variables: Readonly<Record<string, string>>): Promise<readonly BuildEvent[]> {
  const events: BuildEvent[] = [];
  const environment = Object.entries(variables).map(([name, value]) => ({
    name,
    value,
    secret: false,
    origin: "environment",
  }));
  await tellImageUsage({ environment }, "/t", {
    exec: async () => Promise.resolve({ exitCode: 0, signal: undefined, stdout: listed, stderr: "" }),
    emit: (event) => void events.push(event),
  });
  return events;
}

const large = [
  { path: "/", sizeBytes: 10300 * 1024 },
  { path: "/usr", sizeBytes: 10249 * 1024 },
  { path: "/usr/a", sizeBytes: 10240 * 1024 },
];

test.each([
  [{}, []],
  [{ DIB_SHOW_IMAGE_USAGE: "0", DIB_SHOW_IMAGE_USAGE_FULL: "0" }, []],
  [{ DIB_SHOW_IMAGE_USAGE: "1" }, [{ type: "image-usage", leastBytes: 10 * 2 ** 20, entries: large }]],
  [
    { DIB_SHOW_IMAGE_USAGE_FULL: "yes" },
    [{ type: "image-usage", leastBytes: 0, entries: [...large, { path: "/etc/b\nc", sizeBytes: 9 * 1024 }] }],
  ],
])("%j", async (variables, events) => {
  expect(await told(variables)).toEqual(events);
});
