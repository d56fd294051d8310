import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { anElement, type ElementFixture } from "./build-fixture.js";

const readme = "# motd\n\n## What it does\n\n## Options\n\n## Environment\n\n## Phases\n\n## Requires\n";

export const packageJson = {
  name: "dib-element-motd",
  version: "1.0.0",
  description: "A message.",
  keywords: ["dib-element"],
  dib: {
    apiVersion: 1,
    core: "^1.0.0",
    elements: { motd: "./elements/motd" },
    manifest: "./dib-manifest.json",
  },
  files: ["elements", "dib-manifest.json"],
  scripts: { prepack: "dib pack" },
  peerDependencies: { "@dibjs/core": "^1.0.0" },
};

/** An element that no rule objects to. */
export const motd = (): ElementFixture =>
  anElement("motd").script("install.d/50-motd", "set -euo pipefail\necho hello > /etc/motd");

/** A package in its work tree that no rule objects to, with what `change` makes of its element and its package.json. */
export function writeElementPackage(
  parent: string,
  change: {
    readonly element?: ElementFixture;
    readonly json?: object;
    readonly extra?: Readonly<Record<string, string>>;
  } = {},
): string {
  const folder = join(parent, "dib-element-motd");
  (change.element ?? motd()).writeTo(join(folder, "elements"));
  const files = {
    "package.json": JSON.stringify({ ...packageJson, ...change.json }, null, 2),
    "README.md": readme,
    ...change.extra,
  };
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(folder, path, ".."), { recursive: true });
    writeFileSync(join(folder, path), content);
    chmodSync(join(folder, path), 0o644);
  }
  return folder;
}
