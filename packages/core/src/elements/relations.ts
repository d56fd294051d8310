import { join } from "node:path";
import { BuildError, reasonOf, throwFindings } from "../errors.js";
import { compareBytes } from "../phases/order.js";
import type { ElementRef, ElementRelations } from "./element.js";
import { parseElementName } from "./name.js";
import { maxListBytes, readLimited, TooLarge } from "./read-limited.js";

/** Reads whom an element needs and what it provides: its files and its package's manifest. Throws ELEMENT_FILE_INVALID. */
export async function readRelations(ref: ElementRef): Promise<ElementRelations> {
  const { requires = {}, provides = {} } = ref.package?.manifest ?? {};
  const [needed, provided] = [readNames(ref, "element-deps"), readNames(ref, "element-provides")];
  const required = Object.entries(requires).map(([name, range]) => ({ name, range }));
  const dependencies = new Map([...needed, ...required].map((each) => [`${each.name}@${each.range}`, each]));
  // An element that says it provides itself is still an element.
  const names = new Set([...provided.map(({ name }) => name), ...(provides[ref.name] ?? [])]);
  names.delete(ref.name);
  return {
    ...ref,
    dependencies: [...dependencies.values()]
      .filter(({ name }) => name !== ref.name)
      .sort((a, b) => compareBytes(a.name, b.name) || compareBytes(a.range, b.range)),
    provides: [...names].sort(compareBytes),
  };
}

type Invalid = (reason: string, cause?: unknown) => BuildError;

/** One name a line, with a range or without; `#` begins a comment. */
function readNames(ref: ElementRef, file: string): { name: string; range: string }[] {
  const invalid: Invalid = (reason, cause) =>
    new BuildError("ELEMENT_FILE_INVALID", { element: ref.name, file, reason }, { cause });
  const text = readList(join(ref.folder, file), invalid);
  const lines = text.split("\n").map((line) => line.replace(/#.*/, "").trim());
  const written = lines.filter(Boolean).map((line) => ({ line, read: parseElementName(line) }));
  const wrong = written.filter(({ read }) => read === undefined);
  throwFindings(
    wrong.map(({ line }) => invalid(`"${line}" is not an element name, with or without @ and a version range`)),
  );
  return written.flatMap(({ read }) => read ?? []);
}

function readList(path: string, invalid: Invalid): string {
  let text: string | TooLarge | undefined;
  try {
    text = readLimited(path, maxListBytes);
  } catch (error) {
    throw invalid(reasonOf(error), error);
  }
  if (text instanceof TooLarge) throw invalid(text.reason);
  return text ?? "";
}
