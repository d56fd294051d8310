/** Element packages as a user gets them: packed by npm, and installed from the tarballs without a network. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ElementFixture, PackageFixture } from "./build-fixture.js";

const core = fileURLToPath(new URL("../../packages/core", import.meta.url));

const quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"];

export interface PackedElement {
  readonly element: ElementFixture;
  readonly manifest: PackageFixture;
}

/**
 * Installs the elements' packages into `folder`. Ranges of peers are left to us to check (`--legacy-peer-deps`), and core
 * is the clone's, as `npm link` does it.
 */
export function installElements(folder: string, packed: readonly PackedElement[]): void {
  const [sources, tarballs] = ["sources", "tarballs"].map((name) => join(folder, name)) as [string, string];
  mkdirSync(tarballs, { recursive: true });
  const npm = (args: readonly string[]) =>
    execFileSync("npm", [...args, ...quiet], {
      cwd: folder,
      env: { PATH: process.env["PATH"], HOME: folder },
      stdio: ["ignore", "ignore", "pipe"],
    });
  const packages = packed.map(({ element, manifest }) => element.writeAsPackage(sources, manifest));
  npm(["pack", "--pack-destination", tarballs, ...packages]);
  const files = readdirSync(tarballs).map((name) => join(tarballs, name));
  npm(["install", "--offline", "--legacy-peer-deps", ...files]);
  mkdirSync(join(folder, "node_modules/@dibjs"), { recursive: true });
  symlinkSync(core, join(folder, "node_modules/@dibjs/core"));
}
