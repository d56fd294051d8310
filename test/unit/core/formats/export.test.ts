import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exportTree } from "@dibjs/core/formats/export.js";
import { createHooks } from "@dibjs/core/hooks.js";
import { Stopwatch } from "@dibjs/core/report/stopwatch.js";
import { afterEach, beforeEach, expect, test } from "vitest";
import { toyPlan } from "../../../support/toy-disk.js";

let staging: string;
let elsewhere: string;
beforeEach(() => {
  staging = mkdtempSync(join(tmpdir(), "dib-test-"));
  elsewhere = mkdtempSync(join(tmpdir(), "dib-test-"));
  writeFileSync(join(elsewhere, "precious"), "precious");
});
afterEach(() => {
  for (const folder of [staging, elsewhere]) rmSync(folder, { recursive: true });
});

/** Exports with a format that says that it wrote this file. */
function exportAs(written: string) {
  const hooks = createHooks();
  hooks.format.define("odd");
  const fn = async () => ({ files: [{ staged: written, extension: "odd" }] });
  hooks.format.for("odd").add({ name: "element", rank: 0, fn });
  const plan = toyPlan(undefined, {
    outputs: [{ format: "odd", from: "tree", extension: "odd", consumesImage: false }],
  });
  const ctx = { hooks, exec: () => Promise.reject(new Error("no programs")), signal: AbortSignal.any([]), emit() {} };
  return exportTree({ plan, staging, root: "/", stopwatch: new Stopwatch(), ctx });
}

test("a file in the folder that the format was given is taken", async () => {
  writeFileSync(join(staging, "image.odd"), "image");
  const staged = join(staging, "image.odd");
  expect(await exportAs(staged)).toEqual({
    files: [{ format: "odd", staged, extension: "odd" }],
    folders: [],
    finish: [],
  });
});

test.each([
  ["in another folder", () => join(elsewhere, "precious")],
  ["that leads to another folder", () => `${staging}/../${elsewhere.split("/").at(-1)}/precious`],
  ["in a folder below", () => join(staging, "below/image.odd")],
])("a file %s is refused", async (_, file) => {
  await expect(exportAs(file())).rejects.toMatchObject({ code: "FORMAT_FAILED", context: { format: "odd" } });
});

test("a link to a file is no output", async () => {
  symlinkSync(join(elsewhere, "precious"), join(staging, "image.odd"));
  await expect(exportAs(join(staging, "image.odd"))).rejects.toMatchObject({ code: "ARTIFACT_CHECK_FAILED" });
  expect(readFileSync(join(elsewhere, "precious"), "utf8")).toBe("precious");
});
