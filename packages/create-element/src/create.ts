import { basename, resolve } from "node:path";
import { BuildError, makePackageFolder, packageNameOf } from "@dibjs/core";
import type { NewOptions } from "./options.js";
import { writeTemplates, type TemplateValues } from "./templates.js";

export interface CreatedPackage {
  readonly element: string;
  readonly package: string;
  /** Absolute. */
  readonly folder: string;
  /** Relative to the folder, sorted. */
  readonly files: readonly string[];
}

/**
 * Makes the package, whole or not at all. Throws USAGE_INVALID, ELEMENT_NAME_INVALID, PACKAGE_NAME_INVALID,
 * PACKAGE_FOLDER_NOT_EMPTY and PACKAGE_FOLDER_UNWRITABLE.
 */
export async function createElementPackage(said: NewOptions): Promise<CreatedPackage> {
  const { name, scope, lang = "sh", license = "Apache-2.0" } = said;
  if (name === undefined) throw nameless();
  const packageName = packageNameOf({ element: name, scope }, "command line");
  const folder = resolve(said.folder ?? basename(packageName));
  const values = valuesOf(name, packageName, said);
  const layers = ["common", lang];
  const files = await makePackageFolder(folder, (staging) => writeTemplates(staging, { layers, license, values }));
  return { element: name, package: packageName, folder, files };
}

const nameless = () =>
  new BuildError("USAGE_INVALID", {
    reason: "The new element has no name.",
    hint: "Give it as the first argument. It is asked for on a terminal only.",
  });

function valuesOf(
  element: string,
  packageName: string,
  { description, license = "Apache-2.0" }: NewOptions,
): TemplateValues {
  const oneLine = description?.replace(/\s+/g, " ").trim() ?? "";
  return {
    element,
    package: packageName,
    description: oneLine === "" ? `The element ${element}.` : oneLine,
    script: element.replace(/[^A-Za-z0-9_-]/g, "-"), // a script with a dot in its name never runs
    VARIABLE: element.toUpperCase().replace(/[^A-Z0-9]/g, "_"),
    license: license === "none" ? "UNLICENSED" : license,
  };
}
