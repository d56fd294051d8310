/** The project that packages are added to, and the package manager that looks after it. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { BuildError, findProject, findWorkspace, readPolicy, reasonOf, type Policy } from "@dibjs/core";
import { managers, type Manager } from "./manager.js";

export interface ProjectPlaces {
  /** Absolute: where its package.json is, or will be. */
  readonly folder: string;
  /** Absolute: where the lock file is; the root of its workspace. */
  readonly root: string;
}

export interface Project extends ProjectPlaces {
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

/** The user behind sudo. */
export const callerUid = (): number => Number(process.env.SUDO_UID ?? 0);

export async function locateProject(cwd: string): Promise<ProjectPlaces> {
  const folder = (await findProject(cwd, callerUid())) ?? cwd;
  return { folder, root: await findWorkspace(folder, callerUid()) };
}

/** Throws POLICY_INVALID. */
export const readProjectPolicy = ({ folder }: ProjectPlaces): Promise<Policy> => readPolicy(folder, callerUid());

/** By the field packageManager, else by the lock file, else npm. Throws MANAGER_UNSUPPORTED and CONFIG_UNREADABLE. */
export async function openProject(cwd: string): Promise<Project> {
  const { folder, root } = await locateProject(cwd);
  for (const place of new Set([folder, root])) {
    const { packageManager } = await readOwnPackageJson(place);
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

/** Empty when there is none. Throws CONFIG_UNREADABLE. */
async function readOwnPackageJson(folder: string): Promise<PackageJson> {
  const file = join(folder, "package.json");
  const text = await readFile(file, "utf8").catch(() => "{}");
  try {
    return parsePackageJson(text);
  } catch (cause) {
    throw new BuildError("CONFIG_UNREADABLE", { place: { file }, reason: reasonOf(cause) }, { cause });
  }
}

/** Of any package; empty when there is none, or it can't be read. */
export async function readPackageJson(folder: string): Promise<PackageJson> {
  const text = await readFile(join(folder, "package.json"), "utf8").catch(() => "{}");
  try {
    return parsePackageJson(text);
  } catch {
    return {};
  }
}

const parsePackageJson = (text: string): PackageJson => JSON.parse(text.replace(/^\uFEFF/, "")) as PackageJson;

/** Package name → range, of what the project itself depends on. */
export const directDependencies = (written: Dependencies): ReadonlyMap<string, string> =>
  new Map(Object.entries({ ...written.optionalDependencies, ...written.devDependencies, ...written.dependencies }));
