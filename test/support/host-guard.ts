/** What a build may not change on the host: looked at before, compared after. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { createExec } from "@dibjs/core/process/exec.js";
import { snapshotTree } from "@dibjs/testkit";

/** Lists by what they are about, each sorted: `toEqual` names what is left or gone. */
export type HostState = Readonly<Record<string, readonly string[]>>;

/**
 * Mounts, loop devices and processes are those that have to do with `scratch`, the folder that holds all of the builds'
 * files: what other programs do meanwhile is none of the build.
 */
export async function readHostState(scratch: string): Promise<HostState> {
  const { stdout: loops } = await createExec()("losetup", ["--list", "--noheadings", "--output", "NAME,BACK-FILE"]);
  return {
    mounts: about(readFileSync("/proc/self/mountinfo", "utf8"), scratch).map((line) =>
      line.split(" ").slice(3, 6).join(" "),
    ),
    loops: about(loops, scratch),
    processes: processesIn(scratch),
    dev: readdirSync("/dev").filter((name) => !/^loop\d+(p\d+)?$/.test(name)),
    partitions: readdirSync("/dev").filter(isStalePartition),
    etc: [
      createHash("sha256")
        .update(JSON.stringify(await snapshotTree("/etc")))
        .digest("hex"),
    ],
    temporary: ["/tmp", "/var/tmp", "/dev/shm"]
      .flatMap(buildFoldersIn)
      .filter((folder) => !isOfAnother(folder, scratch)),
    journals: journalsAbout(scratch),
  };
}

const about = (text: string, scratch: string): string[] =>
  text
    .split("\n")
    .filter((line) => line.includes(scratch))
    .sort();

/** Those that work in the folder, or were started from it. */
function processesIn(scratch: string): string[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name) && name !== String(process.pid));
  const isIn = (pid: string) =>
    ["cwd", "root", "exe"].some((link) => linkOf(`/proc/${pid}/${link}`).startsWith(scratch));
  return pids.filter(isIn).flatMap((pid) => nameOf(pid).map((name) => `${pid} ${name}`));
}

/** None of a process that has ended meanwhile. */
export function nameOf(pid: string): string[] {
  try {
    return [readFileSync(`/proc/${pid}/comm`, "utf8").trim()];
  } catch {
    return [];
  }
}

/** A node of a partition whose loop device has no file any more. */
function isStalePartition(name: string): boolean {
  const [, loop] = /^(loop\d+)p\d+$/.exec(name) ?? [];
  return loop !== undefined && !existsSync(`/sys/block/${loop}/loop`);
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return ""; // it has ended, or is a thread of the kernel
  }
}

function buildFoldersIn(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => /^dib_(build|image)\./.test(name))
      .map((name) => `${folder}/${name}`);
  } catch {
    return []; // no such folder here
  }
}

const journalDir = "/run/dib";

/** What a build has noted down as its own. */
function journalOf(id: string): string {
  try {
    return readFileSync(`${journalDir}/${id}/journal.json`, "utf8");
  } catch {
    return ""; // there is no such build, or it has just ended
  }
}

const journalsAbout = (scratch: string): string[] =>
  (existsSync(journalDir) ? readdirSync(journalDir) : []).filter((id) => journalOf(id).includes(scratch));

/** Other builds may run meanwhile. */
function isOfAnother(folder: string, scratch: string): boolean {
  const journal = journalOf(folder.split(".").at(-1) ?? "");
  return journal !== "" && !journal.includes(scratch);
}
