import { readFile } from "node:fs/promises";
import { BuildError, catalogue, nearest } from "@dibjs/core";
import type { Given } from "../options.js";
import type { Terminal } from "../terminal.js";

/** Prints an entry of the page about errors; without a code, every code. Throws USAGE_INVALID. */
export async function explain({ out }: Terminal, { json }: Given, [asked]: readonly string[]): Promise<number> {
  const codes = Object.keys(catalogue);
  if (asked === undefined) return print(json === true, { codes }, `${codes.join("\n")}\n`, out);
  const code = asked.toUpperCase();
  const text = entryOf(await readFile(new URL("../../errors.md", import.meta.url), "utf8"), code);
  if (text === undefined) {
    const meant = nearest(code, codes);
    throw new BuildError("USAGE_INVALID", {
      reason: `There is no error code "${asked}".`,
      hint: meant === undefined ? "dib explain lists all codes." : `Did you mean ${meant}?`,
    });
  }
  return print(json === true, { code, text }, `${text}\n`, out);
}

async function print(isJson: boolean, data: unknown, text: string, out: Terminal["out"]): Promise<number> {
  out.write(isJson ? (await import("../envelope.js")).formatData("explain", data) : text);
  return 0;
}

/** The section of a code, as plain text. */
export function entryOf(page: string, code: string): string | undefined {
  const section = page.split(/^### /m).find((part) => part.startsWith(`${code}\n`));
  return section
    ?.replace(/^## [\s\S]*/m, "")
    .replace(/^```.*\n/gm, "")
    .replaceAll("&lt;", "<")
    .trim();
}
