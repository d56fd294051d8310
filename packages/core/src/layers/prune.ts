import { stat } from "node:fs/promises";
import { join } from "node:path";
import { lastUsed, type LayerStore, type StoredLayer } from "./store.js";

/** What a store may hold. */
export interface PruneLimits {
  readonly maxBytes: number;
  /** Since a layer was used last. */
  readonly maxAgeSeconds: number;
}

/** Of a build's own clean-up, after it. */
export const defaultLimits: PruneLimits = { maxBytes: 30 * 2 ** 30, maxAgeSeconds: 30 * 86400 };

/**
 * Removes layers that nobody has used for long, then those used longest ago until the rest fits. What a build uses stays. A time
 * of use that lies ahead, of a clock that was set back, counts as now.
 */
export async function pruneLayers(
  store: LayerStore,
  { maxBytes, maxAgeSeconds }: PruneLimits,
  now = new Date(),
): Promise<StoredLayer[]> {
  const layers = await Promise.all(
    (await store.list()).map(async (layer) => {
      const used = await lastUsed(layer).catch(() => now); // it is gone meanwhile
      return { layer, unusedSeconds: Math.max(0, (now.getTime() - used.getTime()) / 1000) };
    }),
  );
  const longestFirst = layers.sort((a, b) => b.unusedSeconds - a.unusedSeconds);
  let bytes = longestFirst.reduce((sum, { layer }) => sum + layer.sizeBytes, 0);
  const removed: StoredLayer[] = [];
  for (const { layer, unusedSeconds } of longestFirst) {
    if (unusedSeconds <= maxAgeSeconds && bytes <= maxBytes) continue;
    if (!(await store.remove(layer.id))) continue;
    bytes -= layer.sizeBytes;
    removed.push(layer);
  }
  await pruneUnreadable(
    store,
    layers.map(({ layer }) => layer.id),
    { maxAgeSeconds, now },
  );
  return removed;
}

/** What this version can't read may be another's that shares the store: it goes by age alone. */
async function pruneUnreadable(
  store: LayerStore,
  readable: readonly string[],
  { maxAgeSeconds, now }: { readonly maxAgeSeconds: number; readonly now: Date },
): Promise<void> {
  for (const id of (await store.names()).filter((name) => !readable.includes(name))) {
    const found = await stat(join(store.folder, id, "layer.json")).catch(() => undefined); // gone meanwhile
    if (found !== undefined && now.getTime() - found.mtimeMs > maxAgeSeconds * 1000) await store.remove(id);
  }
}
