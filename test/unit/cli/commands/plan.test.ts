import { expect, test } from "vitest";
import type { BuildPlan } from "@dibjs/core";
import { formatPlan } from "@dibjs/cli/commands/plan.js";
import { coloursIf } from "@dibjs/cli/terminal.js";

const element = {
  version: "1.0.0",
  source: "package",
  package: undefined,
  digest: "",
  provides: [],
  options: undefined,
  isTyped: false,
} as const;
const plan = {
  version: 1,
  image: "server",
  output: "out/server",
  arch: "amd64",
  asked: ["vm"],
  elements: [
    { ...element, name: "bootloader", askedBy: ["vm", "bootloader"] },
    { ...element, name: "base", askedBy: ["base"] },
    { ...element, name: "vm", askedBy: ["vm"] },
  ],
  hookFiles: [],
  environmentFiles: [],
  phases: [
    { phase: "root", scripts: [{ name: "10-root", element: "vm", kind: "shell" }] },
    { phase: "install", scripts: [{ name: "50-typed", element: "base", kind: "typescript" }] },
    { phase: "finalise", scripts: [{ name: "90-last", element: "vm", kind: "shell" }] },
  ],
  network: ["root", "install"],
  environment: [
    { name: "DIB_RELEASE", value: "bookworm", secret: false, origin: "default" },
    { name: "DIB_PASSWORD", value: undefined, secret: true, origin: "$DIB_PASSWORD" },
  ],
  packages: ["vim"],
  disk: undefined,
  outputs: [{ format: "tar", from: "tree", extension: "tar" }],
  checksums: ["md5"],
  settings: {},
  hostCommands: [],
} as unknown as BuildPlan;

const lines = formatPlan(plan, { origins: { formats: "-t" } }, coloursIf(false));

test("every element says why it is there", () => {
  expect(
    lines.filter((line) => /^ {2}(bootloader|base|vm) /.test(line)).map((line) => line.replace(/ {2,}/g, "|")),
  ).toEqual([
    "|bootloader|1.0.0|package|because of vm",
    "|base|1.0.0|package|by default",
    "|vm|1.0.0|package|asked for",
  ]);
});

test("variables say where they come from, and a secret does not say its value", () => {
  expect(lines).toContain("  DIB_RELEASE=bookworm  from default");
  expect(lines).toContain("  DIB_PASSWORD=***      from $DIB_PASSWORD");
});

test("scripts stand under their phase and place, the packages of -p after install", () => {
  const at = lines.indexOf("  install, in the chroot");
  expect(lines.slice(at, at + 3)).toEqual([
    "  install, in the chroot",
    "    50-typed  base (TypeScript)",
    "    then packages vim",
  ]);
  expect(lines).toContain("  root, on the host");
  expect(lines).toContain("  finalise, in the chroot, without network");
});

test("outputs say what they are made of, and where the formats come from", () => {
  expect(lines).toContain("  none: the outputs are made of the tree");
  expect(lines).toContain("  tar  out/server.tar  of the tree");
  expect(lines).toContain("  formats from -t, name from default");
});

test("a ramdisk's outputs are its kernel and its initramfs", () => {
  const ramdisk = formatPlan({ ...plan, result: "ramdisk", outputs: [] }, { origins: {} }, coloursIf(false));
  expect(ramdisk).toContain("  kernel     out/server.kernel     of the elements");
  expect(ramdisk).toContain("  initramfs  out/server.initramfs  of the elements");
});
