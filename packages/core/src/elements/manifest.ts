import { z } from "zod";
import { BuildError } from "../errors.js";
import { phaseNames } from "../phases/table.js";
import type { ElementManifest } from "./element.js";

const schema = z.strictObject({
  apiVersion: z.literal(1),
  core: z.string().optional(),
  elements: z.record(z.string(), z.string()),
  provides: z.record(z.string(), z.array(z.string())).optional(),
  requires: z.record(z.string(), z.string()).optional(),
  entry: z.string().optional(),
  arch: z.array(z.string()).optional(),
  hostCommands: z
    .array(z.strictObject({ command: z.string(), debian: z.string().optional(), fedora: z.string().optional(), opensuse: z.string().optional(), or: z.array(z.string()).optional() }))
    .optional(),
  cache: z.boolean().optional(),
  reads: z.array(z.enum(phaseNames)).optional(),
  variables: z.record(z.string(), z.strictObject({ secret: z.boolean().optional(), description: z.string().optional() })).optional(),
  network: z.array(z.enum(phaseNames)).optional(),
  manifest: z.string().optional(),
});

/** Throws ELEMENT_MANIFEST_INVALID with the key. */
export function parseManifest(written: unknown, file: string): ElementManifest {
  const result = schema.safeParse(written);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new BuildError("ELEMENT_MANIFEST_INVALID", { file, key: issue?.path.join(".") ?? "", reason: issue?.message ?? "not valid" });
}
