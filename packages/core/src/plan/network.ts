import type { Element } from "../elements/element.js";
import { phases, type PhaseName } from "../phases/table.js";

/** The phases whose programs reach the network: those on the tree, and of those on the disk what an element declares. */
export const openPhases = (elements: readonly Element[]): readonly PhaseName[] =>
  phases
    .filter(({ name, root }) => root === "tree" || elements.some((element) => needsNetwork(element, name)))
    .map(({ name }) => name);

/** A plain folder has no manifest to declare it in: its scripts get what DIB gave them. */
const needsNetwork = ({ network, package: from, files }: Element, phase: PhaseName): boolean =>
  network.includes(phase) || (from === undefined && files.some(({ path }) => path.startsWith(`${phase}.d/`)));
