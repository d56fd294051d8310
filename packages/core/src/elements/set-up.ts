import type { BlockNodeType } from "../block-device/node.js";
import { BuildError, isBuildError, reasonOf } from "../errors.js";
import type { ImageFormat } from "../formats/format.js";
import { facadeOf, type Hooks } from "../hooks.js";
import { isEnvironmentFileName, isScriptName, numberOf } from "../phases/order.js";
import type { PhaseName } from "../phases/table.js";
import type { ElementApi } from "./element.js";
import { checkOptions, loadDefinition, type SetUpElement } from "./entry.js";
import { PluginGuard, type Plugin } from "./guard.js";

/** What the plugins of a set added, beside their taps. */
export interface Added {
  readonly steps: { readonly phase: PhaseName; readonly name: string; readonly element: string }[];
  readonly environmentFiles: { readonly element: string; readonly name: string; readonly content: string }[];
  readonly formats: ImageFormat[];
  readonly blockNodes: BlockNodeType[];
}

/**
 * Runs the `setup` of each typed element, in dependency order. The front and the worker do the same.
 * Throws every ELEMENT_ENTRY_ error, ELEMENT_OPTIONS_INVALID, and what setup itself finds wrong.
 */
export async function setUpElements(
  elements: readonly SetUpElement[],
  options: Readonly<Record<string, unknown>>,
  hooks: Hooks,
  limitMs?: number,
): Promise<Added> {
  const added: Added = { steps: [], environmentFiles: [], formats: [], blockNodes: [] };
  using guard = new PluginGuard(limitMs);
  for (const [rank, element] of elements.entries()) {
    const api = apiFor(element, rank, hooks, added);
    const setUp = () => setUpElement(element, options[element.name], api);
    await (element.entry === undefined ? setUp() : guard.run(pluginOf(element, element.entry), setUp));
  }
  return added;
}

const pluginOf = ({ name, package: from }: SetUpElement, entry: string): Plugin => ({
  element: name,
  package: from?.name,
  entry,
});

async function setUpElement(element: SetUpElement, written: unknown, api: ElementApi): Promise<void> {
  const definition = await loadDefinition(element);
  const options = await checkOptions(element.name, definition?.options, written);
  try {
    await (definition?.setup(api, options) as unknown);
  } catch (error) {
    if (isBuildError(error)) throw error;
    const plugin = pluginOf(element, element.entry ?? "");
    throw new BuildError("ELEMENT_ENTRY_FAILED", { ...plugin, reason: reasonOf(error) }, { cause: error });
  }
}

function apiFor(
  { name: element, version, folder }: SetUpElement,
  rank: number,
  hooks: Hooks,
  added: Added,
): ElementApi {
  return {
    element: { name: element, version, folder },
    hooks: facadeOf(hooks, element, rank),
    addScript(phase, name, step) {
      if (!isScriptName(name)) throw badName(element, `${phase}.d/${name}`);
      const fn = (run: Parameters<typeof step>[0]) => run.perform({ name, element, kind: "typescript" }, step);
      hooks.phase.for(phase).add({ name, rank, stage: numberOf(name), fn });
      added.steps.push({ phase, name, element });
    },
    addEnvironment(name, variables) {
      const file = name.includes(".") ? name : `${name}.bash`;
      if (!isEnvironmentFileName(file)) throw badName(element, `environment.d/${name}`);
      added.environmentFiles.push({ element, name: file, content: formatExports(element, variables) });
    },
    addFormat(format) {
      added.formats.push(format);
      hooks.format.define(format.name);
      hooks.format.for(format.name).add({ name: element, rank, fn: format.write });
    },
    addBlockNode(type) {
      added.blockNodes.push(type);
      hooks.blockDevice.define(type.name);
      hooks.blockDevice.for(type.name).add({ name: element, rank, fn: type.create });
    },
  };
}

const badName = (element: string, script: string) =>
  new BuildError("PLAN_SCRIPT_INVALID", { element, script, reason: "the name may have letters, digits, _ and - only" });

/** Shell lines that set each variable unless it is set already. */
function formatExports(element: string, variables: Readonly<Record<string, string>>): string {
  const lines = Object.entries(variables).map(([name, value]) => {
    const wrong = !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)
      ? "a name is letters, digits and _, and does not begin with a digit."
      : value.includes("\0")
        ? "its value holds a NUL byte."
        : undefined;
    if (wrong !== undefined)
      throw new BuildError("PLAN_VARIABLE_INVALID", { name, origin: `element ${element}`, reason: wrong });
    return `export ${name}="\${${name}-${quote(value)}}"\n`;
  });
  return lines.join("");
}

/** For a value inside `"${NAME-…}"`. */
const quote = (value: string): string => value.replace(/["\\$`}]/g, "\\$&");
