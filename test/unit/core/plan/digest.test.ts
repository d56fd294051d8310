import { canonicalJson, planDigest, sha256 } from "@dibjs/core/plan/digest.js";
import type { BuildPlan } from "@dibjs/core/plan/plan.js";
import fc from "fast-check";
import { expect, test } from "vitest";

test("sha256 is lower-case hex, of text as UTF-8", () => {
  expect(sha256("")).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  expect(sha256("é")).toBe(sha256(new Uint8Array([0xc3, 0xa9])));
});

test("canonical JSON sorts keys at every depth, keeps the order of lists and leaves undefined out", () => {
  expect(canonicalJson({ b: [{ z: 1, a: undefined }, 2], a: { é: 1, Z: null } })).toBe(
    '{"a":{"Z":null,"é":1},"b":[{"z":1},2]}',
  );
});

test("canonical JSON is the same for the same data, however it was put together", () => {
  const reversed = (value: unknown): unknown =>
    Array.isArray(value)
      ? value.map(reversed)
      : typeof value === "object" && value !== null
        ? Object.fromEntries(
            Object.entries(value)
              .reverse()
              .map(([key, inner]) => [key, reversed(inner)]),
          )
        : value;
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(canonicalJson(reversed(value))).toBe(canonicalJson(value));
    }),
  );
});

test("a plan keeps its digest on its way through JSON", () => {
  const plan = { version: 1, image: "x", disk: undefined, elements: [] } as unknown as BuildPlan;
  expect(planDigest(JSON.parse(JSON.stringify(plan)) as BuildPlan)).toBe(planDigest(plan));
});
