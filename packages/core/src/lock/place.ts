/** Where a lock is wrong. `yaml`, which reads JSON too, knows the places; it is loaded only then. */
import type { Place } from "../errors.js";

export const lineAt = (text: string, offset: number): number => text.slice(0, offset).split("\n").length;

/** The place of what is no JSON, or of a second key of one name, and what is wrong there; `otherwise` when nothing is found. */
export async function syntaxProblem(text: string, file: string, otherwise: string): Promise<[Place, string]> {
  const stranger = firstStranger(text);
  if (stranger !== undefined) return [{ file, line: lineAt(text, stranger) }, otherwise];
  const [problem] = (await readTree(text))?.errors ?? [];
  return problem === undefined
    ? [{ file }, otherwise]
    : [{ file, line: lineAt(text, problem.pos[0]) }, `it is no JSON: ${problem.message}`];
}

/** Where something begins that JSON does not know at all, and YAML may. */
function firstStranger(text: string): number | undefined {
  const token = /\s*(?:[{}[\],:]|"(?:[^"\\\n]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)|\s+$/y;
  let end = 0;
  while (token.test(text)) end = token.lastIndex;
  return end === text.length ? undefined : end + text.slice(end).search(/\S|$/);
}

/** The line of a key that a shape found wrong; keys may hold dots themselves. */
export async function placeOfKey(key: string, text: string, file: string): Promise<Place> {
  const yaml = await import("yaml");
  let node: unknown = (await readTree(text))?.contents;
  let offset: number | undefined;
  for (let rest = key; rest !== "" && yaml.isMap(node);) {
    const pair = node.items.find(
      ({ key: own }) => yaml.isScalar(own) && `${rest}.`.startsWith(`${String(own.value)}.`),
    );
    if (pair === undefined || !yaml.isScalar(pair.key)) break;
    offset = pair.key.range?.[0] ?? offset;
    rest = rest.slice(String(pair.key.value).length + 1);
    node = pair.value;
  }
  return offset === undefined ? { file } : { file, line: lineAt(text, offset) };
}

async function readTree(text: string) {
  const { parseDocument } = await import("yaml");
  try {
    return parseDocument(text, { prettyErrors: false, stringKeys: true });
  } catch {
    return undefined; // nested deeper than it can go: there is no place then
  }
}
