import { nearest } from "@dibjs/core/nearest.js";
import { expect, test } from "vitest";

test.each([
  ["elments", "elements"],
  ["amd46", "amd64"],
  ["WEB", "web"],
  ["wbe", "web"],
  ["zebra", undefined],
  ["", undefined],
])("%j most likely meant %j", (word, meant) => {
  expect(nearest(word, ["elements", "amd64", "web"])).toBe(meant);
});

test("with nothing known there is nothing near", () => {
  expect(nearest("vm", [])).toBe(undefined);
});
