/** The package managers that the clone brings, as programs. */
import { join } from "node:path";
import { createExec, type ExecResult } from "@dibjs/core/process/exec.js";
import { root } from "../house/source.js";

/** Those that publish as well. */
export const clients = ["npm", "pnpm"] as const;
export type Publisher = (typeof clients)[number];
export type Client = Publisher | "yarn";

/** A PATH that has them. */
export const clientPath = `${process.env["PATH"] ?? ""}:${join(root, "node_modules/.bin")}`;

const exec = createExec();

/** Runs the real client with the tester's settings; throws what it said when it fails. */
export async function runClient(client: Client, args: readonly string[], cwd: string): Promise<ExecResult> {
  const env = { PATH: clientPath, HOME: process.env["HOME"] ?? cwd, CI: "true" };
  const result = await exec(client, args, { cwd, env });
  if (result.exitCode !== 0) throw new Error(`${client} ${args.join(" ")}: ${result.stdout}${result.stderr}`);
  return result;
}
