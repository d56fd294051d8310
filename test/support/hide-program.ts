import { existsSync, mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { delimiter, join } from "node:path";

/** A PATH with everything that is in ours, except one program. Folders that hold it are replaced by links in `folder`. */
export function pathWithout(program: string, folder: string): string {
  const folders = (process.env["PATH"] ?? "").split(delimiter).filter((path) => existsSync(path));
  const replaced = folders.map((path, index) => {
    if (!existsSync(join(path, program))) return path;
    const links = join(folder, String(index));
    mkdirSync(links, { recursive: true });
    for (const name of readdirSync(path)) if (name !== program) symlinkSync(join(path, name), join(links, name));
    return links;
  });
  return replaced.join(delimiter);
}
