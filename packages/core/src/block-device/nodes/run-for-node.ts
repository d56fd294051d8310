import { BuildError } from "../../errors.js";
import type { ExecOptions } from "../../process/exec.js";
import type { NodeRequest } from "../node.js";

/** Runs a program for a node. Throws BLOCK_DEVICE_NODE_FAILED with what it wrote. */
export async function runForNode(
  { node, exec, signal }: Pick<NodeRequest, "exec" | "signal"> & { readonly node: { readonly name: string } },
  doing: string,
  [file, ...args]: readonly [string, ...string[]],
  options: ExecOptions = {},
): Promise<string> {
  const { exitCode, stdout, stderr } = await exec(file, args, { signal, ...options });
  signal.throwIfAborted();
  if (exitCode === 0) return stdout;
  const reason = (stderr.trim() || stdout.trim() || `${file} exited with ${exitCode}`).slice(-2000);
  throw new BuildError("BLOCK_DEVICE_NODE_FAILED", { node: node.name, doing, reason });
}
