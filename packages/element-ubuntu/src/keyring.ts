/**
 * Ubuntu's keys. A host that is not Ubuntu has no package with them, so the ubuntu-keyring package is taken from the
 * mirror. Nothing vouches for that package: of its keys only those count whose full fingerprints are pinned here. The
 * element's README names the sources of each.
 */
import { randomUUID } from "node:crypto";
import { access, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { BuildError, download, selectKeys, type Env, type PhaseRun } from "@dibjs/core";

export type KeyringName = "archive" | "cloudimage";

const pinned: Readonly<Record<KeyringName, readonly string[]>> = {
  archive: [
    "F6ECB3762474EDA9D21B7022871920D1991BC93C", // Ubuntu Archive Automatic Signing Key (2018)
    "790BC7277767219C42C86F933B4FE6ACC0B21F32", // Ubuntu Archive Automatic Signing Key (2012): up to focal
  ],
  cloudimage: ["D2EB44626FDDC30B513D5BB71A5D6C4C7DB87C81"], // UEC Image Automatic Signing Key
};

/** Fingerprints that are trusted: ours, unless DIB_UBUNTU_KEY_FINGERPRINTS names others. */
export function trustedKeys(name: KeyringName, env: Env): readonly string[] {
  const given = (env["DIB_UBUNTU_KEY_FINGERPRINTS"] ?? "").split(/[\s,]+/).filter(Boolean);
  return given.length > 0 ? given : pinned[name];
}

/** A step: puts the archive's keys where environment.d/15-ubuntu-keyring.bash says they are. */
export async function provideArchiveKeyring(run: PhaseRun): Promise<void> {
  if (run.env["DIB_APT_KEYRING"] === cachedKeyring("archive", run.env)) await findKeyring("archive", run);
}

/** Absolute path of a keyring: the host's, else one of pinned keys in the cache. Throws SIGNATURE_KEY_UNTRUSTED and FETCH_…. */
export async function findKeyring(name: KeyringName, run: PhaseRun): Promise<string> {
  const ofHost = `/usr/share/keyrings/ubuntu-${name}-keyring.gpg`;
  if (await isReadable(ofHost)) return ofHost;
  const cached = cachedKeyring(name, run.env);
  if (run.plan.settings.offline && (await isReadable(cached))) return cached;
  const trusted = trustedKeys(name, run.env);
  const { url, files } = await fetchKeyringPackage(run);
  const { keyring, found, others } = selectKeys(await files(`.${ofHost}`), trusted);
  if (found.length === 0) {
    throw new BuildError("SIGNATURE_KEY_UNTRUSTED", { file: url, fingerprint: others.join(", ") || "no key", trusted });
  }
  run.log(`keys of ${url}: ${found.join(", ")}${others.length > 0 ? ` (left out: ${others.join(", ")})` : ""}`);
  await writeWhole(cached, keyring);
  return cached;
}

/** The name Debian and Ubuntu have for the architecture. */
export const archOf = ({ ARCH = "amd64" }: Env): string => ({ x86_64: "amd64", aarch64: "arm64" })[ARCH] ?? ARCH;

const cachedKeyring = (name: KeyringName, env: Env): string =>
  join(env["DIB_IMAGE_CACHE"] ?? "", "ubuntu-keyring", `${name}.gpg`);

const isReadable = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );

/** Two builds may write it at once: each its own file, renamed when whole. */
async function writeWhole(path: string, content: Uint8Array): Promise<void> {
  const partial = `${path}.${randomUUID()}`;
  await writeFile(partial, content, { mode: 0o644 });
  await rename(partial, path);
}

interface KeyringPackage {
  readonly url: string;
  /** Content of a file of it. */
  readonly files: (path: string) => Promise<Uint8Array>;
}

async function fetchKeyringPackage(run: PhaseRun): Promise<KeyringPackage> {
  const mirror = (run.env["DIB_DISTRIBUTION_MIRROR"] ?? "").replace(/\/+$/, "");
  const folder = dirname(cachedKeyring("archive", run.env));

  const index = `${mirror}/dists/${run.env["DIB_RELEASE"]}/main/binary-${archOf(run.env)}/Packages.gz`;
  // No source of the image: it only says where the package is, and changes with every other one.
  const { file: packages } = await download(
    {
      url: index,
      file: join(folder, `Packages-${run.env["DIB_RELEASE"]}-${archOf(run.env)}.gz`),
      env: run.env,
      signal: run.signal,
    },
    run.exec,
  );
  const entry = findPackage(unpackIndex(await readFile(packages), index), "ubuntu-keyring");
  if (entry === undefined)
    throw new BuildError("FETCH_FAILED", { url: index, reason: "it lists no package ubuntu-keyring" });
  const url = `${mirror}/${entry.path}`;
  const { file } = await run.sources.download({ url, file: join(folder, "ubuntu-keyring.deb"), sha256: entry.sha256 });
  return { url, files: (path) => readFromPackage(file, path, run) };
}

function unpackIndex(bytes: Uint8Array, url: string): string {
  try {
    return gunzipSync(bytes).toString("utf8");
  } catch (cause) {
    throw new BuildError("FETCH_FAILED", { url, reason: "it is no gzip file" }, { cause });
  }
}

/** Path and checksum of a package in a Packages index. */
export function findPackage(index: string, name: string): { path: string; sha256: string } | undefined {
  const stanza = index.split(/\n\n+/).find((each) => each.startsWith(`Package: ${name}\n`));
  const field = (key: string) => new RegExp(`^${key}: (.+)$`, "m").exec(stanza ?? "")?.[1];
  const [path, sha256] = [field("Filename"), field("SHA256")];
  return path === undefined || sha256 === undefined ? undefined : { path, sha256 };
}

async function readFromPackage(file: string, path: string, run: PhaseRun): Promise<Uint8Array> {
  const folder = await mkdtemp(`${file}.`);
  try {
    await run.run("dpkg-deb", ["--extract", file, folder]);
    return await readFile(join(folder, path));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
