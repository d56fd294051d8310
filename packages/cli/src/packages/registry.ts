/** What the configured registry says of a package: asked through npm, which knows registries per scope, logins and proxies. */
import { isBuildError, readPolicy, type Policy, type RegistrySignature } from "@dibjs/core";
import { runProgram } from "./run-manager.js";

export interface RegistryEntry {
  readonly name: string;
  readonly version: string;
  readonly versions: readonly string[];
  readonly tags: Readonly<Record<string, string>>;
  /** Version → ISO date. */
  readonly times: Readonly<Record<string, string>>;
  /** The key `dib` of its package.json. */
  readonly dib: unknown;
  readonly signatures: readonly RegistrySignature[];
}

interface Viewed {
  readonly name: string;
  readonly version: string;
  readonly versions?: readonly string[] | string;
  readonly "dist-tags"?: Readonly<Record<string, string>>;
  readonly time?: Readonly<Record<string, string>>;
  readonly dib?: unknown;
  readonly "dist.signatures"?: readonly RegistrySignature[] | RegistrySignature;
}

export interface RegistryAccess {
  readonly folder: string;
  readonly policy: Pick<Policy, "registries">;
  readonly signal?: AbortSignal | undefined;
  /** What was asked before, by spec: each question is a process. */
  readonly answers: Map<string, Promise<RegistryEntry | undefined>>;
}

const fields = ["name", "version", "versions", "dist-tags", "time", "dib", "dist.signatures"];

/** Undefined when the registry has no such package, or no such version of it. */
export function viewPackage(spec: string, access: RegistryAccess): Promise<RegistryEntry | undefined> {
  const answer = access.answers.get(spec) ?? askRegistry(spec, access);
  access.answers.set(spec, answer);
  return answer;
}

async function askRegistry(
  spec: string,
  { folder, policy, signal }: RegistryAccess,
): Promise<RegistryEntry | undefined> {
  const scopes = Object.entries(policy.registries).map(([scope, url]) => `--${scope}:registry=${url}`);
  try {
    const { stdout } = await runProgram({
      program: "npm",
      args: ["view", spec, ...fields, "--json", ...scopes],
      packages: [spec],
      folder,
      signal,
    });
    return parseViewed(stdout);
  } catch (error) {
    if (isBuildError(error) && ["PACKAGE_NOT_FOUND", "PACKAGE_VERSION_MISSING"].includes(error.code)) return undefined;
    throw error;
  }
}

/** A range gives one answer a version: the last is the newest. */
function parseViewed(stdout: string): RegistryEntry | undefined {
  if (stdout.trim() === "") return undefined;
  const answer = JSON.parse(stdout) as Viewed | readonly Viewed[];
  const viewed = Array.isArray(answer) ? (answer as readonly Viewed[]).at(-1) : (answer as Viewed);
  if (viewed === undefined) return undefined;
  const { name, version, versions = [], "dist-tags": tags = {}, time: times = {}, dib } = viewed;
  const signatures = [viewed["dist.signatures"] ?? []].flat();
  return { name, version, versions: [versions].flat(), tags, times, dib, signatures };
}

/** Where the package manager takes a name from, with a slash at the end: of its scope, else the one for all. */
export async function configuredRegistry(name: string, { folder, signal }: RegistryAccess): Promise<string> {
  const scope = name.startsWith("@") ? name.slice(0, name.indexOf("/")) : undefined;
  for (const setting of [...(scope === undefined ? [] : [`${scope}:registry`]), "registry"]) {
    const { stdout } = await runProgram({
      program: "npm",
      args: ["config", "get", setting],
      packages: [name],
      folder,
      signal,
    });
    const url = stdout.trim();
    if (URL.canParse(url)) return url.endsWith("/") ? url : `${url}/`;
  }
  return "";
}

/** For a project: with its policy. */
export const openRegistry = async (folder: string, signal?: AbortSignal): Promise<RegistryAccess> => ({
  folder,
  policy: await readPolicy(folder),
  signal,
  answers: new Map(),
});
