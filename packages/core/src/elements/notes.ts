import { coreCopies } from "./cores.js";
import type { ElementCatalog, ElementSet } from "./element.js";
import { findCircles } from "./order.js";

/** What is wrong with what is installed or chosen, and harms this build not: sentences. */
export function elementNotes({ unusable }: ElementCatalog, { elements, provided }: ElementSet): string[] {
  const copies = coreCopies();
  const shown = copies.map(({ version, folder }) => `${version} in ${folder}`).join(", ");
  return [
    ...unusable.map(({ error }) => `${error.message} None of its elements is used.`),
    ...findCircles(elements, new Map(Object.entries(provided))).map(
      (names) => `Elements need each other in a circle, so that they are ordered by name: ${names.join(" → ")}.`,
    ),
    ...(copies.length > 1
      ? [`@dibjs/core is loaded more than once: ${shown}. Elements should have it as a peer dependency.`]
      : []),
  ];
}
