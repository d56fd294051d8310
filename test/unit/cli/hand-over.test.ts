import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
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
  expect(await findProjectCli(join(folder, "project/images/web"), own)).toBe(pathToFileURL(copy).href);
});

test("a link to this very copy is not handed over to", async () => {
  mkdirSync(join(folder, "project/node_modules/@dibjs"), { recursive: true });
  symlinkSync(join(folder, "global"), join(folder, "project/node_modules/@dibjs/cli"));
  expect(await findProjectCli(join(folder, "project"), own)).toBeUndefined();
});

test("without a project nothing is found", async () => {
  expect(await findProjectCli(folder, own)).toBeUndefined();
});

const isRoot = process.getuid?.() === 0;

test.skipIf(!isRoot)(
  "root is not handed over to a copy in a folder that anybody may write to, or of another user",
  async () => {
    write("shared/node_modules/@dibjs/cli/dist/main.js");
    write("shared/own/file");
    chmodSync(join(folder, "shared"), 0o1777);
    expect(await findProjectCli(join(folder, "shared/own"), own)).toBeUndefined();
    chmodSync(join(folder, "shared"), 0o755);
    expect(await findProjectCli(join(folder, "shared/own"), own)).toBeDefined();
    chownSync(join(folder, "shared"), 4242, 4242);
    expect(await findProjectCli(join(folder, "shared/own"), own)).toBeUndefined();
    chownSync(join(folder, "shared/own"), 4242, 4242); // root chose to work in that user's folder
    expect(await findProjectCli(join(folder, "shared/own"), own)).toBeDefined();
  },
);
