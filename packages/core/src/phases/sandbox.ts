/**
 * A pid namespace for the scripts of one phase: when it closes, nothing that they started is alive. Scripts enter it
 * with nsenter, so that the mounts they make stay in the worker's mount namespace for later phases, as in DIB.
 */
import type { BuildContext } from "../context.js";
import { unmount, unmountBelow } from "../workspace/mounts.js";
import { ResourceStack } from "../workspace/resource-stack.js";
import { startNamespace } from "../process/namespace.js";

export interface Sandbox {
  /** Puts a program's command line into the namespace. */
  enter(file: string, args: readonly string[]): readonly [string, ...string[]];
  /** Kills everything in it. Once; later calls wait for the first and end as it does. */
  close(): Promise<void>;
}

/**
 * `proc`: where a proc of the namespace is mounted over the target's, so that scripts see themselves and nobody else.
 * Without a network they have one of their own, with a loopback only.
 */
export async function openSandbox(
  proc: string | undefined,
  ctx: BuildContext,
  { hasNetwork }: { readonly hasNetwork: boolean },
): Promise<Sandbox> {
  await using stack = new ResourceStack();
  const namespace = await startNamespace(proc, { hasNetwork });
  // Newest first: the mount can go once nothing uses it, so the processes are ended last in, first out.
  if (proc !== undefined) {
    stack.defer(`mount ${proc}`, () => unmount(proc, ctx));
    stack.defer(`mounts below ${proc}`, () => unmountBelow(proc, ctx)); // binfmt_misc, which scripts leave there
  }
  stack.defer("processes of the phase", () => namespace.end());
  const held = stack.move();
  const network = hasNetwork ? [] : ["--net"];
  let closing: Promise<void> | undefined;
  return {
    enter: (file, args) => ["nsenter", "--target", String(namespace.pid), "--pid", ...network, "--", file, ...args],
    close: () => (closing ??= held[Symbol.asyncDispose]()),
  };
}
