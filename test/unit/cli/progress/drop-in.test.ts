import type { BuildEvent } from "@dibjs/core";
import { openDropInRenderer } from "@dibjs/cli/progress/drop-in.js";
import { expect, test } from "vitest";

const output = { output: "out/img", path: "/here/out/img" };

function linesOf(events: readonly BuildEvent[]): readonly string[] {
  const lines: string[] = [];
  const renderer = openDropInRenderer((line) => lines.push(line), output);
  for (const event of events) renderer.onEvent(event);
  return lines;
}

const started: readonly BuildEvent[] = [
  { type: "planned", digest: "", phases: [{ phase: "post-root", scripts: 1 }] },
  { type: "workspace", buildDir: "/tmp/dib_build.x", imageDir: "/tmp/dib_image.x", tmpfs: false, note: "no room" },
  { type: "hooks-generated", hooksDir: "/tmp/dib_build.x/hooks", phases: ["root", "install"], files: 3 },
];
const phase = (name: string, place: "host" | "chroot", scripts: readonly string[]): readonly BuildEvent[] => [
  { type: "phase-start", phase: name, place, root: "tree" },
  { type: "environment", phase: name, files: ["10-a.bash"] },
  ...scripts.flatMap((script): BuildEvent[] => {
    const ref = { phase: name, element: script === "packages" ? "-" : "e", script };
    return [
      { type: "script-start", ...ref },
      { type: "script-end", ...ref, seconds: 1.5, outcome: "done" },
    ];
  }),
  { type: "phase-end", phase: name, seconds: 3 },
];
const profile = (target: string, rows: readonly string[]) =>
  [
    "----------------------- PROFILING -----------------------",
    "",
    `Target: ${target}`,
    "",
    `Script${" ".repeat(34)}   Seconds`,
    `${"-".repeat(39)}  ${"-".repeat(10)}`,
    "",
    ...rows,
    "",
    "--------------------- END PROFILING ---------------------",
  ].map((line) => `dib-run-parts ${line}`);

test("a phase outside is told with its folder, its environment, its scripts and their times", () => {
  const hooks = "/tmp/dib_build.x/hooks";
  expect(linesOf([...started, ...phase("root", "host", ["9-x", "10-y"])])).toEqual([
    "WARNING: no room",
    "Building in /tmp/dib_build.x",
    `Running hooks from ${hooks}/root.d`,
    `dib-run-parts Sourcing environment file ${hooks}/root.d/../environment.d/10-a.bash`,
    `dib-run-parts Running ${hooks}/root.d/9-x`,
    "dib-run-parts 9-x completed",
    `dib-run-parts Running ${hooks}/root.d/10-y`,
    "dib-run-parts 10-y completed",
    ...profile("root.d", [`10-y${" ".repeat(36)}      1.500`, `9-x${" ".repeat(37)}      1.500`]),
  ]);
});

test("one in the chroot by the paths that its scripts know, without the packages of -p", () => {
  const lines = linesOf([...started, ...phase("install", "chroot", ["10-y", "packages"])]);
  expect(lines.slice(2, 5)).toEqual([
    "dib-run-parts Sourcing environment file /tmp/in_target.d/install.d/../environment.d/10-a.bash",
    "dib-run-parts Running /tmp/in_target.d/install.d/10-y",
    "dib-run-parts 10-y completed",
  ]);
  expect(lines.filter((line) => line.includes("packages"))).toEqual([]);
});

test("one that no element has scripts or steps for is passed over", () => {
  expect(linesOf([...started, ...phase("cleanup", "host", [])]).slice(2)).toEqual([]);
  expect(linesOf([...started, ...phase("post-root", "host", ["50-step"])])[2]).toBe(
    "Running hooks from /tmp/dib_build.x/hooks/post-root.d",
  );
});

test("a script that failed did not complete", () => {
  const ref = { phase: "root", element: "e", script: "10-x" };
  expect(linesOf([{ type: "script-end", ...ref, seconds: 1, outcome: "failed" }])).toEqual([]);
});

test.each<[string, readonly string[]]>([
  ["as it is \u001b[1mbold\u001b[0m\t", ["as it is \u001b[1mbold\u001b[0m\t"]],
  ["10%\r20%\r100%", ["10%", "20%", "100%"]],
  ["of DOS\r", ["of DOS"]],
  ["", [""]],
])("output of scripts: %j", (text, lines) => {
  const ref = { phase: "root", element: "e", script: "10-x" };
  expect(linesOf([{ type: "output", ...ref, stream: "stdout", text }])).toEqual(lines);
});

test("outputs are called as they were asked for", () => {
  const artifact = { format: "qcow2", path: "/here/out/img.qcow2", sizeBytes: 1, digests: {}, sideFiles: [] };
  expect(linesOf([{ type: "artifact", artifact }])).toEqual(["Image file out/img.qcow2 created..."]);
});

test("break points are announced, and what comes after", () => {
  const lines: string[] = [];
  const renderer = openDropInRenderer((line) => lines.push(line), output);
  renderer.onEvent({ type: "break", name: "before-install" });
  renderer.suspend();
  renderer.resume();
  expect(lines).toEqual(["Starting debug shell. Exit to resume building.", "At stage before-install", "Resuming"]);
});

test.each([
  [10 * 2 ** 20, "Image size report (files > 10MiB)"],
  [0, "Image size report"],
])("what takes the room, from %i bytes on", (leastBytes, title) => {
  const entries = [
    { path: "/", sizeBytes: 1.21 * 2 ** 30 },
    { path: "/usr/lib\x1b]0;x", sizeBytes: 12 * 2 ** 20 + 1024 },
  ];
  const [first = { path: "", sizeBytes: 0 }, ...others] = entries;
  const rule = "=".repeat(title.length);
  const rows = [" 1.3GiB\t/", "  13MiB\t/usr/lib\\u{1b}]0;x"];
  const parts = [
    { isFirst: true, isLast: false, entries: [first] },
    { isFirst: false, isLast: true, entries: others },
  ];
  expect(linesOf(parts.map((part) => ({ type: "image-usage", leastBytes, ...part })))).toEqual([
    ...[rule, title, rule, ...rows, ""],
    ...["===== end image size report =====", ""],
  ]);
});
