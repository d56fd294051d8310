import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { readIntegrities } from "@dibjs/core/lock/integrity.js";
import { describe, expect, test } from "vitest";
import { tempFolder } from "../../../support/temp-folder.js";

async function read(files: Readonly<Record<string, string>>, from = ""): Promise<Record<string, string>> {
  await using folder = await tempFolder();
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder.path, name)), { recursive: true });
    writeFileSync(join(folder.path, name), text);
  }
  mkdirSync(join(folder.path, from), { recursive: true });
  return Object.fromEntries(await readIntegrities(join(folder.path, from)));
}

const npm = JSON.stringify({
  packages: {
    "": { name: "project", version: "1.0.0" },
    "node_modules/@acme/motd": { version: "1.0.0", integrity: "sha512-A" },
    "node_modules/vm/node_modules/@acme/motd": { version: "2.0.0", integrity: "sha512-B" },
    "node_modules/alias": { name: "real", version: "1.0.0", integrity: "sha512-C" },
    "node_modules/linked": { resolved: "packages/linked", link: true },
  },
});

describe("the integrity of packages is taken", () => {
  test("from npm's lock, nested packages and aliases too; links have none", async () => {
    const expected = { "@acme/motd@1.0.0": "sha512-A", "@acme/motd@2.0.0": "sha512-B", "real@1.0.0": "sha512-C" };
    expect(await read({ "package-lock.json": npm })).toEqual(expected);
    expect(await read({ "node_modules/.package-lock.json": npm })).toEqual(expected);
  });

  test("from pnpm's lock", async () => {
    const text = `lockfileVersion: '9.0'

importers:

  .:
    dependencies:
      '@acme/motd':
        specifier: 1.0.0
        version: 1.0.0

packages:

  '@acme/motd@1.0.0':
    resolution: {integrity: sha512-A}
    engines: {node: '>=20'}

  vm@2.0.0-rc.1:
    resolution: {integrity: sha512-B, tarball: https://example.org/vm.tgz}

  local@file:../local:
    resolution: {directory: ../local, type: directory}

snapshots:

  '@acme/motd@1.0.0': {}
`;
    expect(await read({ "pnpm-lock.yaml": text })).toEqual({
      "@acme/motd@1.0.0": "sha512-A",
      "vm@2.0.0-rc.1": "sha512-B",
    });
  });

  test("from yarn's lock; what yarn 2 and later have are sums of other files", async () => {
    const one = `# yarn lockfile v1


"@acme/motd@^1.0.0", "@acme/motd@~1.0":
  version "1.0.0"
  resolved "https://example.org/motd.tgz#abc"
  integrity sha512-A

vm@2.0.0:
  version "2.0.0"
  integrity sha512-B
`;
    expect(await read({ "yarn.lock": one })).toEqual({ "@acme/motd@1.0.0": "sha512-A", "vm@2.0.0": "sha512-B" });
    const two = `"vm@npm:^2.0.0":\n  version: 2.0.0\n  resolution: "vm@npm:2.0.0"\n  checksum: 10c0/abc\n`;
    expect(await read({ "yarn.lock": two })).toEqual({});
  });

  test("from the nearest folder upwards that has a lock: a workspace has it at its root", async () => {
    expect(await read({ "package-lock.json": npm }, "packages/images")).toHaveProperty(["@acme/motd@1.0.0"]);
  });

  test("from nowhere when the lock can't be read", async () => {
    expect(await read({ "package-lock.json": "{" })).toEqual({});
  });
});
