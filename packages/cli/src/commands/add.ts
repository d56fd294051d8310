import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { BuildError, isUsable, readPackage } from "@dibjs/core";
import type { Given } from "../options.js";
import { changePackages } from "../packages/change.js";
import { choosePackage } from "../packages/choose-package.js";
import { openForChange } from "../packages/cut-off.js";
import { readInstalled } from "../packages/graph.js";
import { directDependencies, readPackageJson } from "../packages/project.js";
import { openRegistry } from "../packages/registry.js";
import { formatSpec, parseSpec, type Spec } from "../packages/spec.js";
import { tellChange } from "../packages/tell-change.js";
import type { Terminal } from "../terminal.js";

interface Added {
  readonly asked: string;
  readonly package: string;
  readonly version: string;
  readonly elements: readonly string[];
}

/** Adds element packages to the project with its package manager. Anything that is none leaves the project as it was. */
export async function add(terminal: Terminal, given: Given, written: readonly string[]): Promise<number> {
  const specs = written.map(parseSpec).map((spec) => (spec.isPath ? { ...spec, name: absolute(spec.name) } : spec));
  const project = await openForChange(terminal);
  const registry = await openRegistry(project.folder);
  await Promise.all(specs.filter(({ isPath }) => isPath).map(({ name }) => checkPath(name)));
  const chosen = await Promise.all(specs.map((spec) => choosePackage(spec, registry)));
  specs.forEach((spec, index) => tellChoice(spec, chosen[index] ?? spec, terminal));
  const packages = chosen.map(formatSpec);
  let added: readonly Added[] = [];
  const change = await changePackages(terminal, {
    project,
    args: project.manager.add(packages),
    packages,
    doing: `adding ${packages.join(", ")} with ${project.manager.name}`,
    check: async () => {
      added = await Promise.all(
        chosen.map((spec, index) => checkAdded(project.folder, spec, written[index] ?? spec.name)),
      );
    },
  });
  await tellChange(terminal, given, { command: "add", change, added, manager: project.manager.name });
  if (given.json !== true)
    for (const { package: name, version, elements } of added)
      terminal.err.write(`${name} ${version} has the elements ${elements.join(", ")}\n`);
  return 0;
}

function tellChoice(spec: Spec, taken: Spec, { err }: Terminal): void {
  if (spec.name !== taken.name) err.write(`${spec.name}: taking ${taken.name}\n`);
}

/** Throws PACKAGE_NOT_ELEMENT, ELEMENT_MANIFEST_INVALID and ELEMENT_CORE_MISMATCH. */
async function checkAdded(projectDir: string, spec: Spec, asked: string): Promise<Added> {
  const name = spec.isPath ? await nameOfPath(projectDir, spec.name) : spec.name;
  const found = await readInstalled(projectDir, name);
  if (found === undefined)
    throw new BuildError("PACKAGE_NOT_ELEMENT", {
      package: name,
      reason: "its package.json has no manifest (the key dib)",
    });
  return { asked, package: name, version: found.version, elements: Object.keys(found.manifest.elements) };
}

const absolute = (path: string): string => resolve(path.replace(/^file:/, ""));

/** A folder must have an element package; what a tarball has is seen when it is unpacked. Throws PACKAGE_NOT_ELEMENT. */
async function checkPath(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile() === true) return;
  const inside = found?.isDirectory() === true ? await readPackage(path) : undefined;
  if (inside === undefined)
    throw new BuildError("PACKAGE_NOT_ELEMENT", { package: path, reason: "there is no package.json with a manifest" });
  if (!isUsable(inside)) throw inside.error;
}

/** What the package manager called it: the dependency that leads there. */
async function nameOfPath(projectDir: string, path: string): Promise<string> {
  const dependencies = directDependencies(await readPackageJson(projectDir));
  const leadsThere = (range: string) => resolve(projectDir, range.replace(/^(file|link|portal):/, "")) === path;
  return [...dependencies].find(([, range]) => leadsThere(range))?.[0] ?? path;
}
