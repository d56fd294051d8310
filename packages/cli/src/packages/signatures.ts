/**
 * Signatures that registries make of what they serve, checked with the keys that they publish, as npm does for all but its
 * own registry. npm itself (npm audit signatures) needs sigstore's servers and an npm tree.
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  BuildError,
  boundRegistry,
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
  /** Packages of registries without an integrity in the lock file: a signature is of that. */
  readonly unchecked: readonly string[];
  /** SIGNATURE_INVALID. */
  readonly findings: readonly BuildError[];
  /** Registries whose keys nobody gets. */
  readonly keyless: readonly KeylessRegistry[];
}

export interface KeylessRegistry {
  readonly url: string;
  readonly reason: string;
  /** `name@version` of what comes from it. */
  readonly packages: readonly string[];
}

export async function checkSignatures(
  packages: readonly LockedPackage[],
  access: RegistryAccess,
): Promise<SignatureReport> {
  const fetched = packages.filter(({ isLink }) => isLink !== true);
  const signed = fetched.filter(({ integrity }) => integrity !== undefined);
  const registries = await registriesOf(signed, access);
  const keyless: KeylessRegistry[] = [];
  const checkable: { each: LockedPackage; keys: readonly RegistryKey[] }[] = [];
  for (const url of new Set(registries.values())) {
    const packages = signed.filter(({ name }) => registries.get(scopeOf(name)) === url);
    const { keys, reason } = await readKeys(url);
    if (keys.length > 0) checkable.push(...packages.map((each) => ({ each, keys })));
    else keyless.push({ url, reason, packages: packages.map(label) });
  }
  const flaws = await fewAtOnce(checkable, ({ each, keys }) => findFlaw(each, keys, access));
  const unchecked = fetched.filter((each) => !signed.includes(each)).map(label);
  return { checked: checkable.length, unchecked, findings: flaws.flat(), keyless };
}

const label = ({ name, version }: LockedPackage): string => `${name}@${version}`;

const scopeOf = (name: string): string => (name.startsWith("@") ? name.slice(0, name.indexOf("/")) : "");

/** Scope → registry. */
async function registriesOf(
  packages: readonly LockedPackage[],
  access: RegistryAccess,
): Promise<ReadonlyMap<string, string>> {
  const oneOfEach = new Map(packages.map(({ name }) => [scopeOf(name), name]));
  const found = await fewAtOnce([...oneOfEach], async ([scope, name]) => {
    return [scope, boundRegistry(access.policy, name) ?? (await configuredRegistry(name, access))] as const;
  });
  return new Map(found);
}

interface PublishedKeys {
  readonly keys: readonly RegistryKey[];
  /** Why there are none. */
  readonly reason: string;
}

/** It is asked without a login. One that does not answer is a failure: nobody knows what it would say. */
async function readKeys(url: string): Promise<PublishedKeys> {
  const folder = await mkdtemp(join(tmpdir(), "dib-keys-"));
  try {
    const file = join(folder, "keys.json");
    await download({ url: `${url}-/npm/v1/keys`, file, env: childEnvironment() }, createExec());
    return { keys: parseKeys(await readFile(file, "utf8")), reason: "it publishes no keys" };
  } catch (error) {
    const status = statusOf(error);
    if (status === undefined || status >= 500) throw error;
    const isNowhere = [404, 405, 410].includes(status);
    return { keys: [], reason: isNowhere ? "it publishes no keys" : `it does not show its keys: HTTP ${status}` };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const statusOf = (error: unknown): number | undefined =>
  isBuildError(error) && error.code === "FETCH_FAILED" ? (error.context as { status?: number }).status : undefined;

function parseKeys(text: string): readonly RegistryKey[] {
  try {
    const { keys } = JSON.parse(text) as { keys?: unknown };
    return Array.isArray(keys) ? (keys as readonly RegistryKey[]) : [];
  } catch {
    return []; // a page that says there is nothing here
  }
}

export const invalidSignature = (file: string, reason: string): BuildError =>
  new BuildError("SIGNATURE_INVALID", { file, reason }, { kind: "policy" });

async function findFlaw(
  { name, version, integrity = "" }: LockedPackage,
  keys: readonly RegistryKey[],
  access: RegistryAccess,
): Promise<readonly BuildError[]> {
  const entry = await viewPackage(`${name}@${version}`, access);
  const release = { name, version, integrity, published: entry?.times[version], signatures: entry?.signatures ?? [] };
  const reason = signatureFlaw(release, keys);
  return reason === undefined ? [] : [invalidSignature(`${name}@${version}`, reason)];
}
