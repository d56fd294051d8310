import type { Given } from "../options.js";
import { sanitise, spellControls } from "../progress/sanitise.js";
import type { Terminal } from "../terminal.js";
import type { Change } from "./change.js";

/** What came and went, a line each; nothing of it is worth a word when nothing did. */
export async function tellChange(
  { out, err }: Terminal,
  { json }: Given,
  {
    command,
    change,
    ...more
  }: { readonly command: string; readonly change: Change } & Readonly<Record<string, unknown>>,
): Promise<void> {
  const packages = change.changed.map(({ name, before, now }) => ({
    name,
    before,
    now: now.map(({ version, integrity }) => ({ version, integrity })),
  }));
  if (json === true) {
    const { formatData } = await import("../envelope.js");
    out.write(formatData(command, { ...more, packages }, change.notes));
    return;
  }
  for (const note of change.notes) err.write(`${err.colours.yellow("warning:")} ${sanitise(note)}\n`);
  for (const { name, before, now } of packages)
    out.write(spellControls(`${sign(before, now)} ${name} ${versions(before, now)}`) + "\n");
  if (packages.length === 0) err.write("nothing changed\n");
}

const sign = (before: readonly unknown[], now: readonly unknown[]): string =>
  before.length === 0 ? "+" : now.length === 0 ? "-" : "~";

const versions = (before: readonly string[], now: readonly { readonly version: string }[]): string =>
  [before, now.map(({ version }) => version)]
    .filter((each) => each.length > 0)
    .map((each) => each.join(", "))
    .join(" → ");
