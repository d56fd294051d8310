/** What takes the room in an image, for whoever asks with DIB_SHOW_IMAGE_USAGE. */
import type { BuildContext } from "../context.js";
import type { BuildPlan } from "../plan/plan.js";
import { mustRun } from "../process/exec.js";
import type { ImageUsage } from "./events.js";

/** DIB: many small files still show by their folder. */
const smallestBytes = 10 * 2 ** 20;

/** Tells it of a finished tree with nothing mounted below. */
export async function tellImageUsage(
  { environment }: Pick<BuildPlan, "environment">,
  tree: string,
  { exec, emit }: Pick<BuildContext, "exec" | "emit">,
): Promise<void> {
  const isWanted = (variable: string) =>
    !["0", ""].includes(environment.find(({ name }) => name === variable)?.value ?? "");
  const isFull = isWanted("DIB_SHOW_IMAGE_USAGE_FULL");
  if (!isFull && !isWanted("DIB_SHOW_IMAGE_USAGE")) return;
  const listed = await mustRun(exec, "du", ["-a", "-k", "-x", "-0", "--", tree]);
  const leastBytes = isFull ? 0 : smallestBytes;
  const entries = listed
    .split("\0")
    .filter(Boolean)
    .map((entry) => readEntry(entry, tree))
    .filter(({ sizeBytes }) => sizeBytes >= leastBytes)
    .sort((a, b) => b.sizeBytes - a.sizeBytes || (a.path < b.path ? -1 : 1));
  emit({ type: "image-usage", leastBytes, entries });
}

function readEntry(entry: string, tree: string): ImageUsage {
  const tab = entry.indexOf("\t");
  return { path: entry.slice(tab + 1 + tree.length) || "/", sizeBytes: Number(entry.slice(0, tab)) * 1024 };
}
