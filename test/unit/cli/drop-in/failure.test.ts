import { BuildError } from "@dibjs/core";
import { dropInExitCode, formatDropInFailure } from "@dibjs/cli/drop-in/failure.js";
import { expect, test } from "vitest";

const interrupted = (signal: string) => new BuildError("BUILD_INTERRUPTED", { signal, stage: "install" });

test.each<[Error, number]>([
  [new BuildError("ELEMENT_NONE", {}), 1],
  [new BuildError("HOST_KERNEL_UNFIT", { feature: "overlay", neededFor: "every build" }), 1],
  [new BuildError("SPACE_EXHAUSTED", { path: "/x", doing: "y" }), 1],
  [new Error("ours"), 1],
  [interrupted("SIGINT"), 130],
  [interrupted("SIGTERM"), 143],
  [new BuildError("BUILD_INTERRUPTED", { signal: "SIGINT", stage: "x" }, { left: ["a mount"] }), 1],
])("exit code of %s", (error, code) => {
  expect(dropInExitCode(error)).toBe(code);
});

test.each<[Error, readonly string[]]>([
  [
    new BuildError("ELEMENT_NONE", {}),
    [
      "ERROR: At least one distribution root element must be specified",
      "  hint: Name one that provides an operating system, for example: disk-image-create vm debian",
    ],
  ],
  [
    new BuildError("USAGE_INVALID", { reason: "disk-image-create: unrecognized option '--x'", hint: "See --help." }),
    ["disk-image-create: unrecognized option '--x'", "  hint: See --help."],
  ],
  [
    new BuildError("ELEMENT_NOT_FOUND", { name: "vmm", askedBy: ["vmm"], searched: ["/e"], nearest: "vm" }),
    [
      "ERROR: Element 'vmm' not found.",
      '  hint: Did you mean "vm"? Searched /e. Install its package or add its folder to ELEMENTS_PATH.',
      "  more: dib explain ELEMENT_NOT_FOUND",
    ],
  ],
  [
    new BuildError("SCRIPT_FAILED", { script: "10-x", element: "e", phase: "install", exitCode: 3, tail: "said" }),
    [
      "ERROR: install.d/10-x of element e exited with 3.",
      "said",
      "  hint: Run again with break=after-error to look around.",
      "  more: dib explain SCRIPT_FAILED",
    ],
  ],
  [
    new BuildError("HOST_FOLDER_UNFIT", { setting: "--tmp-dir", path: "/x", reason: "it is mounted noexec" }),
    [
      "ERROR: /x can't be used: it is mounted noexec.",
      "  hint: Choose another folder with TMPDIR.",
      "  more: dib explain HOST_FOLDER_UNFIT",
    ],
  ],
])("%s", (error, lines) => {
  expect(formatDropInFailure(error)).toEqual(lines);
});

test("several findings are all there; what a script said can't draw", () => {
  const findings = [
    { code: "A", message: "one \u001b[2Jx", hint: "first\nsecond" },
    { code: "B", message: "two" },
  ];
  expect(formatDropInFailure(new BuildError("SEVERAL_FINDINGS", { findings }))).toEqual([
    "ERROR: one x",
    "  hint: first",
    "        second",
    "  more: dib explain A",
    "ERROR: two",
    "  more: dib explain B",
  ]);
});

test("a bug of ours says so, with its stack", () => {
  const lines = formatDropInFailure(new Error("ours"));
  expect(lines[0]).toBe("ERROR: ours");
  expect(lines.at(-1)).toContain("This is a bug in dib");
});
