/** This machine and the user that a build runs for. */
import { readFile } from "node:fs/promises";
import { homedir, userInfo } from "node:os";
import { join } from "node:path";
import { createExec, type Exec } from "../process/exec.js";
import { debianArch, type Host } from "./normalize.js";
import type { Env } from "./variables.js";

export async function readHost(env: Env, exec: Exec = createExec()): Promise<Host> {
  const caller = await readCaller(env, exec);
  return {
    arch: debianArch(process.arch),
    caller,
    userCacheDir: nonEmpty(env.XDG_CACHE_HOME) ?? join(caller.home, ".cache"),
  };
}

/** Under sudo the outputs are the user's who called it. HOME is root's then, or theirs, as sudo is configured. */
async function readCaller(env: Env, exec: Exec): Promise<Host["caller"]> {
  const uid = process.getuid?.() ?? 0;
  const gid = process.getgid?.() ?? 0;
  const sudoUid = Number(env.SUDO_UID);
  if (uid === 0 && nonEmpty(env.SUDO_UID) !== undefined && Number.isSafeInteger(sudoUid) && sudoUid > 0) {
    const { user, home } = await readPasswd(sudoUid, exec);
    return {
      uid: sudoUid,
      gid: Number(env.SUDO_GID ?? sudoUid),
      user: nonEmpty(env.SUDO_USER) ?? user ?? String(sudoUid),
      home: home ?? "/",
    };
  }
  return { uid, gid, user: userName(uid, env), home: nonEmpty(env.HOME) ?? homeFolder() };
}

const nonEmpty = (text: string | undefined): string | undefined => (text === "" ? undefined : text);

/** A uid without a line in passwd (containers) has no name, and no home. */
function userName(uid: number, env: Env): string {
  try {
    return userInfo().username;
  } catch {
    return nonEmpty(env.USER) ?? String(uid);
  }
}

function homeFolder(): string {
  try {
    return homedir();
  } catch {
    return "/";
  }
}

async function readPasswd(uid: number, exec: Exec): Promise<{ user?: string | undefined; home?: string | undefined }> {
  const text = await readFile("/etc/passwd", "utf8").catch(() => "");
  const line = text.split("\n").find((entry) => entry.split(":")[2] === String(uid)) ?? (await askDirectory(uid, exec));
  const [user, , , , , home] = line?.split(":") ?? [];
  return { user, home };
}

/** Users of a network's directory are in no file. */
async function askDirectory(uid: number, exec: Exec): Promise<string | undefined> {
  const { exitCode, stdout } = await exec("getent", ["passwd", String(uid)]);
  return exitCode === 0 ? stdout.trim() : undefined;
}
