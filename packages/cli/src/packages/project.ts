/** The project that packages are added to, and the package manager that looks after it. */
import { access, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { BuildError, findProject, trustedFolders } from "@dibjs/core";
import { managers, type Manager } from "./manager.js";

export interface Project {
  /** Absolute: where its package.json is, or will be. */
  readonly folder: string;
  /** Absolute: where the lock file is; the root of its workspace. */
  readonly root: string;
  readonly manager: Manager;
}

export interface Dependencies {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

export interface PackageJson extends Dependencies {
  readonly name?: string;
  readonly version?: string;
  readonly packageManager?: unknown;
  readonly workspaces?: unknown;
}

const lockFiles: readonly (readonly [file: string, manager: Manager])[] = [
  ["pnpm-lock.yaml", managers.pnpm],
  ["yarn.lock", managers.yarn],
  ["package-lock.json", managers.npm],
  ["npm-shrinkwrap.json", managers.npm],
];

/** By the field packageManager, else by the lock file, else npm. Throws MANAGER_UNSUPPORTED. */
export async function openProject(cwd: string): Promise<Project> {
  const caller = Number(process.env.SUDO_UID ?? 0);
  const folder = (await findProject(cwd, caller)) ?? cwd;
  const root = await findRoot(folder, caller);
  for (const place of new Set([folder, root])) {
    const { packageManager } = await readPackageJson(place);
    if (packageManager !== undefined)
      return { folder, root, manager: byField(packageManager, join(place, "package.json")) };
  }
  for (const [file, manager] of lockFiles) {
    const text = await readFile(join(root, file), "utf8").catch(() => undefined);
    if (text === undefined) continue;
    const isLater = manager === managers.yarn && /^__metadata:/m.test(text);
    return { folder, root, manager: isLater ? managers["yarn 2+"] : manager };
  }
  return { folder, root, manager: managers.npm };
}

function byField(written: unknown, file: string): Manager {
  const [, name = String(written), major] = /^(\w+)@(\d+)\./.exec(String(written)) ?? [];
  if (name === "yarn") return Number(major) > 1 ? managers["yarn 2+"] : managers.yarn;
  if (name === "npm" || name === "pnpm") return managers[name];
  throw new BuildError("MANAGER_UNSUPPORTED", { manager: name, file, reason: "dib does not know it" });
}

/** The folder of the workspace that the project belongs to, else its own. */
async function findRoot(folder: string, callerUid: number): Promise<string> {
  for (const at of trustedFolders(folder, callerUid)) {
    const isRoot =
      (await isThere(join(at, "pnpm-workspace.yaml"))) || (await readPackageJson(at)).workspaces !== undefined;
    if (isRoot && basename(at) !== "node_modules") return at;
  }
  return folder;
}

const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** Empty when there is none; one that can't be read is the package manager's to complain of. */
export async function readPackageJson(folder: string): Promise<PackageJson> {
  const text = await readFile(join(folder, "package.json"), "utf8").catch(() => "{}");
  try {
    return JSON.parse(text.replace(/^\uFEFF/, "")) as PackageJson;
  } catch {
    return {};
  }
}

/** Package name → range, of what the project itself depends on. */
export const directDependencies = (written: Dependencies): ReadonlyMap<string, string> =>
  new Map(Object.entries({ ...written.optionalDependencies, ...written.devDependencies, ...written.dependencies }));
