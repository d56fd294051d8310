import { pathToFileURL } from "node:url";
import { BuildError, reasonOf } from "../errors.js";
import type { ElementDefinition, StandardSchema } from "./element.js";

/** What is needed to set an element up, in the front and in the worker. */
export interface SetUpElement {
  readonly name: string;
  readonly version: string;
  readonly folder: string;
  readonly entry?: string | undefined;
}

/** Loads the element's plugin; undefined for a shell element, and for one whose package has a plugin for others only. */
export async function loadDefinition({ name, entry }: SetUpElement): Promise<ElementDefinition | undefined> {
  if (entry === undefined) return undefined;
  const module = (await import(pathToFileURL(entry).href).catch((error: unknown) => {
    throw new BuildError("ELEMENT_ENTRY_FAILED", { element: name, entry, reason: reasonOf(error) }, { cause: error });
  })) as { default?: unknown };
  const exported = module.default as { default?: unknown } | undefined;
  const definitions = [exported?.default ?? exported].flat() as (ElementDefinition | undefined)[];
  return definitions.find((definition) => definition?.name === name);
}

/** Throws ELEMENT_OPTIONS_INVALID with every issue. */
export async function checkOptions(name: string, schema: StandardSchema<unknown> | undefined, written: unknown): Promise<unknown> {
  if (schema === undefined) return written;
  const result = await schema["~standard"].validate(written ?? {});
  if (result.issues === undefined) return result.value;
  const issues = result.issues.map(({ message, path = [] }) => [path.map((part) => String(typeof part === "object" ? part.key : part)).join("."), message].filter(Boolean).join(": "));
  throw new BuildError("ELEMENT_OPTIONS_INVALID", { element: name, issues });
}
