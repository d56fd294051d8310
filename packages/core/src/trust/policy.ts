/**
 * What a project lets in: `dib.policy.json` beside its package.json, else the nearest above it up to the root of its
 * workspace. A project without the file has no policy; a file that can't be read or understood lets nothing in.
 */
import { lstat, readFile } from "node:fs/promises";
import { join } from "node:path";
import { findWorkspace } from "../config/project.js";
import { trustedFolders } from "../config/trusted-folders.js";
import { listOf, mapOf, matching, oneOf, record, text } from "../elements/shape.js";
import { BuildError, reasonOf } from "../errors.js";

export interface Policy {
  /** Scope (`@acme`) → the one registry that packages of that scope may come from. @default {} */
  readonly registries: Readonly<Record<string, string>>;
  /** A version must have been public for so many minutes. @default 0 */
  readonly minimumReleaseAge: number;
  /** Packages whose new versions are taken at once: names, or `@scope/*`. @default [] */
  readonly minimumReleaseAgeExclude: readonly string[];
  /** What `dib audit` makes of a registry signature that is missing or wrong. @default "warn" */
  readonly signatures: "off" | "warn" | "require";
  /** `name@version` → integrity of packages whose lifecycle scripts may run; `dib approve` writes it. @default {} */
  readonly approved: Readonly<Record<string, string>>;
}

export const policyFile = "dib.policy.json";

const noPolicy: Policy = {
  registries: {},
  minimumReleaseAge: 0,
  minimumReleaseAgeExclude: [],
  signatures: "warn",
  approved: {},
};

const packageName = String.raw`(@[a-z0-9~-][\w.~-]*\/)?[a-z0-9~-][\w.~-]*`;
const named = (pattern: string, reason: string) => text((value) => new RegExp(`^${pattern}$`, "i").test(value), reason);

const shape = record(
  {},
  {
    $schema: text(),
    registries: mapOf(named(String.raw`@[a-z0-9~-][\w.~-]*`, "not a scope like @acme"), text(isUrl, "not a URL")),
    minimumReleaseAge: matching(
      (value) => Number.isSafeInteger(value) && Number(value) >= 0,
      "not a number of minutes, 0 or more",
    ),
    minimumReleaseAgeExclude: listOf(
      named(String.raw`(${packageName}|@[a-z0-9~-][\w.~-]*\/\*)`, "neither a package name nor @scope/*"),
    ),
    signatures: oneOf(["off", "warn", "require"]),
    approved: mapOf(
      named(String.raw`${packageName}@\d[\w.+-]*`, "not name@version"),
      named(String.raw`sha(256|384|512)-[A-Za-z0-9+/]+=*`, "not an integrity like sha512-…"),
    ),
  },
);

function isUrl(value: string): boolean {
  return URL.canParse(value) && ["http:", "https:"].includes(new URL(value).protocol);
}

/** The policy of a project. `callerUid`: the user behind sudo. Throws POLICY_INVALID. */
export async function readPolicy(projectDir: string, callerUid?: number): Promise<Policy> {
  const file = await findPolicy(projectDir, callerUid);
  if (file === undefined) return noPolicy;
  const written = await readFile(file, "utf8").catch((error: unknown) => {
    throw new BuildError("POLICY_INVALID", { file, key: "", reason: reasonOf(error) }, { cause: error });
  });
  return parsePolicy(written, file);
}

/** The file that says a project's policy. */
export async function findPolicy(projectDir: string, callerUid?: number): Promise<string | undefined> {
  const workspace = await findWorkspace(projectDir, callerUid);
  const above = trustedFolders(projectDir, callerUid);
  for (const folder of new Set([projectDir, ...above.slice(0, above.indexOf(workspace) + 1)])) {
    const file = join(folder, policyFile);
    const isMissing = await lstat(file).then(
      () => false,
      (error: NodeJS.ErrnoException) => error.code === "ENOENT",
    );
    if (!isMissing) return file;
  }
  return undefined;
}

/** `file` is named in the error. Throws POLICY_INVALID. */
export function parsePolicy(written: string, file: string): Policy {
  let value: unknown;
  try {
    value = JSON.parse(written.replace(/^\uFEFF/, ""));
  } catch (cause) {
    throw new BuildError("POLICY_INVALID", { file, key: "", reason: reasonOf(cause) }, { cause });
  }
  const flaw = shape(value);
  if (flaw !== undefined) throw new BuildError("POLICY_INVALID", { file, ...flaw });
  return { ...noPolicy, ...(value as Partial<Policy>) };
}
