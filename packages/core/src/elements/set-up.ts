import type { BlockNodeType } from "../block-device/node.js";
import type { ImageFormat } from "../formats/format.js";
import { facadeOf, type Hooks } from "../hooks.js";
import { numberOf } from "../phases/order.js";
import type { PhaseName } from "../phases/table.js";
import { checkOptions, loadDefinition, type SetUpElement } from "./entry.js";
import { BuildError } from "../errors.js";

/** What the plugins of a set added, beside their taps. */
export interface Added {
  readonly steps: { readonly phase: PhaseName; readonly name: string; readonly element: string }[];
  readonly environmentFiles: { readonly element: string; readonly name: string; readonly content: string }[];
  readonly formats: ImageFormat[];
  readonly blockNodes: BlockNodeType[];
}

/** Runs the `setup` of each typed element, in dependency order. */
export async function setUpElements(elements: readonly SetUpElement[], options: Readonly<Record<string, unknown>>, hooks: Hooks): Promise<Added> {
  const added: Added = { steps: [], environmentFiles: [], formats: [], blockNodes: [] };
  for (const [rank, element] of elements.entries()) {
    const definition = await loadDefinition(element);
    if (definition === undefined) continue;
    const { name, version, folder } = element;
    const checked = await checkOptions(name, definition.options, options[name]);
    definition.setup(
      {
        element: { name, version, folder },
        hooks: facadeOf(hooks, name, rank),
        addScript(phase, script, step) {
          if (!/^[0-9A-Za-z_-]+$/.test(script)) {
            throw new BuildError("PLAN_SCRIPT_INVALID", { element: name, script, reason: "the name of a step has letters, digits, _ and - only" });
          }
          added.steps.push({ phase, name: script, element: name });
          hooks.phase.for(phase).add({
            name: script,
            rank,
            stage: numberOf(script),
            fn: (run) => run.perform({ name: script, element: name, kind: "typescript" }, step),
          });
        },
        addEnvironment(file, variables) {
          const lines = Object.entries(variables).map(([variable, value]) => `export ${variable}="\${${variable}-${quote(value)}}"\n`);
          added.environmentFiles.push({ element: name, name: `${file}.bash`, content: lines.join("") });
        },
        addFormat(format) {
          added.formats.push(format);
          hooks.format.define(format.name);
          hooks.format.for(format.name).add({ name, rank, fn: format.write });
        },
        addBlockNode(type) {
          added.blockNodes.push(type);
          hooks.blockDevice.define(type.name);
          hooks.blockDevice.for(type.name).add({ name, rank, fn: type.create });
        },
      },
      checked,
    );
  }
  return added;
}

/** For a value inside `"${NAME-…}"`. */
const quote = (value: string): string => value.replace(/["\\$`}]/g, "\\$&");
