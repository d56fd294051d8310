import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { root } from "../house/source.js";

export const libDir = join(root, "packages/core/lib");

export interface ShellResult {
  readonly status: number | null;
  readonly lines: readonly string[];
  readonly errors: string;
}

interface ShellOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** In a mount namespace of its own, so that no mount stays. */
  readonly inNamespace?: boolean;
  /** Which files of the library it sources first. */
  readonly sources?: readonly string[];
}

/** Runs a script as elements do, with the strict options that most of them set, after sourcing files of `_LIB`. */
export function runLibrary(
  script: string,
  { env = {}, inNamespace = false, sources = ["common-functions", "img-functions"] }: ShellOptions = {},
): ShellResult {
  const text = ["set -eu -o pipefail", ...sources.map((name) => `source "$_LIB/${name}"`), script].join("\n");
  const words = [...(inNamespace ? ["unshare", "--mount"] : []), "bash", "-c", text];
  const { status, stdout, stderr } = spawnSync(words[0]!, words.slice(1), {
    env: { PATH: process.env["PATH"], _LIB: libDir, ...env },
    stdio: ["ignore", "pipe", "pipe"], // a shell whose input is a socket takes itself for a login, and reads ~/.bashrc
    encoding: "utf8",
  });
  return { status, lines: stdout.split("\n").filter(Boolean), errors: stderr };
}
