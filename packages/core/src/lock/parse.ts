import { BuildError, reasonOf, type Place } from "../errors.js";
import type { Lock } from "./lock.js";
import { lineAt, placeOfKey, syntaxProblem } from "./place.js";
import { lockShape } from "./schema.js";

const maxBytes = 16 * 2 ** 20;

/** Throws LOCK_INVALID with the line. */
export async function parseLock(text: string, file: string): Promise<Lock> {
  if (text.length > maxBytes) throw invalid({ file }, `it is larger than ${maxBytes / 2 ** 20} MiB`);
  const conflict = text.search(/^(<{7}|={7}|>{7})/m);
  if (conflict >= 0) throw invalid({ file, line: lineAt(text, conflict) }, "a merge conflict is not resolved");
  const written = await parseJson(text, file);
  const { version = 1 } = (written ?? {}) as { version?: unknown };
  if (version !== 1)
    throw invalid(
      await placeOfKey("version", text, file),
      `it has version ${JSON.stringify(version)}, this dib reads 1`,
    );
  const flaw = lockShape(written);
  if (flaw !== undefined)
    throw invalid(
      await placeOfKey(flaw.key, text, file),
      flaw.key === "" ? flaw.reason : `${flaw.key}: ${flaw.reason}`,
    );
  if (hasTwins(text, written)) throw invalid(...(await syntaxProblem(text, file, "a key is there twice")));
  return written as Lock;
}

const invalid = (place: Place, reason: string, cause?: unknown) =>
  new BuildError("LOCK_INVALID", { place, reason }, { cause });

async function parseJson(text: string, file: string): Promise<unknown> {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw invalid(...(await syntaxProblem(text, file, reasonOf(error))), error);
  }
}

/** JSON.parse takes the last of two equal keys, which a merge may have left. */
const hasTwins = (text: string, written: unknown): boolean =>
  [...text.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?/g)].filter(([, colon]) => colon !== undefined).length !==
  countKeys(written);

function countKeys(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  return Object.values(value).reduce<number>((sum, each) => sum + 1 + countKeys(each), 0);
}
