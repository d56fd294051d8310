import type { ElementRelations } from "@dibjs/core/elements/element.js";
import { findCircles } from "@dibjs/core/elements/order.js";
import { expect, test } from "vitest";

const elements = (needs: Readonly<Record<string, readonly string[]>>): ElementRelations[] =>
  Object.entries(needs).map(([name, names]) => ({
    ...{ name, version: "1.0.0", folder: `/${name}`, source: "package", provides: [] },
    dependencies: names.map((each) => ({ name: each, range: "*" })),
  }));
const circles = (needs: Readonly<Record<string, readonly string[]>>, providers: readonly [string, string][] = []) =>
  findCircles(elements(needs), new Map(providers));

test("elements that need each other are told as the shortest way round", () => {
  expect(circles({ c: ["a"], b: ["c", "a"], a: ["b"], d: ["a"] })).toEqual([["a", "b", "a"]]);
});

test("each circle is told once, also one that closes through a provided name", () => {
  expect(circles({ a: ["b"], b: ["a"], x: ["virtual"], y: ["x"] }, [["virtual", "y"]])).toEqual([
    ["a", "b", "a"],
    ["x", "y", "x"],
  ]);
});

test("a set without circles, or with an element that names itself, has nothing to tell", () => {
  expect(circles({ a: ["b", "c"], b: ["c"], c: [], self: ["self"] })).toEqual([]);
});
