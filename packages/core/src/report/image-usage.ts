/** What takes the room in an image, for whoever asks with DIB_SHOW_IMAGE_USAGE. */
import type { BuildContext } from "../context.js";
import type { BuildPlan } from "../plan/plan.js";
import { readRecords } from "../process/read-records.js";
import type { ImageUsage } from "./events.js";

/** DIB: many small files still show by their folder. */
const smallestBytes = 10 * 2 ** 20;

/** A whole distribution in one message would hold up the channel to the front. */
const entriesInEvent = 1000;

/** Tells it of a finished tree with nothing mounted below. That it can't be told fails no build. */
export async function tellImageUsage(
  { environment }: Pick<BuildPlan, "environment">,
  tree: string,
  { exec, emit }: Pick<BuildContext, "exec" | "emit">,
): Promise<void> {
  const isWanted = (variable: string) =>
    !["0", ""].includes(environment.find(({ name }) => name === variable)?.value ?? "");
  const isFull = isWanted("DIB_SHOW_IMAGE_USAGE_FULL");
  if (!isFull && !isWanted("DIB_SHOW_IMAGE_USAGE")) return;
  const leastBytes = isFull ? 0 : smallestBytes;
  const entries: ImageUsage[] = [];
  const { exitCode, stderr } = await readRecords(
    exec,
    ["du", "-a", "-k", "-x", "-0", "--", tree],
    (record) => {
      const tab = record.indexOf("\t");
      const sizeBytes = Number(record.slice(0, tab)) * 1024;
      if (sizeBytes >= leastBytes) entries.push({ sizeBytes, path: record.slice(tab + 1 + tree.length) || "/" });
    },
    { encoding: "utf8" },
  );
  if (exitCode !== 0)
    emit({ type: "note", level: "warning", text: `What takes the room is not all told: ${stderr.trim()}` });
  entries.sort((a, b) => b.sizeBytes - a.sizeBytes || (a.path < b.path ? -1 : 1));
  for (let at = 0; at < entries.length; at += entriesInEvent) {
    const isLast = at + entriesInEvent >= entries.length;
    emit({
      type: "image-usage",
      ...{ leastBytes, isFirst: at === 0, isLast, entries: entries.slice(at, at + entriesInEvent) },
    });
  }
}
