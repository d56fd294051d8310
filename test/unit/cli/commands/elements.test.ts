import { expect, test } from "vitest";
import type { ElementRef } from "@dibjs/core";
import { listElements } from "@dibjs/cli/commands/elements.js";

const ref = (name: string, folder: string, more: Partial<ElementRef> = {}): ElementRef => ({
  name,
  folder,
  source: "elements-path",
  version: "0.0.0-local",
  ...more,
});
const from = (folder: string) => ({
  package: { name: "@dibjs/element-vm", folder, manifest: { apiVersion: 1 as const, elements: {} }, sees: {} },
});

test("elements are sorted by name and say what they shadow", () => {
  const refs = new Map([
    ["vm", ref("vm", "/mine/vm")],
    ["base", ref("base", "/mine/base")],
  ]);
  const shadowed = [ref("vm", "/pkg/vm", { source: "package", ...from("/pkg") })];
  const listed = listElements({ refs, shadowed });
  expect(listed.map(({ name, shadows }) => [name, shadows])).toEqual([
    ["base", []],
    ["vm", ["/pkg/vm"]],
  ]);
});

test("the same package found by two ways shadows nothing", () => {
  const refs = new Map([["vm", ref("vm", "/a/vm", { source: "package", ...from("/real") })]]);
  const shadowed = [ref("vm", "/b/vm", { source: "bundled", ...from("/real") })];
  expect(listElements({ refs, shadowed })[0]?.shadows).toEqual([]);
});
