/**
 * From what was asked for to the set of loaded elements. There is one version of each element, the one that is
 * installed: ranges are checked against it and never choose one. The package manager chooses, and its lock file keeps it.
 */
import satisfies from "semver/functions/satisfies.js";
import intersects from "semver/ranges/intersects.js";
import type { BuildConfig } from "../config/schema.js";
import { BuildError, throwFindings } from "../errors.js";
import { nearest } from "../nearest.js";
import { compareBytes } from "../phases/order.js";
import { localVersion } from "./discover.js";
import type { ElementCatalog, ElementRelations, ElementSet } from "./element.js";
import {
  expandElements,
  requestedElements,
  type Asked,
  type Expansion,
  type KnownElements,
  type Request,
} from "./expand.js";
import { loadElement } from "./load.js";
import { isElementName, isRange } from "./name.js";
import { readRelations } from "./relations.js";

/** Throws every ELEMENT_ error there is. */
export async function resolveElements(
  config: Request & Pick<BuildConfig, "options">,
  catalog: ElementCatalog,
): Promise<ElementSet> {
  const asked = requestedElements(config);
  const { expansion, known } = await expandIn(asked, catalog);
  throwFindings([
    ...misspeltOptions(config.options, expansion, known, catalog),
    ...versionConflicts(asked, expansion),
    ...copiesOf(expansion, catalog),
    ...unsupportedArchs(config.arch, expansion),
  ]);
  const codeDigests = new Map<string, Promise<string>>();
  const elements = await Promise.all(expansion.elements.map((each) => loadElement(each, codeDigests)));
  return { elements, askedBy: Object.fromEntries(expansion.askedBy), provided: Object.fromEntries(expansion.provided) };
}

/**
 * The closure alone: of its elements nothing is read but whom they need and what they provide. Throws what
 * `resolveElements` does, but for options, architectures, and files that a build would not take.
 */
export async function expandRequest(asked: readonly Asked[], catalog: ElementCatalog): Promise<Expansion> {
  const { expansion } = await expandIn(asked, catalog);
  throwFindings([...versionConflicts(asked, expansion), ...copiesOf(expansion, catalog)]);
  return expansion;
}

async function expandIn(
  asked: readonly Asked[],
  catalog: ElementCatalog,
): Promise<{ expansion: Expansion; known: KnownElements }> {
  throwFindings(
    asked
      .filter(({ name, range }) => !isElementName(name) || !isRange(range))
      .map(
        ({ name, range, origin }) =>
          new BuildError("ELEMENT_NAME_INVALID", { name: range === "*" ? name : `${name}@${range}`, origin }),
      ),
  );
  const names = asked.map(({ name }) => name);
  const known = lookUp(await readClosure(names, catalog), catalog);
  return { expansion: expandElements(names, known), known };
}

/** Relations of everything that may be reached, read level by level. */
async function readClosure(
  names: readonly string[],
  { refs }: ElementCatalog,
): Promise<ReadonlyMap<string, ElementRelations>> {
  const relations = new Map<string, ElementRelations>();
  for (let level = [...new Set(names)]; level.length > 0;) {
    const found = await Promise.all(level.flatMap((name) => refs.get(name) ?? []).map(readRelations));
    for (const each of found) relations.set(each.name, each);
    const needed = new Set(found.flatMap(({ dependencies }) => dependencies.map(({ name }) => name)));
    level = [...needed].filter((name) => refs.has(name) && !relations.has(name));
  }
  return relations;
}

/** Of what several elements provide, each in its way: `block-device` is one of `block-device-mbr`, `block-device-gpt`. */
const kindsOf = (name: string, known: readonly string[]): readonly string[] =>
  known.filter((other) => other.startsWith(`${name}-`)).sort(compareBytes);

function lookUp(
  relations: ReadonlyMap<string, ElementRelations>,
  { refs, unusable, searched }: ElementCatalog,
): KnownElements {
  return {
    find: (name) => relations.get(name),
    missing: (name, askedBy) => {
      const broken = unusable.find(({ names }) => names.includes(name));
      const unreadable = unusable.filter(({ names }) => names.length === 0).map(({ folder }) => folder);
      const known = [...refs.keys()];
      const kinds = kindsOf(name, known);
      return (
        broken?.error ??
        new BuildError("ELEMENT_NOT_FOUND", {
          ...{ name, askedBy, searched, nearest: nearest(name, known) },
          ...(kinds.length === 0 ? {} : { kinds }),
          ...(unreadable.length === 0 ? {} : { unreadable }),
        })
      );
    },
  };
}

/** Options are for elements that exist; that one is not part of this image is fine, since images share a file. */
function misspeltOptions(
  options: BuildConfig["options"],
  { provided }: Expansion,
  known: KnownElements,
  { refs }: ElementCatalog,
): BuildError[] {
  const unknown = Object.keys(options).filter((name) => !refs.has(name) && !provided.has(name));
  return unknown.map((name) => known.missing(name, ["options"]));
}

interface Asker {
  readonly name: string;
  readonly range: string;
  readonly by: readonly string[];
  readonly package: string | undefined;
}

export function versionConflicts(
  asked: readonly Asked[],
  { elements, askedBy }: Pick<Expansion, "elements" | "askedBy">,
): BuildError[] {
  const askers: Asker[] = [
    ...asked.map(({ name, range }) => ({ name, range, by: [name], package: undefined })),
    ...elements.flatMap((element) =>
      element.dependencies.map(({ name, range }) => ({
        name,
        range,
        by: [...(askedBy.get(element.name) ?? [element.name]), name],
        package: element.package?.name,
      })),
    ),
  ].filter(({ range }) => range !== "*");
  const byName = groupBy(askers, ({ name }) => name);
  return elements.flatMap(({ name, version, package: from }) => {
    const ofThis = byName.get(name) ?? [];
    const ranges = new Set(ofThis.map(({ range }) => range));
    const isMet =
      version === localVersion || [...ranges].every((range) => satisfies(version, range, { includePrerelease: true }));
    if (isMet) return [];
    const shown = ofThis.map(({ range, by }) => ({ range, by }));
    return [
      new BuildError("ELEMENT_VERSION_CONFLICT", {
        name,
        version,
        askers: shown,
        command: commandFor(from?.name, ofThis),
      }),
    ];
  });
}

/** Another version of the element when one can please all, else other versions of those who ask. */
function commandFor(packageName: string | undefined, askers: readonly Asker[]): string | undefined {
  const ranges = [...new Set(askers.map(({ range }) => range))];
  const canAgree = ranges.every((a) => ranges.every((b) => intersects(a, b, { includePrerelease: true })));
  if (canAgree && packageName !== undefined && ranges.every((range) => !range.includes("||"))) {
    return `dib add '${packageName}@${ranges.join(" ")}'`;
  }
  const packages = [...new Set(askers.flatMap((asker) => asker.package ?? []))];
  return packages.length === 0 ? undefined : `dib add ${packages.map((name) => `${name}@latest`).join(" ")}`;
}

/** Two packages with an element of one name, or two copies of one package: which of them a build gets would be chance. */
export function copiesOf(
  { elements }: Pick<Expansion, "elements">,
  { shadowed }: Pick<ElementCatalog, "shadowed">,
): BuildError[] {
  const installed = elements.filter(({ source }) => source === "package");
  const seen = groupBy(
    installed.flatMap(({ package: asker }) => Object.entries(asker?.sees ?? {})),
    ([name]) => name,
  );
  const rivals = groupBy(
    shadowed.filter(({ source }) => source === "package"),
    ({ name }) => name,
  );
  return installed.flatMap(({ name, package: own }) => {
    if (own === undefined) return [];
    const others = (rivals.get(name) ?? []).flatMap(({ package: other }) =>
      other?.name === own.name ? [] : (other ?? []),
    );
    const folders = [
      ...new Set([
        own.folder,
        ...(seen.get(own.name) ?? []).map(([, folder]) => folder),
        ...others.map(({ folder }) => folder),
      ]),
    ];
    return folders.length === 1 ? [] : [new BuildError("ELEMENT_COPIES", { name, folders })];
  });
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): ReadonlyMap<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return groups;
}

function unsupportedArchs(arch: string, { elements }: Expansion): BuildError[] {
  return elements.flatMap(({ name, package: from }) => {
    const supported = from?.manifest.arch;
    return supported === undefined || supported.includes(arch)
      ? []
      : [new BuildError("ELEMENT_ARCH_UNSUPPORTED", { element: name, arch, supported })];
  });
}
