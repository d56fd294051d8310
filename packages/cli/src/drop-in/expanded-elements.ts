/** element-info: what a request for elements expands to, as names, or as code for bash. */
import { realpath } from "node:fs/promises";
import {
  BuildError,
  discoverElements,
  expandRequest,
  imageElementArray,
  imageElementYaml,
  loadElementPlaces,
  parseElementName,
  shellWord,
  type Asked,
  type ElementCatalog,
} from "@dibjs/core";
import { bundledElements } from "../bundled.js";
import { sanitiseLine } from "../progress/sanitise.js";
import { openTerminal, type Terminal } from "../terminal.js";
import { dropInExitCode, formatDropInFailure } from "./failure.js";
import { readCommandLine } from "./getopt.js";

const command = "element-info";
const options = [
  { short: "e", long: "env" },
  { short: "h", long: "help" },
];

const help = `Usage: element-info [--env] ELEMENT...

Prints the names of the elements and of all that they need, as they would be in an image.

  -e, --env    print code for bash instead: IMAGE_ELEMENT, IMAGE_ELEMENT_YAML, get_image_element_array
  -h, --help   show this

Environment:
  ELEMENTS_PATH   folders of elements, searched before those that come with dib; it must be set
`;

/** One command from its arguments to its exit code. Never throws. */
export async function elementInfo(args: readonly string[]): Promise<number> {
  const terminal = openTerminal();
  try {
    const { options: given, operands } = await readCommandLine({ command, options, args, env: process.env });
    const has = (...names: readonly string[]) => given.some(({ name }) => names.includes(name));
    if (has("-h", "--help")) terminal.out.write(help);
    else terminal.out.write(formatElements(await expand(operands, terminal), has("-e", "--env")));
    return 0;
  } catch (error) {
    terminal.err.write(`${formatDropInFailure(error).join("\n")}\n`);
    return dropInExitCode(error);
  }
}

interface PlacedElement {
  readonly name: string;
  /** Links resolved. */
  readonly folder: string;
}

async function expand(operands: readonly string[], { err }: Terminal): Promise<PlacedElement[]> {
  const asked = operands.flatMap((operand) => operand.split(/\s+/)).filter(Boolean);
  if (asked.length === 0)
    throw new BuildError("USAGE_INVALID", {
      reason: `${command}: no element was named`,
      hint: `See ${command} --help.`,
    });
  if ((process.env.ELEMENTS_PATH ?? "") === "")
    throw new BuildError("USAGE_INVALID", {
      reason: "$ELEMENTS_PATH must be set.",
      hint: "dib elements lists what there is without it; dib plan shows what a request expands to.",
    });
  const places = await loadElementPlaces({ cwd: process.cwd(), dropIn: true, bundled: await bundledElements() });
  const catalog = await discoverElements(places);
  const { elements } = await expandRequest(asked.map(toAsked), catalog);
  for (const line of overridesAmong(elements, catalog)) err.write(`${line}\n`);
  return Promise.all(elements.map(async ({ name, folder }) => ({ name, folder: await realpath(folder) })));
}

const toAsked = (text: string): Asked => ({
  ...(parseElementName(text) ?? { name: text, range: "*" }),
  origin: "command line",
});

/** What DIB warns of; that an element of ours gives way to one of the user's is no news. */
const overridesAmong = (elements: readonly PlacedElement[], { shadowed }: ElementCatalog): string[] =>
  elements.flatMap(({ name, folder }) =>
    shadowed
      .filter((other) => other.name === name && other.source === "elements-path")
      .map((other) => sanitiseLine(`Element <${folder}> overrides <${other.folder}>`)),
  );

const formatElements = (elements: readonly PlacedElement[], forBash: boolean): string => {
  const names = elements.map(({ name }) => name).join(" ");
  if (!forBash) return `${names}\n`;
  return `export IMAGE_ELEMENT='${names}'
export IMAGE_ELEMENT_YAML=${shellWord(imageElementYaml(elements))}
function get_image_element_array {
  echo ${shellWord(imageElementArray(elements))}
};
export -f get_image_element_array;
`;
};
