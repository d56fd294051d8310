import { stat } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, resolve } from "node:path";
import { BuildError, isUsable, readPackage } from "@dibjs/core";

export interface ElementUnderTest {
  readonly name: string;
  /** Where packages are looked for, from here upwards. */
  readonly projectDir: string;
  /** Folders of elements without a package. */
  readonly elementPaths: readonly string[];
}

/**
 * A name is one of an element that is installed in the project or that the project itself is. A path (one with a `/`,
 * or `.`) leads to the folder of an element, or to a package with just one. Throws what is wrong with the package's
 * manifest, ELEMENT_NOT_FOUND and USAGE_INVALID.
 */
export async function findElement(element: string, project: string): Promise<ElementUnderTest> {
  if (!element.includes("/") && element !== ".") return { name: element, projectDir: project, elementPaths: [] };
  const folder = isAbsolute(element) ? resolve(element) : resolve(project, element);
  for (let at = folder; ; at = dirname(at)) {
    const found = await readPackage(at);
    if (found !== undefined) {
      if (!isUsable(found)) throw found.error;
      const inPackage = Object.entries(found.manifest.elements);
      const [only, ...more] = at === folder ? inPackage : inPackage.filter(([, path]) => join(at, path) === folder);
      if (only !== undefined && more.length === 0) return { name: only[0], projectDir: at, elementPaths: [] };
      if (at === folder)
        throw severalElements(
          folder,
          inPackage.map(([name]) => name),
        );
    }
    if (dirname(at) === at) break;
  }
  const isFolder = await stat(folder).then(
    (it) => it.isDirectory(),
    () => false,
  );
  if (!isFolder)
    throw new BuildError("ELEMENT_NOT_FOUND", { name: element, askedBy: ["the test"], searched: [dirname(folder)] });
  return { name: basename(folder), projectDir: project, elementPaths: [dirname(folder)] };
}

const severalElements = (folder: string, names: readonly string[]) =>
  new BuildError("USAGE_INVALID", {
    reason: `The package in ${folder} has ${names.length} elements: ${names.join(", ")}.`,
    hint: "Name the one to run.",
  });
