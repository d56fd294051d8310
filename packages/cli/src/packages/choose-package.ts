/** Which package a name means: of those a registry has, or of those that are installed. */
import maxSatisfying from "semver/ranges/max-satisfying.js";
import { BuildError, nearest } from "@dibjs/core";
import type { PackageGraph } from "./graph.js";
import { viewPackage, type RegistryAccess, type RegistryEntry } from "./registry.js";
import { candidates, type Spec } from "./spec.js";

/**
 * A whole name is taken as it is, and costs no question. Of what a short one may stand for, the first that has elements:
 * most short names are taken by packages that have nothing to do with images.
 * Throws PACKAGE_NOT_FOUND, PACKAGE_VERSION_MISSING and PACKAGE_NOT_ELEMENT.
 */
export async function choosePackage(spec: Spec, registry: RegistryAccess): Promise<Spec> {
  const names = candidates(spec.name);
  if (spec.isPath || names.length === 1) return spec;
  const found = await Promise.all(names.map((name) => viewPackage(name, registry)));
  const taken = found.find((entry) => entry?.dib !== undefined);
  if (taken !== undefined) return checkVersion({ ...spec, name: taken.name }, taken);
  const others = found.flatMap((entry) => (entry === undefined ? [] : `${entry.name}@${entry.version}`));
  if (others.length === 0)
    throw new BuildError("PACKAGE_NOT_FOUND", { package: spec.name, tried: names, registry: "the registry" });
  throw new BuildError("PACKAGE_NOT_ELEMENT", {
    package: others.join(" and "),
    reason: `it has no elements, and there is no ${names.slice(1).join(" or ")}`,
  });
}

function checkVersion(spec: Spec, { name, versions, tags }: RegistryEntry): Spec {
  const { version } = spec;
  const isThere =
    version === undefined || Object.hasOwn(tags, version) || maxSatisfying([...versions], version) !== null;
  if (isThere) return spec;
  throw new BuildError("PACKAGE_VERSION_MISSING", { package: name, range: version, known: versions.slice(-20) });
}

/** An installed package by its name, a short form of it, or one of its elements. Throws PACKAGE_NOT_INSTALLED. */
export function findInstalled(written: string, { root, packages }: PackageGraph): string {
  const nodes = [...packages.values()];
  const names = new Set([...nodes.map(({ name }) => name), ...root.asks.map(({ name }) => name)]);
  const byName = candidates(written).find((name) => names.has(name));
  const byElement = nodes.find(({ elements }) => elements.includes(written))?.name;
  const found = byName ?? byElement;
  if (found !== undefined) return found;
  const installed = nodes.map(({ name }) => name).sort();
  const known = [...installed, ...nodes.flatMap(({ elements }) => elements)];
  throw new BuildError("PACKAGE_NOT_INSTALLED", { package: written, nearest: nearest(written, known), installed });
}
