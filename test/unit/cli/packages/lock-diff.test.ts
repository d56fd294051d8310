import { expect, test } from "vitest";
import { diffPackages } from "@dibjs/cli/packages/lock-diff.js";

const at = (name: string, version: string, integrity = "sha512-A") => ({ name, version, integrity });

test("what came, went and moved is told by name; the same version of another content has moved too", () => {
  const before = [at("gone", "1.0.0"), at("same", "1.0.0"), at("moved", "1.0.0"), at("swapped", "1.0.0")];
  const now = [
    at("same", "1.0.0"),
    at("moved", "1.1.0"),
    at("new", "2.0.0"),
    at("new", "2.0.0"),
    at("swapped", "1.0.0", "sha512-B"),
  ];
  expect(diffPackages(before, now)).toEqual([
    { name: "gone", before: ["1.0.0"], now: [] },
    { name: "moved", before: ["1.0.0"], now: [at("moved", "1.1.0")] },
    { name: "new", before: [], now: [at("new", "2.0.0")] },
    { name: "swapped", before: ["1.0.0"], now: [at("swapped", "1.0.0", "sha512-B")] },
  ]);
});
