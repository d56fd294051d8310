import {
  formatDifference,
  loadConfig,
  planImage,
  readLockState,
  updateLock,
  type BuildConfig,
  type LockState,
} from "@dibjs/core";
import { exitCodes } from "../failure.js";
import { checkBreaks } from "../break-shell.js";
import { toLoadRequest, type Given } from "../options.js";
import { showBuild } from "../shown-build.js";
import { listenForInterrupts } from "../signals.js";
import { indent } from "../table.js";
import type { Terminal } from "../terminal.js";

/** Says whether `dib.lock` and the elements agree, exit code 6 when not; with `--update` makes them agree first. */
export async function lock(terminal: Terminal, given: Given, names: readonly string[]): Promise<number> {
  const { images, notes } = await loadConfig(await toRequest(names, given));
  if (given.update === true) await update(images, terminal, given);
  const states: LockState[] = [];
  for (const config of images) states.push(await readLockState(await planImage(config)));
  if (given.json === true) {
    const { formatData } = await import("../envelope.js");
    const data = states.map(({ image, state, differences, command }) => ({ image, state, differences, command }));
    terminal.out.write(formatData("lock", { images: data }, notes));
  } else {
    for (const note of notes) terminal.err.write(`note: ${note}\n`);
    terminal.out.write(states.map((state) => `${formatState(state).join("\n")}\n`).join(""));
  }
  return states.every(({ state }) => state === "same") ? 0 : exitCodes.policy;
}

/** Where the config defines images the names are theirs, else they are elements, as for `dib build`. */
async function toRequest(names: readonly string[], given: Given) {
  const { images } = await loadConfig(await toLoadRequest([], given));
  const isDefined = images.some(({ origins }) => (origins.image ?? "default") !== "default");
  if (!isDefined) return toLoadRequest(names, given);
  const asked = [...names, ...((given.image as readonly string[] | undefined) ?? [])];
  return toLoadRequest([], asked.length > 0 ? { ...given, image: asked } : given);
}

async function update(images: readonly BuildConfig[], terminal: Terminal, given: Given): Promise<void> {
  checkBreaks(images, terminal);
  using interrupts = listenForInterrupts((text) => terminal.err.write(`${text}\n`));
  const progress = given.json === true ? "quiet" : "auto";
  for (const config of images) {
    const image = images.length > 1 ? config.image : undefined;
    const logFile = given.logfile as string | undefined;
    await showBuild(config, { progress, image, logFile, interrupts, terminal }, updateLock);
  }
}

function formatState({ image, state, differences, entry, command }: LockState): readonly string[] {
  if (entry === undefined) return [`${image}: not in dib.lock; ${command} puts it there`];
  const count = (part: object, one: string) => `${Object.keys(part).length} ${one}`;
  const held = [
    count(entry.elements, "elements"),
    count(entry.files, "files"),
    count(entry.git, "git commits"),
    count(entry.apt, "apt suites"),
    count(entry.packages, "packages"),
  ].join(", ");
  if (state === "same") return [`${image}: as locked (${held})`];
  return [`${image}: differs from dib.lock; ${command} rewrites it`, ...indent(differences.map(formatDifference))];
}
