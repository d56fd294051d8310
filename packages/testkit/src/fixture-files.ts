import { chmod, chown, lchown, mkdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

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

/** As root. */
export async function writeFiles(files: FixtureFiles, root: string): Promise<void> {
  for (const [path, written] of Object.entries(files)) {
    const file = typeof written === "string" ? { content: written } : written;
    const full = join(root, path);
    await mkdir(dirname(full), { recursive: true });
    const [uid = 0, gid = 0] = (file.owner ?? "0:0").split(":").map(Number);
    if (file.link !== undefined) {
      await symlink(file.link, full);
      await lchown(full, uid, gid);
      continue;
    }
    if (path.endsWith("/")) await mkdir(full, { recursive: true });
    else await writeFile(full, file.content ?? "");
    await chown(full, uid, gid); // takes special bits away, so the mode comes last
    await chmod(full, file.mode ?? (path.endsWith("/") || file.content?.startsWith("#!") === true ? 0o755 : 0o644));
  }
}
