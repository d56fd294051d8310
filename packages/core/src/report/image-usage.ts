/** What takes the room in an image, for whoever asks with DIB_SHOW_IMAGE_USAGE. */
import type { Readable } from "node:stream";
import type { BuildContext } from "../context.js";
import type { BuildPlan } from "../plan/plan.js";
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
  let complaints = "";
  const { exitCode } = await exec("du", ["-a", "-k", "-x", "-0", "--", tree], {
    async onOutput(stream, source) {
      source.setEncoding("utf8");
      if (stream === "stderr") for await (const text of source) complaints = (complaints + String(text)).slice(-2000);
      else
        for await (const entry of readEntries(source))
          if (entry.sizeBytes >= leastBytes) entries.push({ ...entry, path: entry.path.slice(tree.length) || "/" });
    },
  });
  if (exitCode !== 0)
    emit({ type: "note", level: "warning", text: `What takes the room is not all told: ${complaints.trim()}` });
  entries.sort((a, b) => b.sizeBytes - a.sizeBytes || (a.path < b.path ? -1 : 1));
  for (let at = 0; at < entries.length; at += entriesInEvent) {
    const isLast = at + entriesInEvent >= entries.length;
    emit({
      type: "image-usage",
      ...{ leastBytes, isFirst: at === 0, isLast, entries: entries.slice(at, at + entriesInEvent) },
    });
  }
}

async function* readEntries(source: Readable): AsyncGenerator<ImageUsage> {
  let rest = "";
  for await (const text of source) {
    const parts = (rest + String(text)).split("\0");
    rest = parts.pop() ?? "";
    for (const part of parts) {
      const tab = part.indexOf("\t");
      yield { path: part.slice(tab + 1), sizeBytes: Number(part.slice(0, tab)) * 1024 };
    }
  }
}
