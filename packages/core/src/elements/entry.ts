import { pathToFileURL } from "node:url";
import { BuildError, isBuildError, reasonOf } from "../errors.js";
import type { ElementDefinition, ElementManifest, StandardSchema } from "./element.js";

/** What is needed to set an element up, in the front and in the worker. */
export interface SetUpElement {
  readonly name: string;
  readonly package?: { readonly name: string; readonly manifest?: ElementManifest } | undefined;
  readonly version: string;
  readonly folder: string;
  /** Absolute path of a module. */
  readonly entry?: string | undefined;
}

/** Loads the element's plugin; undefined for a shell element, also in a package with a plugin for others. Throws ELEMENT_ENTRY_FAILED. */
export async function loadDefinition(element: SetUpElement): Promise<ElementDefinition | undefined> {
  const { name, entry } = element;
  if (entry === undefined) return undefined;
  const failed = (reason: string, cause?: unknown) =>
    new BuildError("ELEMENT_ENTRY_FAILED", { element: name, package: element.package?.name, entry, reason }, { cause });
  const exported = await importDefault(entry).catch((error: unknown) => {
    throw isBuildError(error) ? error : failed(reasonOf(error), error);
  });
  const definitions = [exported].flat();
  if (exported === undefined || !definitions.every(isDefinition))
    throw failed("its default export must be what defineElement returns, or a list of those");
  const { manifest } = element.package ?? {};
  const known = manifest === undefined ? undefined : Object.keys(manifest.elements);
  const stray = definitions.find((definition) => known?.includes(definition.name) === false);
  if (stray !== undefined) throw failed(`it defines "${stray.name}", which the manifest does not list`);
  return definitions.find((definition) => definition.name === name);
}

async function importDefault(entry: string): Promise<unknown> {
  const module = /\.[cm]?ts$/.test(entry)
    ? await importTypeScript(entry)
    : ((await import(pathToFileURL(entry).href)) as unknown);
  const exported = (module as { default?: unknown }).default;
  // A CommonJS module that was compiled from a default export comes with one default inside the other.
  return typeof exported === "object" && exported !== null && "default" in exported ? exported.default : exported;
}

async function importTypeScript(entry: string): Promise<unknown> {
  const { createJiti } = await import("jiti");
  return createJiti(entry, { fsCache: false }).import(entry);
}

const isDefinition = (value: unknown): value is ElementDefinition =>
  typeof value === "object" &&
  value !== null &&
  typeof (value as ElementDefinition).name === "string" &&
  typeof (value as ElementDefinition).setup === "function";

/** The options as the element wants them. Throws ELEMENT_OPTIONS_INVALID with every issue. */
export async function checkOptions(
  element: string,
  schema: StandardSchema<unknown> | undefined,
  written: unknown,
): Promise<unknown> {
  if (schema === undefined) {
    if (written === undefined) return undefined;
    throw new BuildError("ELEMENT_OPTIONS_INVALID", { element, issues: ["it takes none"] });
  }
  const result = await schema["~standard"].validate(written ?? {});
  if (result.issues === undefined) return result.value;
  const issues = result.issues.map(({ message, path = [] }) =>
    [path.map((part) => String(typeof part === "object" ? part.key : part)).join("."), message]
      .filter(Boolean)
      .join(": "),
  );
  throw new BuildError("ELEMENT_OPTIONS_INVALID", { element, issues });
}
