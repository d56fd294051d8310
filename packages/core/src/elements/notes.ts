import { coreCopies } from "./cores.js";
import type { ElementCatalog } from "./element.js";

/** What is wrong with what is installed, and harms this build not: sentences. */
export function elementNotes({ unusable }: ElementCatalog): string[] {
  const copies = coreCopies();
  const shown = copies.map(({ version, folder }) => `${version} in ${folder}`).join(", ");
  return [
    ...unusable.map(({ error }) => `${error.message} None of its elements is used.`),
    ...(copies.length > 1
      ? [`@dibjs/core is loaded more than once: ${shown}. Elements should have it as a peer dependency.`]
      : []),
  ];
}
