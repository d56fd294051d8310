import { readFile, rm, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import {
  BuildError,
  createExec,
  download,
  verifySignature,
  type Env,
  type Fingerprint,
  type PhaseRun,
} from "@dibjs/core";
import { archOf, findKeyring, trustedKeys } from "./keyring.js";

/** Where the cloud image comes from and where it is kept. Variables are DIB's. */
export interface CloudImage {
  readonly url: string;
  /** Name of the file, as SHA256SUMS has it. */
  readonly name: string;
  readonly sums: string;
  /** Absolute: the checksums in the cache; `.gpg` is their signature. */
  readonly cachedSums: string;
  readonly cached: string;
}

export function locateCloudImage(env: Env): CloudImage {
  const release = env["DIB_RELEASE"] ?? "noble";
  const arch = archOf(env);
  const base = (env["DIB_CLOUD_IMAGES"] || `https://cloud-images.ubuntu.com/${release}/current`).replace(/\/+$/, "");
  const name = env["BASE_IMAGE_FILE"] || `${release}-server-cloudimg-${arch}-root.tar.xz`;
  const cache = env["DIB_IMAGE_CACHE"] ?? "";
  return {
    url: `${base}/${name}`,
    name,
    sums: env["SHA256SUMS"] || `${base}/SHA256SUMS`,
    cachedSums: join(cache, `SHA256SUMS.ubuntu.${release}.${arch}`),
    cached: join(cache, name),
  };
}

/** A step: fills the target with Ubuntu's cloud image. Throws FETCH_… and SIGNATURE_… and then has written nothing. */
export async function deployCloudImage(run: PhaseRun): Promise<void> {
  const local = run.env["DIB_LOCAL_IMAGE"];
  const file = local ? local : await fetchCloudImage(locateCloudImage(run.env), run);
  await unpack(file, run);
}

/** What the root depends on beside the build's inputs: which image the server has now. Nothing is believed of it. */
export async function addCloudImage(fingerprint: Fingerprint): Promise<void> {
  const { env } = fingerprint;
  const local = env["DIB_LOCAL_IMAGE"];
  if (local) {
    const { size, mtimeMs } = await stat(local);
    return fingerprint.add(`cloud image ${local}`, `${size} ${mtimeMs}`);
  }
  const { name, sums, cachedSums } = locateCloudImage(env);
  const file = env["DIB_OFFLINE"] ? cachedSums : `${cachedSums}.now`;
  if (!env["DIB_OFFLINE"])
    await download({ url: sums, file, env }, createExec()).catch(() => rm(file, { force: true }));
  const text = await readFile(file, "utf8").catch(() => "");
  fingerprint.add(`cloud image ${sums}`, findSum(text, name) ?? "unknown");
}

/** The checksums are believed because of their signature, the image because of its checksum. */
async function fetchCloudImage(image: CloudImage, run: PhaseRun): Promise<string> {
  const signature = `${image.cachedSums}.gpg`;
  if (!run.plan.settings.offline) {
    await run.sources.download({ url: image.sums, file: image.cachedSums });
    await run.sources.download({ url: `${image.sums}.gpg`, file: signature });
  }
  const keyring = await findKeyring("cloudimage", run);
  const trusted = trustedKeys("cloudimage", run.env);
  const signer = await verifySignature({ file: image.cachedSums, signature, keyring, trusted }, run.exec);
  run.log(`${image.sums} is signed by ${signer}`);

  const sha256 = findSum(await readFile(image.cachedSums, "utf8"), image.name);
  if (sha256 === undefined)
    throw new BuildError("FETCH_FAILED", { url: image.sums, reason: `it lists no ${image.name}` });
  const { sizeBytes, transferredBytes } = await run.sources.download({ url: image.url, file: image.cached, sha256 });
  run.log(`${image.url}: ${sizeBytes} bytes, ${transferredBytes} of them fetched now, sha256 ${sha256}`);
  return image.cached;
}

/** sha256 of a file in the output of sha256sum. */
export function findSum(sums: string, name: string): string | undefined {
  const lines = sums.split("\n").map((line) => /^([0-9a-f]{64}) [ *](.+)$/.exec(line));
  return lines.find((match) => match?.[2] === name)?.[1];
}

async function unpack(file: string, run: PhaseRun): Promise<void> {
  const root = run.target.path;
  const archive = /\.(tar\.(?:xz|gz|zst|bz2)|tgz|txz)$/.exec(basename(file))?.[1];
  if (file.endsWith(".squashfs")) {
    await run.run("unsquashfs", ["-force", "-no-progress", "-dest", root, file]);
  } else if (archive !== undefined) {
    const xz = /xz$/.test(archive) ? ["--use-compress-program=xz -T0"] : [];
    await run.run("tar", [
      "--directory",
      root,
      "--numeric-owner",
      "--preserve-permissions",
      "--xattrs",
      "--xattrs-include=*",
      ...xz,
      "--extract",
      "--file",
      file,
    ]);
  } else {
    const reason = "only tar archives (.tar.xz, .tar.gz, .tar.zst) and .squashfs can be unpacked";
    throw new BuildError("CONFIG_RULE_BROKEN", {
      setting: "BASE_IMAGE_FILE",
      value: file,
      origin: "environment",
      reason,
    });
  }
}
