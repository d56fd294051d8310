/** What scripts of DIB's elements read of an image's elements: IMAGE_ELEMENT_YAML, and the text of get_image_element_array. */
import { stringify } from "yaml";
import { compareBytes } from "../phases/order.js";

interface Placed {
  readonly name: string;
  readonly folder: string;
}

/** Name → folder, by name. Python reads it: a name that is a yes or a number to YAML 1.1 is quoted. */
export const imageElementYaml = (elements: readonly Placed[]): string =>
  stringify(
    Object.fromEntries(
      [...elements].sort((a, b) => compareBytes(a.name, b.name)).map(({ name, folder }) => [name, folder]),
    ),
    { version: "1.1", lineWidth: 0 },
  );

/** `[NAME]=FOLDER `, each followed by a blank; what is odd in a folder is escaped for `eval declare -A ELEMENTS=(…)`. */
export const imageElementArray = (elements: readonly Placed[]): string =>
  elements.map(({ name, folder }) => `[${name}]=${quoteForEval(folder)} `).join("");

/** Words are split before eval joins them, so that only what is escaped one by one stays as it is. */
const quoteForEval = (folder: string): string =>
  folder.replace(/[^\w@%+=:,./-]/gu, (character) => (character === "\n" ? "$'\\n'" : `\\${character}`));
