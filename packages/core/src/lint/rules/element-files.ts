import type { ElementRule, Found } from "../rule.js";
import { isExecutable, type SourceElement } from "../source.js";
import { isScriptName } from "../../phases/order.js";
import { phaseNames } from "../../phases/table.js";
import { twins } from "./names.js";

export const elementFileRules: readonly ElementRule[] = [
  {
    name: "silent-phase",
    check: (element) => phaseNames.flatMap((name) => silentPhase(element, `${name}.d`)),
  },
  { name: "name-twins", check: ({ files }) => twins(files) },
];

/** A phase with files, none of which would run: modes that got lost look like this. */
function silentPhase({ files, at }: SourceElement, folder: string): Found[] {
  const inside = files.filter(
    ({ inElement }) => inElement.startsWith(`${folder}/`) && inElement.split("/").length === 2,
  );
  const runs = inside.some(
    (file) => file.kind !== "file" || (isExecutable(file) && isScriptName(file.inElement.slice(folder.length + 1))),
  );
  return inside.length === 0 || runs
    ? []
    : [
        {
          file: at === "." ? folder : `${at}/${folder}`,
          message: "nothing in it would run",
          hint: "Scripts are executable files named like 50-NAME.",
        },
      ];
}
