import { chmod, chown, lchown } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Target } from "@dibjs/core";

/** By absolute path. A path that ends in `/` is a folder; a text is the content of a file with mode 0644. */
export type FixtureFiles = Readonly<Record<string, string | FixtureFile>>;

export interface FixtureFile {
  readonly content?: string;
  /** Makes it a link with this target. */
  readonly link?: string;
  /** @default 0o644, 0o755 for folders and for content that begins with `#!` */
  readonly mode?: number;
  /** UID:GID @default "0:0" */
  readonly owner?: string;
}

/** As root, and only by the target's own walk: links of the trees below lead nowhere else. */
export async function writeFiles(files: FixtureFiles, target: Target): Promise<void> {
  for (const [path, written] of Object.entries(files)) {
    const file = typeof written === "string" ? { content: written } : written;
    const [uid = 0, gid = 0] = (file.owner ?? "0:0").split(":").map(Number);
    if (path.endsWith("/")) {
      await target.makeFolder(path);
      const folder = await target.resolve(path);
      await chown(folder, uid, gid); // takes special bits away, so the mode comes last
      await chmod(folder, file.mode ?? 0o755);
      continue;
    }
    await target.remove(path); // what is there may be a link, which would be written through
    if (file.link === undefined) {
      const { content = "" } = file;
      await target.write(path, content, { mode: file.mode ?? (content.startsWith("#!") ? 0o755 : 0o644), uid, gid });
    } else {
      await target.link(path, file.link);
      await lchown(join(await target.resolve(dirname(path)), basename(path)), uid, gid);
    }
  }
}
