import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { findProjectCli } from "@dibjs/cli/hand-over.js";

let folder: string;
let own: string;
const write = (path: string) => {
  const file = join(folder, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, "");
  return file;
};

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "dib hand-over-"));
  own = write("global/dist/main.js");
});
afterEach(() => rmSync(folder, { recursive: true }));

test("a project's own copy is found from a folder below it", async () => {
  const copy = write("project/node_modules/@dibjs/cli/dist/main.js");
  mkdirSync(join(folder, "project/images/web"), { recursive: true });
  expect(await findProjectCli(join(folder, "project/images/web"), "main.js", own)).toBe(pathToFileURL(copy).href);
});

test("each command hands over to its own entry", async () => {
  write("project/node_modules/@dibjs/cli/dist/main.js");
  expect(await findProjectCli(join(folder, "project"), "drop-in/disk-image-create.js", own)).toBeUndefined();
  const copy = write("project/node_modules/@dibjs/cli/dist/drop-in/disk-image-create.js");
  expect(await findProjectCli(join(folder, "project"), "drop-in/disk-image-create.js", own)).toBe(
    pathToFileURL(copy).href,
  );
});

test("a link to this very copy is not handed over to", async () => {
  mkdirSync(join(folder, "project/node_modules/@dibjs"), { recursive: true });
  symlinkSync(join(folder, "global"), join(folder, "project/node_modules/@dibjs/cli"));
  expect(await findProjectCli(join(folder, "project"), "main.js", own)).toBeUndefined();
});

test("without a project nothing is found", async () => {
  expect(await findProjectCli(folder, "main.js", own)).toBeUndefined();
});
