import { coreCopies, type CoreCopy } from "./cores.js";
import type { ElementCatalog, ElementSet } from "./element.js";
import { findCircles } from "./order.js";

/** What is wrong with what is installed or chosen, and harms this build not: sentences. */
export function elementNotes({ unusable }: ElementCatalog, { elements, provided }: ElementSet): string[] {
  return [
    ...unusable.map(({ error }) => `${error.message} None of its elements is used.`),
    ...findCircles(elements, new Map(Object.entries(provided))).map(
      (names) => `Elements need each other in a circle, so that they are ordered by name: ${names.join(" → ")}.`,
    ),
    ...tellCores(coreCopies()),
  ];
}

/** A plugin brings the core that its project has, and a dib from elsewhere has its own. Of one version they are the same. */
function tellCores(copies: readonly CoreCopy[]): string[] {
  if (new Set(copies.map(({ version }) => version)).size < 2) return [];
  const shown = copies.map(({ version, folder }) => `${version} in ${folder}`).join(", ");
  return [`@dibjs/core is loaded in several versions: ${shown}. With @dibjs/cli in the project there is one for all.`];
}
