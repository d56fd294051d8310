import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readPackageLock } from "@dibjs/core/trust/locked-package.js";
import { tempFolder } from "../../../support/temp-folder.js";

const registry = "https://registry.example";
const cases: readonly (readonly [file: string, text: string])[] = [
  [
    "package-lock.json",
    JSON.stringify({
      lockfileVersion: 3,
      packages: {
        "": { name: "project", version: "1.0.0" },
        "packages/own": { name: "own", version: "1.0.0" },
        "node_modules/own": { resolved: "packages/own", link: true },
        "node_modules/@acme/motd": {
          version: "1.0.0",
          resolved: `${registry}/@acme/motd/-/motd-1.0.0.tgz`,
          integrity: "sha512-AAAA",
        },
        "node_modules/x/node_modules/@acme/motd": { version: "2.0.0-rc.1", integrity: "sha512-BBBB" },
      },
    }),
  ],
  [
    "pnpm-lock.yaml",
    `lockfileVersion: '9.0'

importers:

  .:
    dependencies:
      '@acme/motd':
        specifier: ^1.0.0
        version: 1.0.0(x@1.0.0)
      own:
        specifier: link:packages/own
        version: link:packages/own

packages:

  '@acme/motd@1.0.0':
    resolution: {integrity: sha512-AAAA, tarball: ${registry}/@acme/motd/-/motd-1.0.0.tgz}
    peerDependencies:
      x: ^1.0.0

  '@acme/motd@2.0.0-rc.1':
    resolution: {integrity: sha512-BBBB}

  own@file:packages/own:
    resolution: {directory: packages/own, type: directory}

snapshots:

  '@acme/motd@1.0.0(x@1.0.0)':
    dependencies:
      x: 1.0.0
`,
  ],
  [
    "yarn.lock",
    `# yarn lockfile v1


"@acme/motd@^1.0.0":
  version "1.0.0"
  resolved "${registry}/@acme/motd/-/motd-1.0.0.tgz#0123"
  integrity sha512-AAAA

"@acme/motd@next":
  version "2.0.0-rc.1"
  integrity sha512-BBBB
`,
  ],
];

test.each(cases)(
  "versions, integrity and source of packages are read from %s, of a folder above too",
  async (file, text) => {
    await using root = await tempFolder();
    const member = join(root.path, "packages/member");
    await mkdir(member, { recursive: true });
    await writeFile(join(root.path, file), text);
    const lock = await readPackageLock(member);
    expect(lock?.file).toBe(join(root.path, file));
    expect(lock?.packages.filter(({ isLink }) => isLink !== true)).toEqual([
      expect.objectContaining({
        name: "@acme/motd",
        version: "1.0.0",
        integrity: "sha512-AAAA",
        resolved: `${registry}/@acme/motd/-/motd-1.0.0.tgz`,
      }),
      expect.objectContaining({
        name: "@acme/motd",
        version: "2.0.0-rc.1",
        integrity: "sha512-BBBB",
        resolved: undefined,
      }),
    ]);
  },
);

test("later yarns have no integrity; what they resolved is named by its real name, and the project is no package of itself", async () => {
  await using project = await tempFolder();
  await writeFile(
    join(project.path, "yarn.lock"),
    `__metadata:
  version: 8

"alias@npm:@acme/motd@^1.0.0":
  version: 1.0.0
  resolution: "@acme/motd@npm:1.0.0::__archiveUrl=https%3A%2F%2Fregistry.example%2Fmotd.tgz"
  checksum: 10c0/abc
  languageName: node

"own@workspace:packages/own":
  version: 0.0.0-use.local
  resolution: "own@workspace:packages/own"

"root-workspace-0b6124@workspace:.":
  version: 0.0.0-use.local
  resolution: "root-workspace-0b6124@workspace:."
`,
  );
  expect((await readPackageLock(project.path))?.packages).toEqual([
    { name: "@acme/motd", version: "1.0.0", integrity: undefined, resolved: `${registry}/motd.tgz`, isLink: false },
    { name: "own", version: "0.0.0-use.local", integrity: undefined, resolved: undefined, isLink: true },
  ]);
});

test("a project without a lock file has none, and a broken one has no packages", async () => {
  await using project = await tempFolder();
  expect(await readPackageLock(project.path)).toBe(undefined);
  await writeFile(join(project.path, "package-lock.json"), "{");
  expect((await readPackageLock(project.path))?.packages).toEqual([]);
});
