import { expect, test } from "vitest";
import { formatPath, pathsTo, type Ways } from "@dibjs/cli/packages/paths.js";

const ways = (edges: Readonly<Record<string, readonly string[]>>, roots = ["root"]): Ways => ({
  roots,
  edges: (key) => (edges[key] ?? []).map((to) => ({ to, range: to === "base" ? "^1.0.0" : "*" })),
  node: (key) => ({ name: key, version: key === "root" ? undefined : "1.0.0" }),
});

test("every path is found, the shortest first, and a circle ends", () => {
  const found = pathsTo("base", ways({ root: ["a", "base"], a: ["b", "base"], b: ["a", "base"] }));
  expect(found.map(formatPath)).toEqual([
    "root → base@1.0.0 (^1.0.0)",
    "root → a@1.0.0 → base@1.0.0 (^1.0.0)",
    "root → a@1.0.0 → b@1.0.0 → base@1.0.0 (^1.0.0)",
  ]);
});

test("a name nobody asks for has no path, but that of being a root", () => {
  expect(pathsTo("c", ways({ root: ["a"] }))).toEqual([]);
  expect(pathsTo("c", ways({}, ["c"])).map(formatPath)).toEqual(["c@1.0.0"]);
});

test("in a graph with more paths than anyone can wait for, a hundred are shown at once", () => {
  const layers = Object.fromEntries(
    Array.from({ length: 40 }, (_, layer) => [
      ...["x", "y"].map((side) => [
        `${side}${layer}`,
        [`x${layer + 1}`, `y${layer + 1}`, ...(layer === 39 ? ["base"] : [])],
      ]),
    ]).flat() as [string, string[]][],
  );
  expect(pathsTo("base", ways({ root: ["x0", "y0"], ...layers }))).toHaveLength(100);
});
