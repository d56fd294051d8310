import type { Element } from "@dibjs/core/elements/element.js";
import { phaseNames } from "@dibjs/core/phases/table.js";
import { openPhases } from "@dibjs/core/plan/network.js";
import { expect, test } from "vitest";

const element = (more: object): Element => ({ network: [], files: [], package: undefined, ...more }) as never;
const inPackage = { package: { name: "dib-element-x" } };
const script = { files: [{ path: "finalise.d/10-x" }] };
/** Of the disk phases. */
const open = (...elements: Element[]) => openPhases(elements).slice(phaseNames.indexOf("pre-finalise"));

test("phases on the tree have the network, those on the disk have none", () => {
  expect(openPhases([])).toEqual(phaseNames.slice(0, phaseNames.indexOf("pre-finalise")));
  expect(open(element({ ...inPackage, ...script }))).toEqual([]);
});

test("one element that declares a phase opens it", () => {
  const declared = element({ ...inPackage, network: ["cleanup", "finalise"] });
  expect(open(element(inPackage), declared)).toEqual(["finalise", "cleanup"]);
});

test("a plain folder, which has no manifest, opens the phases that it has scripts of", () => {
  expect(open(element(script))).toEqual(["finalise"]);
});
