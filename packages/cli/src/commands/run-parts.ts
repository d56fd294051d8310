import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { BuildError, startProcess } from "@dibjs/core";
import { childEnvironment } from "../child-environment.js";
import { exitCodeOfSignal } from "../failure.js";
import type { Given } from "../options.js";
import type { Terminal } from "../terminal.js";

/** The same program that scripts in the chroot find: one reading of DIB's rules. */
export const runPartsProgram = fileURLToPath(
  new URL("./lib/dib-run-parts", import.meta.resolve("@dibjs/core/package.json")),
);

export async function runParts(
  { out }: Terminal,
  { list, json }: Given,
  [dir = ""]: readonly string[],
): Promise<number> {
  const args = list === true || json === true ? ["--list", dir] : [dir];
  const child = startProcess("bash", ["--norc", runPartsProgram, ...args], {
    stdio: ["inherit", json === true ? "pipe" : "inherit", "inherit"],
    env: childEnvironment(),
    cwd: process.cwd(),
  });
  const chunks: Buffer[] = [];
  child.stdout?.on("data", (chunk: Buffer) => chunks.push(chunk));
  const [exitCode, signal] = (await once(child, "close")) as [number | null, string | null];
  const code = exitCode ?? exitCodeOfSignal(signal ?? "");
  if (json === true) {
    const { formatData, formatError } = await import("../envelope.js");
    const scripts = Buffer.concat(chunks).toString().split("\n").filter(Boolean);
    const failure = new BuildError("USAGE_INVALID", { reason: `The scripts of ${dir} can't be listed.` });
    out.write(code === 0 ? formatData("run-parts", { scripts }) : formatError("run-parts", failure));
  }
  return code;
}
