/**
 * /etc/resolv.conf of the build. The image's own, file or link, is kept as resolv.conf.ORIG from the root phase on
 * (scripts edit that name: it is a public interface of DIB's). A copy of the host's is put in place before each phase
 * and taken out after it, so that it is never part of a result.
 */
import { lstat, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { BuildContext } from "../context.js";
import { resolveInRoot, targetFiles } from "./target.js";

const fallback = "nameserver 8.8.8.8\n"; // as DIB, for a host without a resolv.conf

export interface ResolvConf {
  /** Disposing of what it returns takes it out again. */
  putInPlace(): Promise<AsyncDisposable>;
  /** DIB's rule: keep what is now a link or immutable, else bring back .ORIG, else leave none. */
  finalise(): Promise<void>;
}

/** Keeps the image's own file as .ORIG. Call once for a tree, after the root phase. */
export async function keepResolvConf(root: string, { emit }: Pick<BuildContext, "emit">): Promise<void> {
  const path = join(await resolveInRoot(root, "/etc"), "resolv.conf");
  if ((await kindOf(path)) === undefined) return;
  await rename(path, `${path}.ORIG`);
  emit({ type: "resolv-conf", state: "kept-original", path });
}

export async function openResolvConf(
  root: string,
  ctx: Pick<BuildContext, "exec" | "emit">,
  ofTheHost = "/etc/resolv.conf",
): Promise<ResolvConf> {
  const content = await readFile(ofTheHost, "utf8").catch(() => fallback);
  const etc = async () => resolveInRoot(root, "/etc");
  const file = async () => join(await etc(), "resolv.conf");
  const tell = async (state: "written" | "restored" | "kept-image" | "removed") =>
    ctx.emit({ type: "resolv-conf", state, path: await file() });
  const has = async (name: string) => (await kindOf(join(await etc(), name))) !== undefined;

  const takeOut = async () => {
    const isOurs = (await kindOf(await file())) === "file" && (await readFile(await file(), "utf8")) === content;
    if (isOurs) await rm(await file());
  };
  return {
    async putInPlace() {
      if (!(await has("resolv.conf"))) {
        await targetFiles(root).write("/etc/resolv.conf", content);
        await tell("written");
      }
      return { [Symbol.asyncDispose]: takeOut };
    },
    async finalise() {
      const kind = await kindOf(await file());
      if (kind === "link" || (kind === "file" && (await isImmutable(await file(), ctx)))) {
        await rm(`${await file()}.ORIG`, { force: true });
        return tell("kept-image");
      }
      await rm(await file(), { force: true });
      if (!(await has("resolv.conf.ORIG"))) return tell("removed");
      await rename(`${await file()}.ORIG`, await file());
      return tell("restored");
    },
  };
}

async function kindOf(path: string): Promise<"file" | "link" | "other" | undefined> {
  const stat = await lstat(path).catch(() => undefined);
  if (stat === undefined) return undefined;
  return stat.isSymbolicLink() ? "link" : stat.isFile() ? "file" : "other";
}

/** The fifth letter of lsattr's flags is `i` (chattr(1)); not every file system has flags. */
async function isImmutable(path: string, ctx: Pick<BuildContext, "exec">): Promise<boolean> {
  const { exitCode, stdout } = await ctx.exec("lsattr", ["-d", path]);
  return exitCode === 0 && stdout[4] === "i";
}
