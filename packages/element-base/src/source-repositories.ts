/**
 * source-repository-NAME files: sources that go into the image.
 * They are fetched into a cache on the host, and reach the target by an archive that the target's own tar unpacks, so
 * that a link planted in the target leads nowhere else.
 */
import { createHash, randomUUID } from "node:crypto";
import { access, mkdir, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { BuildError, shownAddress, type ElementApi, type PhaseRun } from "@dibjs/core";
import { readIfThere } from "./package-installs.js";
import { parseSourceRepositories, type SourceRepository } from "./parse-source-repositories.js";

export function setUpSourceRepositories({ addScript }: ElementApi): void {
  addScript("extra-data", "98-source-repositories", async (run) => {
    if (run.env.NO_SOURCE_REPOSITORIES) return run.log("NO_SOURCE_REPOSITORIES is set");
    const placed = new Map<string, string>();
    for (const [element, folder] of run.elementFolders) {
      const files = (await readdir(folder))
        .filter((name) => name.startsWith("source-repository-") && !name.endsWith("~"))
        .sort();
      for (const file of files) {
        const text = (await readIfThere(join(folder, file))) ?? "";
        for (const repository of parseSourceRepositories({ element, file, text }, run.env))
          await placeOnce(repository, placed, run);
      }
    }
  });
}

async function placeOnce(repository: SourceRepository, placed: Map<string, string>, run: PhaseRun): Promise<void> {
  const { type, name, destination, location, ref } = repository;
  const source = `${type} ${location} ${ref}`;
  const other = placed.get(destination);
  if (other === source) return;
  if (other !== undefined)
    throw new Error(`${name}: ${destination} is taken by ${other.replace(/\S+:\/\/\S+/, shownAddress)}`);
  placed.set(destination, source);
  const sha = await placeRepository(repository, run);
  await run.target.append("/etc/dib-source-repositories", `${destination}\n`);
  if (sha === undefined) return;
  const { DIB_MANIFEST_IMAGE_DIR: manifests = "/etc/dib-manifests", IMAGE_NAME: image = "image" } = run.env;
  await run.target.append(
    join(manifests, `dib-manifest-git-${basename(image)}`),
    `${name} git ${destination} ${keptAddress(location)} ${sha}\n`,
  );
}

/** Gives the commit of a git repository. */
async function placeRepository(repository: SourceRepository, run: PhaseRun): Promise<string | undefined> {
  const { type, name, location, destination, ref } = repository;
  const digest = createHash("sha1").update(`${type}_${location}\n`).digest("hex");
  const cached = join(run.env.DIB_IMAGE_CACHE ?? "", "source-repositories", `${name}_${digest}`);
  await mkdir(dirname(cached), { recursive: true });
  const staging = join(run.workspace.scratchDir, `source-${name}`);
  try {
    if (type === "git") {
      const sha = await checkOut(repository, cached, staging, run);
      await unpackInTarget([staging], destination, run);
      return sha;
    }
    await download(location, cached, run);
    if (type === "file") return void (await copyToTarget(cached, destination, run));
    await mkdir(staging, { recursive: true });
    await run.run("tar", ["-C", staging, "-xf", cached]);
    const folders =
      ref === "*" ? (await readdir(staging)).map((folder) => join(staging, folder)) : [join(staging, ref)];
    await unpackInTarget(folders, destination, run);
    return undefined;
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

async function checkOut(
  { location, ref }: SourceRepository,
  cached: string,
  staging: string,
  run: PhaseRun,
): Promise<string> {
  const isNew = await cloneOnce(location, cached, run);
  const sha = (await findLocked(location, ref, cached, run)) ?? (await findCurrent(location, ref, cached, isNew, run));
  if (sha === undefined)
    throw new BuildError("FETCH_FAILED", { url: shownAddress(location), reason: `there is no git reference ${ref}` });
  run.sources.recordCommit({ url: location, ref, commit: sha });
  await run.run("git", ["clone", "--quiet", "--no-hardlinks", "--no-checkout", cached, staging]);
  await run.run("git", ["-C", staging, "checkout", "--quiet", "-B", `fetch_${ref}`, sha]);
  await run.run("git", ["-C", staging, "remote", "set-url", "origin", keptAddress(location)]);
  return sha;
}

/** For the image and the cache. The user of ssh alone is no secret, and the address is none without it. */
const keptAddress = (location: string): string =>
  /^[a-z+]*ssh:\/\/[^/:]*@/i.test(location) ? location : shownAddress(location);

/** False when it was there. */
async function cloneOnce(location: string, cached: string, run: PhaseRun): Promise<boolean> {
  if ((await readdir(cached).catch(() => [])).length > 0) return false;
  const partial = `${cached}.${randomUUID()}`;
  const clone = () => run.run("git", ["clone", "--quiet", "--mirror", location, partial], { check: false });
  await retry(run, clone, location);
  await run.run("git", ["-C", partial, "remote", "set-url", "origin", keptAddress(location)]);
  // Another build may have been faster: a folder with content can't be replaced, and theirs is as good.
  await rename(partial, cached).catch(() => rm(partial, { recursive: true, force: true }));
  return true;
}

/** The commit of a build that keeps to a lock, wherever the ref points now. Some servers give one that no branch has any more. */
async function findLocked(location: string, ref: string, cached: string, run: PhaseRun): Promise<string | undefined> {
  const locked = run.sources.lockedCommit(location, ref);
  if (locked === undefined) return undefined;
  if ((await commitOf(cached, locked, run)) === undefined && !run.env.DIB_OFFLINE)
    await fetchInto(cached, location, [locked], run);
  return commitOf(cached, locked, run);
}

/** What the ref means at its origin; offline, what it meant last time. */
async function findCurrent(
  location: string,
  ref: string,
  cached: string,
  isNew: boolean,
  run: PhaseRun,
): Promise<string | undefined> {
  const known = await commitOf(cached, ref, run);
  if (isNew || (known !== undefined && run.env.DIB_OFFLINE)) return known;
  const specs = [
    "+refs/heads/*:refs/heads/*",
    "+refs/tags/*:refs/tags/*",
    ...(ref.startsWith("refs/") ? [`+${ref}:${ref}`] : []),
  ];
  await retry(run, () => fetchInto(cached, location, specs, run), location);
  return commitOf(cached, ref, run);
}

const fetchInto = (cached: string, location: string, specs: readonly string[], run: PhaseRun) => {
  const fetch = ["git", "-C", cached, "fetch", "--quiet", "--update-head-ok", location, ...specs];
  return run.run("flock", ["-w", "600", `${cached}.lock`, ...fetch], { check: false });
};

async function commitOf(repository: string, ref: string, { exec, env }: PhaseRun): Promise<string | undefined> {
  const { exitCode, stdout } = await exec(
    "git",
    ["-C", repository, "rev-parse", "--verify", "--quiet", `${ref}^{commit}`],
    { env },
  );
  return exitCode === 0 ? stdout.trim() : undefined;
}

const attempts = 5;

async function retry(
  run: PhaseRun,
  attempt: () => Promise<{ exitCode: number | undefined }>,
  url: string,
): Promise<void> {
  for (let count = 1; (await attempt()).exitCode !== 0; count++) {
    run.signal.throwIfAborted();
    if (count === attempts)
      throw new BuildError("FETCH_FAILED", { url: shownAddress(url), reason: `git failed ${attempts} times` });
    await setTimeout(5000);
  }
}

async function download(location: string, cached: string, run: PhaseRun): Promise<void> {
  const isCached = await isThere(cached);
  if (isCached && run.env.DIB_OFFLINE) return run.sources.recordFile(location, cached);
  const program = join(run.elementFolders.get("cache-url") ?? "", "bin/cache-url");
  const { exitCode } = await run.run("bash", [program, location, cached], { check: false });
  if (exitCode !== 0)
    throw new BuildError("FETCH_FAILED", { url: shownAddress(location), reason: `cache-url ended with ${exitCode}` });
}

async function unpackInTarget(folders: readonly string[], destination: string, run: PhaseRun): Promise<void> {
  await run.target.makeFolder(destination);
  for (const folder of folders) {
    const pipe = 'set -o pipefail; tar -C "$1" -cf - . | chroot "$2" tar -C "$3" --no-same-owner -xf -';
    await run.run("bash", ["-c", pipe, "unpack", folder, run.target.path, destination]);
  }
}

async function copyToTarget(file: string, destination: string, run: PhaseRun): Promise<void> {
  await run.target.makeFolder(dirname(destination));
  await run.run("bash", [
    "-c",
    'chroot "$2" sh -c \'cat > "$1"\' sh "$3" < "$1"',
    "copy",
    file,
    run.target.path,
    destination,
  ]);
}

const isThere = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );
