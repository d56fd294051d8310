import { explainMiss, inputChanges } from "@dibjs/core/layers/explain.js";
import type { Layer } from "@dibjs/core/layers/layer.js";
import { expect, test } from "vitest";

test("each input that differs is named; values of variables are shown, digests and secrets are not", () => {
  const before = {
    "file install.d/10-a": "file 755 aa",
    "file install.d/20-gone": "file 755 bb",
    "variable DIB_RELEASE": "bookworm",
    "variable DIB_LONG": "x".repeat(200),
    "variable ACME_TOKEN": "secret aa",
    "element same": "aa",
  };
  const now = {
    "file install.d/10-a": "file 755 cc",
    "file install.d/30-new": "file 755 dd",
    "variable DIB_RELEASE": "trixie",
    "variable DIB_LONG": "",
    "variable ACME_TOKEN": "secret bb",
    "element same": "aa",
  };
  expect(inputChanges(before, now)).toEqual([
    "file install.d/10-a has changed",
    "file install.d/20-gone is gone",
    "file install.d/30-new is new",
    "variable ACME_TOKEN has changed",
    `variable DIB_LONG: ${"x".repeat(60)}… → `,
    "variable DIB_RELEASE: bookworm → trixie",
  ]);
});

const layer = { inputs: { a: "1" }, reads: { "plan settings": "x" }, parent: "p" } as unknown as Layer;
const same = { inputs: { a: "1" }, parent: "p", stateOf: () => "x", stale: [] };

test.each([
  ["nothing", {}, []],
  ["a state that a step asked for", { stateOf: () => "y" }, ["plan settings, which a step asks for, has changed"]],
  ["the phases before", { parent: "q" }, ["what the phases before give has changed"]],
  ["phases before that have to run first", { parent: undefined }, []],
  [
    "a mirror",
    { stale: [{ kind: "apt", what: "http://m/InRelease", state: "b" }] },
    ["http://m/InRelease has changed"],
  ],
  [
    "a mirror that does not answer",
    { stale: [{ kind: "apt", what: "http://m/InRelease", state: "unknown" }] },
    ["http://m/InRelease can't be asked about"],
  ],
] as const)("when %s differs", (_, change, reasons) => {
  expect(explainMiss(layer, { ...same, ...change })).toEqual(reasons);
});
