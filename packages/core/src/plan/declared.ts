/** DIB_ENV: DIB's variables as `declare -p` of a shell lists them. Images keep it. */
import { compareBytes } from "../phases/order.js";

/** The exported variables of a shell that has these. */
export const declareVariables = (variables: Readonly<Record<string, string>>): string =>
  Object.keys(variables)
    .sort(compareBytes)
    .map((name) => `declare -x ${name}=${quote(variables[name] ?? "")}`)
    .join("\n");

/** With a byte that the C locale can't show bash writes $'…'. */
function quote(text: string): string {
  const bytes = Buffer.from(text).toString("latin1");
  return /[^ -~]/.test(bytes)
    ? `$'${bytes.replace(/[^ -~]|[\\']/g, escape)}'`
    : `"${bytes.replace(/["\\$`]/g, "\\$&")}"`;
}

const named: Readonly<Record<string, string>> = {
  "\x07": "a",
  "\b": "b",
  "\t": "t",
  "\n": "n",
  "\v": "v",
  "\f": "f",
  "\r": "r",
  "\x1b": "E",
  "\\": "\\",
  "'": "'",
};

const escape = (character: string): string =>
  `\\${named[character] ?? character.charCodeAt(0).toString(8).padStart(3, "0")}`;
