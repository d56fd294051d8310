import { access, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { configFileNames, isProject } from "./file.js";
import { foldersUpwards, trustedFolders } from "./trusted-folders.js";

/** The folder of the nearest package.json, where elements are installed. */
export async function nearestProject(folders: readonly string[]): Promise<string | undefined> {
  for (const folder of folders) if (await isProject(folder)) return folder;
  return undefined;
}

/** The same for a folder, as root trusts the ones above it. `callerUid`: the user behind sudo. */
export const findProject = (cwd: string, callerUid?: number): Promise<string | undefined> =>
  nearestProject(trustedFolders(cwd, callerUid));

/** The folder of the workspace that a project belongs to, else its own. */
export async function findWorkspace(projectDir: string, callerUid?: number): Promise<string> {
  for (const folder of trustedFolders(projectDir, callerUid))
    if (basename(folder) !== "node_modules" && (await isWorkspace(folder))) return folder;
  return projectDir;
}

async function isWorkspace(folder: string): Promise<boolean> {
  const read = (name: string) => readFile(join(folder, name), "utf8").catch(() => undefined);
  if ((await read("pnpm-workspace.yaml")) !== undefined) return true;
  try {
    const written = JSON.parse((await read("package.json"))?.replace(/^\uFEFF/, "") ?? "{}") as object | null;
    return written !== null && "workspaces" in written;
  } catch {
    return false; // whose project it is says so
  }
}

/** Where root's search ended, if there was something to find beyond. */
export async function notesOnLeftOut(cwd: string, folders: readonly string[]): Promise<readonly string[]> {
  const [first, ...more] = foldersUpwards(cwd).slice(folders.length);
  if (first === undefined) return [];
  const looked = [first, ...more].flatMap((folder) =>
    [...configFileNames.filter((name) => name !== "package.json"), "node_modules"].map((name) => join(folder, name)),
  );
  const found = await Promise.all(
    looked.map((path) =>
      access(path).then(
        () => [path],
        () => [],
      ),
    ),
  );
  const [left] = found.flat();
  return left === undefined
    ? []
    : [
        `${left} is left alone: root takes no config and no packages where another user could have put them (${first}).`,
      ];
}
