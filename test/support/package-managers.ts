import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createExec, type ExecResult } from "@dibjs/core/process/exec.js";
import { root } from "../house/source.js";

const { packageManager } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { packageManager: string };
const [pnpm = "pnpm"] = packageManager.split("+");

export const clients = ["npm", "pnpm"] as const;
export type Client = (typeof clients)[number];

const exec = createExec();

/** Runs the real client; throws what it said when it fails. */
export async function runClient(client: Client, args: readonly string[], cwd: string): Promise<ExecResult> {
  const [file, ...first] = client === "npm" ? ["npm"] : ["npx", "-y", pnpm];
  const env = { PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? cwd, CI: "true" };
  const result = await exec(file ?? "", [...first, ...args], { cwd, env });
  if (result.exitCode !== 0) throw new Error(`${client} ${args.join(" ")}: ${result.stdout}${result.stderr}`);
  return result;
}
