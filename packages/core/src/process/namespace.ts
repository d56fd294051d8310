import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { startProcess } from "./exec.js";

/** A running pid namespace, held open by a shell that reaps and ends when its standard input closes. */
export interface Namespace {
  /** Of the namespace's first process, as seen from here. */
  readonly pid: number;
  /** Kills everything in it and waits until it is gone. */
  end(): Promise<void>;
}

// A host without `ip` has no loopback then: what needs it to finish an image is rare, and fails.
// `--norc`: bash takes a socket on standard input for rshd and would source the caller's ~/.bashrc.
const holder =
  'if [ -n "$1" ]; then mount -t proc -o nosuid,noexec,nodev proc "$1" || exit 1; fi; [ "$2" = open ] || ip link set lo up || true; echo ready; read -r _';

export async function startNamespace(
  proc: string | undefined,
  { hasNetwork }: { readonly hasNetwork: boolean },
): Promise<Namespace> {
  const shell = ["bash", "--norc", "-c", holder, "phase", proc ?? "", hasNetwork ? "open" : "shut"];
  const namespaces = ["--pid", ...(hasNetwork ? [] : ["--net"])];
  const child = startProcess("unshare", [...namespaces, "--fork", "--kill-child=KILL", "--", ...shell], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  const { stdout, stderr } = child;
  if (stdout === null || stderr === null) throw new Error("unshare was started without pipes");
  const ended = once(child, "exit");
  let complaint = "";
  stderr.on("data", (chunk: Buffer) => (complaint += chunk.toString()));
  const lines = createInterface(stdout);
  const first = await Promise.race([once(lines, "line"), ended.then(() => undefined), once(child, "error")]);
  if (first?.[0] !== "ready") throw new Error(`no pid namespace: ${complaint.trim()}`);
  const pid = await firstChildOf(child.pid ?? 0);
  return {
    pid,
    async end() {
      child.kill("SIGKILL"); // --kill-child passes it on, and the kernel to all the rest
      await ended;
      await gone(pid);
    },
  };
}

/** The pid, as seen from here, of the only child that `unshare --fork` has. */
async function firstChildOf(pid: number): Promise<number> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8");
  return Number(children.trim().split(" ")[0]);
}

/** The first process of a pid namespace is gone only after all others are. */
async function gone(pid: number): Promise<void> {
  for (;;) {
    try {
      process.kill(pid, 0);
    } catch {
      return; // ESRCH: gone
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
