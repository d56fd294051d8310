/** Which elements an image asks for, with which options, and where they are looked up. */
import { resolve } from "node:path";
import type { ImageSource, Shared } from "./load.js";
import { fromFolder, originOf } from "./normalize.js";
import type { BuildConfig, Origin } from "./schema.js";
import type { WrittenSettings } from "./written.js";

/** DIB puts what IMAGE_ELEMENT holds before the arguments. Options add up, the most particular place wins. */
export function readElements(
  { levels }: ImageSource,
  { request, env, source }: Shared,
): Pick<BuildConfig, "elements" | "options"> {
  const written = levels.map(({ written: { elements, options }, at }) => ({
    named:
      elements === undefined
        ? undefined
        : readEntries(elements, (index) =>
            originOf(source, [...at, "elements", ...(index === undefined ? [] : [index])]),
          ),
    options: options ?? {},
  }));
  const asked = [
    ...readEntries(env.IMAGE_ELEMENT, () => "$IMAGE_ELEMENT").elements,
    ...readEntries([...(request.elements ?? [])], () => "command line").elements,
  ];
  return {
    elements: asked.length > 0 ? asked : (written.findLast(({ named }) => named !== undefined)?.named?.elements ?? []),
    options: written.reduce<Record<string, unknown>>(
      (all, { named, options }) => ({ ...all, ...options, ...named?.options }),
      {},
    ),
  };
}

/** In the order of look-up. */
export function readElementPaths({
  request,
  env,
  source,
  host,
  projectDir,
}: Pick<Shared, "request" | "env" | "source" | "host" | "projectDir">): BuildConfig["elementPaths"] {
  const within = (paths: readonly string[], origin: Origin) =>
    paths.filter(Boolean).map((path) => ({ path: resolve(request.cwd, path), origin }));
  return [
    ...within(request.elementPaths ?? [], "--elements-path"),
    ...within((env.ELEMENTS_PATH ?? "").split(":"), "$ELEMENTS_PATH"),
    ...(source.written.elementPaths ?? []).map((path, index) => ({
      path: fromFolder(projectDir, path, host.caller.home),
      origin: originOf(source, ["elementPaths", index]),
    })),
  ];
}

/** Elements asked for in one place, and their options. A string may hold several names, as DIB's callers write them. */
function readEntries(
  written: WrittenSettings["elements"],
  origin: (index: number | undefined) => Origin,
): Pick<BuildConfig, "elements" | "options"> {
  const entries = typeof written === "string" ? [written] : (written ?? []);
  const elements: BuildConfig["elements"][number][] = [];
  const options: [string, unknown][] = [];
  for (const [index, entry] of entries.entries()) {
    const from = origin(typeof written === "string" ? undefined : index);
    if (typeof entry === "string") {
      elements.push(
        ...entry
          .split(/\s+/)
          .filter(Boolean)
          .map((word) => ({ ...splitRange(word), origin: from })),
      );
      continue;
    }
    const named = splitRange(entry.name);
    elements.push({
      ...named,
      ...(entry.version === undefined ? {} : { range: entry.version }),
      origin: from,
    });
    if (entry.options !== undefined) options.push([named.name, entry.options]);
  }
  return { elements, options: Object.fromEntries(options) };
}

/** `vm@^1.2` → name and semver range; any version without one. */
function splitRange(word: string): { name: string; range: string } {
  const at = word.indexOf("@", 1);
  return at === -1 ? { name: word, range: "*" } : { name: word.slice(0, at), range: word.slice(at + 1) };
}
