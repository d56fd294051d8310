import { readFile } from "node:fs/promises";
import { join } from "node:path";
import {
  BuildError,
  compareScripts,
  createHooks,
  loadElement,
  nearest,
  phases,
  readRelations,
  setUpElements,
  type Element,
  type ElementCatalog,
  type ElementRef,
} from "@dibjs/core";
import type { Given } from "../options.js";
import { formatTable, indent } from "../table.js";
import type { Colours, Terminal } from "../terminal.js";
import { findElements } from "./elements.js";

interface Info {
  readonly name: string;
  readonly version: string;
  readonly package: string | undefined;
  readonly folder: string;
  readonly needs: readonly { readonly name: string; readonly range: string }[];
  readonly neededBy: readonly string[];
  readonly provides: readonly string[];
  readonly variables: readonly {
    readonly name: string;
    readonly default: string | undefined;
    readonly from: string;
    readonly secret: boolean;
  }[];
  readonly phases: readonly {
    readonly phase: string;
    readonly place: "host" | "chroot";
    readonly scripts: readonly { readonly name: string; readonly kind: "shell" | "typescript" }[];
  }[];
  readonly readme: string | undefined;
}

/** Describes one element. Throws ELEMENT_NOT_FOUND. */
export async function info({ out }: Terminal, given: Given, [name = ""]: readonly string[]): Promise<number> {
  const catalog = await findElements(given);
  const ref = catalog.refs.get(name);
  if (ref === undefined) {
    throw new BuildError("ELEMENT_NOT_FOUND", {
      name,
      askedBy: ["command line"],
      searched: catalog.searched,
      nearest: nearest(name, [...catalog.refs.keys()]),
    });
  }
  const found = await describe(ref, catalog);
  out.write(
    given.json === true
      ? (await import("../envelope.js")).formatData("info", found)
      : `${formatInfo(found, out.colours).join("\n")}\n`,
  );
  return 0;
}

async function describe(ref: ElementRef, catalog: ElementCatalog): Promise<Info> {
  const element = await loadElement(ref);
  const { name, version, folder, dependencies, provides } = element;
  const steps = await typedSteps(element);
  return {
    name,
    version,
    package: ref.package?.name,
    folder,
    needs: dependencies,
    neededBy: await findDependents(name, catalog),
    provides,
    variables: await findVariables(element),
    phases: phases.flatMap(({ name: phase, place }) => {
      const shell = element.files.flatMap(({ path, kind, executable }) =>
        path.startsWith(`${phase}.d/`) && kind !== "folder" && executable
          ? [{ name: path.slice(phase.length + 3), kind: "shell" as const }]
          : [],
      );
      const typed = steps
        .filter((step) => step.phase === phase)
        .map((step) => ({ name: step.name, kind: "typescript" as const }));
      const scripts = [...shell, ...typed].sort((a, b) => compareScripts(a.name, b.name));
      return scripts.length === 0 ? [] : [{ phase, place, scripts }];
    }),
    readme: (await readReadme(folder)) ?? (await readPackageReadme(ref)),
  };
}

/** Steps that the element's plugin adds with its default options; none when it can't do without options. */
async function typedSteps(element: Element): Promise<readonly { readonly phase: string; readonly name: string }[]> {
  if (element.entry === undefined) return [];
  const { name, version, folder, entry } = element;
  return setUpElements([{ name, version, folder, entry }], {}, createHooks()).then(
    ({ steps }) => steps,
    () => [],
  );
}

async function findDependents(name: string, { refs }: ElementCatalog): Promise<readonly string[]> {
  const all = await Promise.all([...refs.values()].map((ref) => readRelations(ref).catch(() => undefined)));
  return all
    .flatMap((other) => (other?.dependencies.some((needed) => needed.name === name) ? [other.name] : []))
    .sort();
}

/** What the package declares, and what environment.d exports unless it is set: `export NAME=${NAME:-default}`. */
async function findVariables({ folder, files, variables }: Element): Promise<Info["variables"]> {
  const environment = files.filter(({ path, kind }) => path.startsWith("environment.d/") && kind !== "folder");
  const texts = await Promise.all(
    environment.map(async ({ path }) => ({ path, text: await readFile(join(folder, path), "utf8").catch(() => "") })),
  );
  const exported = texts.flatMap(({ path, text }) =>
    [...text.matchAll(/^\s*(?:export\s+)?([A-Za-z_]\w*)=["']?\$\{\1:?-(.*)\}["']?\s*$/gm)].map(
      ([, name = "", value = ""]) => ({
        name,
        default: value.replace(/^(["'])(.*)\1$/, "$2"),
        from: path,
        secret: variables[name]?.secret === true,
      }),
    ),
  );
  const declared = Object.entries(variables)
    .filter(([name]) => !exported.some((known) => known.name === name))
    .map(([name, { secret }]) => ({ name, default: undefined, from: "package.json", secret: secret === true }));
  return [...exported, ...declared].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** A package with one element has its README beside package.json, where registries show it. */
const readPackageReadme = async ({ package: from }: ElementRef): Promise<string | undefined> =>
  from !== undefined && Object.keys(from.manifest.elements).length === 1 ? readReadme(from.folder) : undefined;

async function readReadme(folder: string): Promise<string | undefined> {
  for (const name of ["README.md", "README.rst", "README"]) {
    const text = await readFile(join(folder, name), "utf8").catch(() => undefined);
    if (text !== undefined) return text.trimEnd();
  }
  return undefined;
}

function formatInfo(info: Info, { bold, dim }: Colours): readonly string[] {
  const section = (title: string, lines: readonly string[]) =>
    lines.length === 0 ? [] : ["", bold(title), ...indent(lines)];
  return [
    `${bold(info.name)} ${info.version}${info.package === undefined ? "" : ` (${info.package})`}`,
    dim(info.folder),
    ...section(
      "Needs",
      info.needs.map(({ name, range }) => (range === "*" ? name : `${name}@${range}`)),
    ),
    ...section("Needed by", info.neededBy),
    ...section("Provides", info.provides),
    ...section(
      "Variables",
      formatTable(
        info.variables.map((variable) => [
          variable.name,
          variable.secret ? "secret" : (variable.default ?? ""),
          variable.from,
        ]),
      ),
    ),
    ...section(
      "Phases",
      info.phases.flatMap(({ phase, place, scripts }) => [
        `${phase}, ${place === "host" ? "on the host" : "in the chroot"}`,
        ...indent(scripts.map(({ name, kind }) => (kind === "typescript" ? `${name} (TypeScript)` : name))),
      ]),
    ),
    ...(info.readme === undefined ? [] : ["", info.readme]),
  ];
}
