import type { BuildError } from "../errors.js";
import type { ElementCatalog } from "./element.js";
import { readRelations } from "./relations.js";
import { copiesOf, versionConflicts } from "./resolve.js";

/** ELEMENT_VERSION_CONFLICT and ELEMENT_COPIES among all installed elements, whatever an image will ask for. */
export async function checkInstalled({ refs, shadowed }: ElementCatalog): Promise<readonly BuildError[]> {
  const installed = [...refs.values()].filter(({ source }) => source === "package");
  const elements = await Promise.all(installed.map(readRelations));
  const askedBy = new Map(elements.map(({ name }) => [name, [name]]));
  return [...versionConflicts([], { elements, askedBy }), ...copiesOf({ elements }, { shadowed })];
}
