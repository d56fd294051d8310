/** A shell within the worker's namespaces, for a break point. */
import type { ChildProcess } from "node:child_process";
import { readFile } from "node:fs/promises";
import type { FromWorker } from "./protocol.js";

/** A break point that wants a shell: the command line that the front runs on the user's terminal. */
export interface ShellRequest {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  /** The whole environment to run it with. */
  readonly env: Readonly<Record<string, string>>;
  readonly place: "host" | "chroot";
}

/** Variables go as the shell's environment and not as arguments: among them are secrets, and arguments are everybody's to read. */
export async function shellRequest(
  { name, chroot, cwd, env }: FromWorker & { type: "break" },
  child: ChildProcess,
): Promise<ShellRequest> {
  const pid = await firstInNamespace(child.pid ?? 0);
  const raise = process.getuid?.() === 0 ? [] : ["sudo", `--preserve-env=${Object.keys(env).join(",")}`];
  const shell = (env.break_cmd ?? "") === "" ? ["bash", "--norc", "-i"] : ["bash", "-c", env.break_cmd ?? ""];
  // Not nsenter's --wd, which is opened on this side, where the worker's mounts are not. Without --root the shell would be at
  // the root of the mount namespace, which is not ours when dib itself runs in a chroot.
  const within = chroot === undefined ? ["env", `--chdir=${cwd}`] : ["chroot", chroot];
  const spaces = ["--mount", "--pid", "--ipc", "--uts", "--root"];
  const enter = ["nsenter", "--target", String(pid), ...spaces, "--", ...within, ...shell];
  return {
    name,
    command: [...raise, ...enter] as unknown as [string, ...string[]],
    env,
    place: chroot === undefined ? "host" : "chroot",
  };
}

/** The pid, as seen from here, of the first process of the namespace that a launch chain made. */
async function firstInNamespace(pid: number): Promise<number> {
  for (let at = pid; at > 0;) {
    const status = await readFile(`/proc/${at}/status`, "utf8");
    const inner = /^NSpid:.*\t(\d+)$/m.exec(status)?.[1];
    if (inner === "1" && at !== 1) return at;
    at = Number((await readFile(`/proc/${at}/task/${at}/children`, "utf8")).trim().split(" ")[0]);
  }
  throw new Error("the worker's namespace is gone");
}
