import { satisfies } from "semver";
import { BuildError } from "../errors.js";
import { nearest } from "../nearest.js";
import type { Element, ElementCatalog, ElementSet } from "./element.js";
import { loadElement } from "./load.js";

export interface ExpandRequest {
  readonly elements: readonly { readonly name: string; readonly range: string; readonly origin: string }[];
  readonly arch: string;
  readonly base: boolean;
  readonly ramdisk: boolean;
  readonly ramdiskElement: string;
}

/** The closure of what was asked for, as DIB computes it, in one deterministic order: dependencies first, then name. */
export async function expandElements(request: ExpandRequest, catalog: ElementCatalog): Promise<ElementSet> {
  const asked = requested(request);
  const askedBy = new Map(asked.map(({ name }) => [name, [name]]));
  const asks = asked.map(({ name, range }) => ({ name, range, by: [name] }));
  const provided = new Map<string, string>();
  const loaded = new Map<string, Element>();
  const queue = [...new Set(asked.map(({ name }) => name))];
  if (queue.length === 0) throw new BuildError("ELEMENT_NONE", {});
  for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
    if (provided.has(name) || loaded.has(name)) continue;
    const ref = catalog.refs.get(name);
    const path = askedBy.get(name) ?? [name];
    if (ref === undefined) {
      // A name that only a later element provides: it is there by then, or it is missing.
      const waiting = await providerAhead(name, queue, catalog);
      if (waiting) {
        queue.push(name);
        continue;
      }
      throw new BuildError("ELEMENT_NOT_FOUND", { name, askedBy: path, searched: catalog.searched, nearest: nearest(name, [...catalog.refs.keys()]) });
    }
    const element = await loadElement(ref);
    for (const provides of element.provides) {
      const other = provided.get(provides);
      if (other !== undefined) throw new BuildError("ELEMENT_ALREADY_PROVIDED", { name: provides, providers: [other], askedBy: path });
      provided.set(provides, name);
    }
    loaded.set(name, element);
    for (const { name: dependency, range } of element.dependencies) {
      asks.push({ name: dependency, range, by: [...path, dependency] });
      if (!askedBy.has(dependency)) askedBy.set(dependency, [...path, dependency]);
      queue.push(dependency);
    }
  }
  for (const { name } of asked) {
    const provider = provided.get(name);
    if (provider !== undefined) throw new BuildError("ELEMENT_ALREADY_PROVIDED", { name, providers: [provider], askedBy: askedBy.get(name) ?? [name] });
  }
  const elements = [...loaded.values()].filter(({ name }) => !provided.has(name));
  if (!provided.has("operating-system")) throw new BuildError("ELEMENT_NO_OPERATING_SYSTEM", { elements: elements.map(({ name }) => name) });
  checkVersions(elements, asks);
  return { elements: inOrder(elements, provided), askedBy: Object.fromEntries(askedBy), provided: Object.fromEntries(provided) };
}

async function providerAhead(name: string, queue: readonly string[], catalog: ElementCatalog): Promise<boolean> {
  for (const other of queue) {
    const ref = catalog.refs.get(other);
    if (ref !== undefined && (await loadElement(ref)).provides.includes(name)) return true;
  }
  return false;
}

/** DIB's compatibility rule for `vm`, `base` and the ramdisk element; it looks only at what was asked for. */
function requested({ elements, arch, base, ramdisk, ramdiskElement }: ExpandRequest): { name: string; range: string }[] {
  const names = elements.map(({ name }) => name);
  const needsDisk = names.includes("vm") && !names.some((name) => name.startsWith("block-device-"));
  const disk = arch === "arm64" || arch === "aarch64" ? "block-device-efi" : "block-device-mbr";
  const add = (when: boolean, name: string) => (when && !names.includes(name) ? [{ name, range: "*" }] : []);
  return [...add(ramdisk, ramdiskElement), ...add(base && elements.length > 0, "base"), ...elements, ...add(needsDisk, disk)];
}

function checkVersions(elements: readonly Element[], asks: readonly { name: string; range: string; by: readonly string[] }[]): void {
  for (const { name, version, package: from } of elements) {
    const askers = asks.filter((ask) => ask.name === name && ask.range !== "*");
    const fits = ({ range }: { range: string }) => version === "0.0.0-local" || satisfies(version, range, { includePrerelease: true });
    if (!askers.every(fits)) {
      throw new BuildError("ELEMENT_VERSION_CONFLICT", { name, version, askers, command: from === undefined ? undefined : `npm install ${from.name}@"${askers.at(-1)?.range}"` });
    }
  }
}

/** Kahn's order with the smallest ready name first; in a circle the smallest name goes first. */
function inOrder(elements: readonly Element[], provided: ReadonlyMap<string, string>): Element[] {
  const waiting = new Map([...elements].sort((a, b) => (a.name < b.name ? -1 : 1)).map((element) => [element.name, element]));
  const ordered: Element[] = [];
  while (waiting.size > 0) {
    const names = [...waiting.values()];
    const isReady = ({ dependencies, name }: Element) => dependencies.every((dependency) => dependency.name === name || !waiting.has(provided.get(dependency.name) ?? dependency.name));
    const next = names.find(isReady) ?? names[0];
    if (next === undefined) break;
    waiting.delete(next.name);
    ordered.push(next);
  }
  return ordered;
}
