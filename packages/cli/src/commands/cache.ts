import {
  BuildError,
  createExec,
  forecastImage,
  lastUsed,
  layersFolder,
  LayerStore,
  loadConfig,
  planImage,
  pruneLayers,
  type PhaseForecast,
  type StoredLayer,
} from "@dibjs/core";
import { forecastRow } from "../forecast.js";
import { toLoadRequest, type Given } from "../options.js";
import { sanitise } from "../progress/sanitise.js";
import { formatAge, formatSeconds, formatSize } from "../progress/units.js";
import { formatTable, indent } from "../table.js";
import type { Terminal } from "../terminal.js";

const commands = ["ls", "du", "why", "prune", "verify", "clear"] as const;
type CacheCommand = (typeof commands)[number];

/** What lies in the store of layers, and what to do with it. */
export async function cache(terminal: Terminal, given: Given, [command, ...rest]: readonly string[]): Promise<number> {
  const known = commands.find((name) => name === command);
  if (known === undefined)
    throw new BuildError("USAGE_INVALID", {
      reason: command === undefined ? "dib cache needs to know what to do." : `There is no dib cache ${command}.`,
      hint: `It has ${commands.join(", ")}.`,
    });
  if (known === "why") return why(terminal, given, rest);
  if (process.getuid?.() !== 0)
    throw new BuildError("HOST_PRIVILEGE_MISSING", {
      reason: "The store of layers is root's.",
      hint: "Run the command as root, or with sudo.",
    });
  const abort = new AbortController();
  const emit = (event: { readonly type: string; readonly text?: string }) =>
    void (event.type === "note" && terminal.err.write(`${sanitise(event.text ?? "")}\n`));
  const { images } = await loadConfig(await toLoadRequest(["-"], given));
  const folder = layersFolder({ cacheDir: images[0]?.cacheDir ?? "" });
  await using store = await LayerStore.open(folder, { exec: createExec(), emit, signal: abort.signal });
  return await stored[known](store, terminal, given);
}

const stored: Readonly<
  Record<Exclude<CacheCommand, "why">, (store: LayerStore, terminal: Terminal, given: Given) => Promise<number>>
> = { ls, du, prune, verify, clear };

async function ls(store: LayerStore, terminal: Terminal, given: Given): Promise<number> {
  const layers = await store.list();
  const used = await Promise.all(layers.map((layer) => lastUsed(layer).catch(() => undefined))); // gone meanwhile
  const now = Date.now();
  const data = layers.map(({ id, phase, image, sizeBytes, seconds, createdAt }, at) => ({
    ...{ id, phase, image, sizeBytes, seconds, createdAt },
    usedAt: used[at]?.toISOString() ?? createdAt,
  }));
  const newest = [...data].sort((a, b) => b.usedAt.localeCompare(a.usedAt));
  return tell("ls", { folder: store.folder, layers: newest }, terminal, given, () => [
    ...formatTable([
      ["image", "phase", "size", "took", "used", "layer"],
      ...newest.map(({ image, phase, sizeBytes, seconds, usedAt, id }) => [
        ...[image, phase, formatSize(sizeBytes), formatSeconds(seconds)],
        ...[`${formatAge(Math.max(0, (now - Date.parse(usedAt)) / 1000))} ago`, id.slice(0, 24)],
      ]),
    ]),
    ...totalLine(layers, store),
  ]);
}

async function du(store: LayerStore, terminal: Terminal, given: Given): Promise<number> {
  const layers = await store.list();
  const images = [...new Set(layers.map(({ image }) => image))].sort().map((image) => {
    const own = layers.filter((layer) => layer.image === image);
    return { image, layers: own.length, sizeBytes: sumOf(own) };
  });
  return tell("du", { folder: store.folder, images, sizeBytes: sumOf(layers) }, terminal, given, () => [
    ...formatTable(
      images.map(({ image, layers: count, sizeBytes }) => [formatSize(sizeBytes), `${count} layers`, image]),
    ),
    ...totalLine(layers, store),
  ]);
}

const sumOf = (layers: readonly StoredLayer[]): number => layers.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);

const totalLine = (layers: readonly StoredLayer[], { folder }: LayerStore): string[] => [
  `${layers.length} layers, ${formatSize(sumOf(layers))} in ${folder}`,
];

async function prune(store: LayerStore, terminal: Terminal, given: Given): Promise<number> {
  const maxBytes = positive(given, "maxSize", 30) * 2 ** 30;
  const maxAgeSeconds = positive(given, "maxAge", 30) * 86400;
  const removed = await pruneLayers(store, { maxBytes, maxAgeSeconds });
  return tellRemoved("prune", removed, store, terminal, given);
}

function positive(given: Given, name: "maxSize" | "maxAge", otherwise: number): number {
  const written = given[name] as string | undefined;
  const value = written === undefined ? otherwise : Number(written);
  if (written?.trim() !== "" && value >= 0) return value;
  const option = name === "maxSize" ? "--max-size" : "--max-age";
  throw new BuildError("USAGE_INVALID", {
    reason: `${option} ${written} is not a number.`,
    hint: "It is GiB, or days.",
  });
}

async function clear(store: LayerStore, terminal: Terminal, given: Given): Promise<number> {
  const removed: StoredLayer[] = [];
  for (const layer of await store.list()) if (await store.remove(layer.id)) removed.push(layer);
  return tellRemoved("clear", removed, store, terminal, given);
}

async function tellRemoved(
  command: CacheCommand,
  removed: readonly StoredLayer[],
  store: LayerStore,
  terminal: Terminal,
  given: Given,
): Promise<number> {
  const left = await store.list();
  const data = { removed: removed.map(({ id }) => id), freedBytes: sumOf(removed), left: left.length };
  return tell(command, data, terminal, given, () => [
    `removed ${removed.length} layers, ${formatSize(sumOf(removed))}`,
    ...totalLine(left, store),
  ]);
}

/** Reads everything; what is damaged is removed, since no build would use it. Exit code 1 when there was such. */
async function verify(store: LayerStore, terminal: Terminal, given: Given): Promise<number> {
  const damaged: { id: string; phase: string; reason: string }[] = [];
  const layers = await store.list();
  for (const layer of layers) {
    const reason = await store.verify(layer);
    if (reason === undefined) continue;
    damaged.push({ id: layer.id, phase: layer.phase, reason });
    await store.remove(layer.id);
  }
  await tell("verify", { checked: layers.length, damaged }, terminal, given, () => [
    ...damaged.map(({ id, phase, reason }) => `${phase} ${id.slice(0, 24)}: ${reason}; removed`),
    `${layers.length} layers read, ${damaged.length} damaged`,
  ]);
  return damaged.length === 0 ? 0 : 1;
}

async function why(terminal: Terminal, given: Given, elements: readonly string[]): Promise<number> {
  const { images } = await loadConfig(await toLoadRequest(elements, given));
  const found: { image: string; phases: readonly PhaseForecast[] }[] = [];
  for (const config of images) {
    const prepared = await planImage(config);
    found.push({ image: prepared.plan.image, phases: await forecastImage(prepared) });
  }
  const now = new Date();
  return tell("why", { images: found }, terminal, given, () =>
    found.flatMap(({ image, phases }) => [
      ...(found.length > 1 ? [image] : []),
      ...indent(formatTable(phases.map((phase) => forecastRow(phase, now)))),
    ]),
  );
}

async function tell(
  command: CacheCommand,
  data: unknown,
  { out }: Terminal,
  given: Given,
  lines: () => readonly string[],
): Promise<number> {
  if (given.json === true) out.write((await import("../envelope.js")).formatData(`cache ${command}`, data));
  else out.write(`${lines().map(sanitise).join("\n")}\n`);
  return 0;
}
