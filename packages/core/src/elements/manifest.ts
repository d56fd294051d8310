import { satisfies } from "semver";
import { z } from "zod";
import { BuildError } from "../errors.js";
import { phaseNames } from "../phases/table.js";
import { coreVersion } from "./cores.js";
import type { ElementManifest } from "./element.js";
import { isElementName, isRange } from "./name.js";

const elementName = z.string().refine(isElementName, "not an element name");
const range = z.string().refine(isRange, "not a semver range");
const variableName = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "not a variable name");
const insidePackage = z
  .string()
  .refine(
    (path) => !path.startsWith("/") && !path.includes("\\") && !path.split("/").includes(".."),
    "must be a path inside the package",
  );

const hostCommand = z.strictObject({
  command: z.string().min(1),
  debian: z.string().optional(),
  fedora: z.string().optional(),
  opensuse: z.string().optional(),
  or: z.array(z.string()).optional(),
});

const schema = z.strictObject({
  apiVersion: z.literal(1),
  core: range.optional(),
  elements: z.record(elementName, insidePackage),
  provides: z.record(elementName, z.array(elementName)).optional(),
  requires: z.record(elementName, range).optional(),
  entry: insidePackage.optional(),
  arch: z.array(z.string().min(1)).min(1).optional(),
  hostCommands: z.array(hostCommand).optional(),
  cache: z.boolean().optional(),
  reads: z.array(z.enum(phaseNames)).optional(),
  variables: z
    .record(variableName, z.strictObject({ secret: z.boolean().optional(), description: z.string().optional() }))
    .optional(),
  network: z.array(z.enum(phaseNames)).optional(),
  manifest: insidePackage.optional(),
});

/** The `dib` key of a package.json may also hold a build's config; a manifest has an apiVersion, or a map of elements. */
export function isManifest(dib: unknown): boolean {
  if (typeof dib !== "object" || dib === null) return false;
  const { apiVersion, elements } = dib as { apiVersion?: unknown; elements?: unknown };
  return apiVersion !== undefined || (typeof elements === "object" && elements !== null && !Array.isArray(elements));
}

/** Throws ELEMENT_MANIFEST_INVALID with the key, and ELEMENT_CORE_MISMATCH. `file` is the package.json, `name` the package. */
export function parseManifest(written: unknown, file: string, name: string): ElementManifest {
  const result = schema.safeParse(written);
  if (!result.success) {
    const [issue] = result.error.issues;
    const inner = issue?.code === "invalid_key" ? issue.issues[0]?.message : undefined;
    throw new BuildError("ELEMENT_MANIFEST_INVALID", {
      file,
      key: issue?.path.join(".") ?? "",
      reason: inner ?? issue?.message ?? "not valid",
    });
  }
  const { core } = result.data;
  if (core !== undefined && !satisfies(coreVersion, core, { includePrerelease: true })) {
    throw new BuildError("ELEMENT_CORE_MISMATCH", { package: name, range: core, core: coreVersion });
  }
  return result.data;
}
