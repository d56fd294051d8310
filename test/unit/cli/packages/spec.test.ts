import { describe, expect, test } from "vitest";
import { candidates, parseSpec } from "@dibjs/cli/packages/spec.js";

test("a package is named with or without a scope and a version, or as a folder", () => {
  expect(parseSpec("motd")).toEqual({ name: "motd", version: undefined, isPath: false });
  expect(parseSpec("@acme/motd@^1.2.0 || 3")).toEqual({ name: "@acme/motd", version: "^1.2.0 || 3", isPath: false });
  expect(parseSpec("motd@next")).toMatchObject({ name: "motd", version: "next" });
  expect(parseSpec("./motd")).toEqual({ name: "./motd", version: undefined, isPath: true });
  expect(parseSpec("..")).toMatchObject({ isPath: true });
});

describe("USAGE_INVALID", () => {
  test.each([
    "",
    "-g",
    "--registry=http://evil.example",
    "x@",
    "x@--force",
    "@acme",
    "a b",
    "user/repo",
    "git+https://example.com/x.git",
    "https://example.com/x.tgz",
    "x@npm:y@1",
    "x@file:../y",
    "x@1.0.0\n",
    `x${"y".repeat(300)}`,
  ])("for %j", (written) => {
    expect(() => parseSpec(written)).toThrow(expect.objectContaining({ code: "USAGE_INVALID" }));
  });
});

test("a short name may stand for our element, or anybody's; a whole one only for itself", () => {
  expect(candidates("motd")).toEqual(["motd", "@dibjs/element-motd", "dib-element-motd"]);
  expect(candidates("dib-element-motd")).toEqual(["dib-element-motd"]);
  expect(candidates("@acme/motd")).toEqual(["@acme/motd"]);
});
