/**
 * Signatures that registries make of what they serve, checked with the keys that they publish, as npm does for all but its
 * own registry. npm itself (npm audit signatures) needs sigstore's servers and an npm tree.
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  BuildError,
  createExec,
  download,
  isBuildError,
  signatureFlaw,
  type LockedPackage,
  type RegistryKey,
} from "@dibjs/core";
import { childEnvironment } from "../child-environment.js";
import { fewAtOnce } from "./at-once.js";
import { configuredRegistry, viewPackage, type RegistryAccess } from "./registry.js";

export interface SignatureReport {
  readonly checked: number;
  /** SIGNATURE_INVALID. */
  readonly findings: readonly BuildError[];
  /** Registries that publish no keys, and packages of theirs. */
  readonly keyless: ReadonlyMap<string, readonly string[]>;
}

/** Packages without an integrity are another check's matter. */
export async function checkSignatures(
  packages: readonly LockedPackage[],
  access: RegistryAccess,
): Promise<SignatureReport> {
  const signed = packages.filter(({ integrity, isLink }) => integrity !== undefined && isLink !== true);
  const registries = await registriesOf(signed, access);
  const keys = new Map<string, readonly RegistryKey[]>();
  for (const url of new Set(registries.values())) keys.set(url, await readKeys(url));
  const keysFor = ({ name }: LockedPackage) => keys.get(registries.get(scopeOf(name)) ?? "") ?? [];

  const checkable = signed.filter((each) => keysFor(each).length > 0);
  const flaws = await fewAtOnce(checkable, (each) => findFlaw(each, keysFor(each), access));
  const keyless = new Map<string, readonly string[]>();
  for (const each of signed.filter((one) => !checkable.includes(one))) {
    const url = registries.get(scopeOf(each.name)) ?? "";
    keyless.set(url, [...(keyless.get(url) ?? []), `${each.name}@${each.version}`]);
  }
  return { checked: checkable.length, findings: flaws.flat(), keyless };
}

const scopeOf = (name: string): string => (name.startsWith("@") ? name.slice(0, name.indexOf("/")) : "");

/** Scope → registry. */
async function registriesOf(
  packages: readonly LockedPackage[],
  access: RegistryAccess,
): Promise<ReadonlyMap<string, string>> {
  const oneOfEach = new Map(packages.map(({ name }) => [scopeOf(name), name]));
  const found = await fewAtOnce([...oneOfEach], async ([scope, name]) => {
    const bound = Object.hasOwn(access.policy.registries, scope) ? access.policy.registries[scope] : undefined;
    return [scope, bound?.replace(/\/?$/, "/") ?? (await configuredRegistry(name, access))] as const;
  });
  return new Map(found);
}

/** Empty when the registry publishes none. One that does not answer is a failure: nobody knows what it would say. */
async function readKeys(url: string): Promise<readonly RegistryKey[]> {
  const folder = await mkdtemp(join(tmpdir(), "dib-keys-"));
  try {
    const file = join(folder, "keys.json");
    await download({ url: `${url}-/npm/v1/keys`, file, env: childEnvironment() }, createExec());
    return parseKeys(await readFile(file, "utf8"));
  } catch (error) {
    if (isBuildError(error) && /\bHTTP 4\d\d\b/.test(error.message)) return [];
    throw error;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function parseKeys(text: string): readonly RegistryKey[] {
  try {
    const { keys } = JSON.parse(text) as { keys?: unknown };
    return Array.isArray(keys) ? (keys as readonly RegistryKey[]) : [];
  } catch {
    return []; // a page that says there is nothing here
  }
}

async function findFlaw(
  { name, version, integrity = "" }: LockedPackage,
  keys: readonly RegistryKey[],
  access: RegistryAccess,
): Promise<readonly BuildError[]> {
  const entry = await viewPackage(`${name}@${version}`, access);
  const release = { name, version, integrity, published: entry?.times[version], signatures: entry?.signatures ?? [] };
  const reason = signatureFlaw(release, keys);
  return reason === undefined
    ? []
    : [new BuildError("SIGNATURE_INVALID", { file: `${name}@${version}`, reason }, { kind: "policy" })];
}
