/**
 * A file from the network, whole or not at all. It is written beside its place as FILE.part, checked, synced and only
 * then renamed, so whoever finds FILE may use it. What a lost connection left is resumed (Range with If-Range), also by
 * a later build; FILE.part.from says which version of the file it is the start of.
 */
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { copyFile, mkdir, open, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Dispatcher } from "undici";
import { BuildError, isBuildError, reasonOf } from "../errors.js";
import type { Exec } from "../process/exec.js";
import { waitForLock } from "../process/file-lock.js";
import { openDispatcher } from "./dispatcher.js";
import { shownAddress } from "./shown-address.js";

export interface DownloadRequest {
  /** http, https or file. */
  readonly url: string;
  /** Absolute. One download at a time writes it, over all processes. */
  readonly file: string;
  /** Hex. A file that has it is not fetched again; without it a file is always fetched anew. */
  readonly sha256?: string;
  /** Where http_proxy, https_proxy and no_proxy are looked up. */
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

export interface Downloaded {
  readonly file: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  /** Less than sizeBytes when it was resumed, 0 when it was there. */
  readonly transferredBytes: number;
}

const attempts = 4;
const firstPauseMs = 250;

/**
 * Throws FETCH_FAILED, FETCH_TRUNCATED (the part stays, to be resumed), FETCH_CHECKSUM_WRONG (nothing stays) and
 * SPACE_EXHAUSTED.
 */
export async function download(request: DownloadRequest, exec: Exec): Promise<Downloaded> {
  const { file, sha256, url } = request;
  await mkdir(dirname(file), { recursive: true });
  await using _lock = await waitForLock(`${file}.lock`, { exec, signal: request.signal });
  if (sha256 !== undefined && (await sizeOf(file)) > 0 && (await digestOf(file)) === sha256) {
    return { file, sizeBytes: await sizeOf(file), sha256, transferredBytes: 0 };
  }
  const part = `${file}.part`;
  if (sha256 === undefined) await dropPart(part);
  let transferredBytes = await fetchWhole(request, part, "cached");
  let actual = await digestOf(part);
  if (sha256 !== undefined && actual !== sha256) {
    // A proxy on the way may hold an old copy: once more, past it and from the start (as DIB does).
    await dropPart(part);
    transferredBytes += await fetchWhole(request, part, "fresh");
    actual = await digestOf(part);
  }
  if (sha256 !== undefined && actual !== sha256) {
    await dropPart(part);
    throw new BuildError("FETCH_CHECKSUM_WRONG", { url: shownAddress(url), expected: sha256, actual });
  }
  await publish(part, file);
  return { file, sizeBytes: await sizeOf(file), sha256: actual, transferredBytes };
}

/** How one try ended short of the whole file. */
type Failure = { readonly error: BuildError; readonly isFinal: boolean };

/** Tries until the part is whole; returns the bytes that came over the network. */
async function fetchWhole(request: DownloadRequest, part: string, from: "cached" | "fresh"): Promise<number> {
  if (request.url.startsWith("file:")) return copyLocal(request.url, part);
  const dispatcher = await openDispatcher(request.env ?? {});
  let transferred = 0;
  try {
    for (let attempt = 1; ; attempt++) {
      request.signal?.throwIfAborted();
      const before = await resumableSize(part, request.url);
      const failure = await fetchOnce(request, part, before, from, dispatcher);
      transferred += Math.max(0, (await sizeOf(part)) - before);
      if (failure === undefined) return transferred;
      if (failure.isFinal || attempt === attempts) throw failure.error;
      await sleep(
        firstPauseMs * 2 ** (attempt - 1),
        undefined,
        request.signal === undefined ? {} : { signal: request.signal },
      );
    }
  } finally {
    await dispatcher.close();
  }
}

async function fetchOnce(
  { url, signal }: DownloadRequest,
  part: string,
  have: number,
  from: "cached" | "fresh",
  dispatcher: Dispatcher,
): Promise<Failure | undefined> {
  const { request } = await import("undici");
  let expected: number | undefined;
  try {
    const headers = {
      "accept-encoding": "identity",
      ...(await resumeHeaders(part, have)),
      ...(from === "fresh" ? { "cache-control": "no-cache", pragma: "no-cache" } : {}),
    };
    const response = await request(url, {
      dispatcher,
      headers,
      ...(signal === undefined ? {} : { signal }),
      headersTimeout: 30_000,
      bodyTimeout: 60_000,
    });
    const { statusCode, body } = response;
    const start = statusCode === 206 ? have : 0;
    if (statusCode !== 200 && statusCode !== 206) {
      await body.dump();
      if (statusCode === 416) await dropPart(part); // the file became shorter than what we have of it
      return {
        error: new BuildError("FETCH_FAILED", {
          url: shownAddress(url),
          reason: `HTTP ${statusCode}`,
          status: statusCode,
        }),
        isFinal: statusCode < 500 && ![408, 416, 429].includes(statusCode),
      };
    }
    expected = expectedSize(response, start);
    if (start === 0)
      await writeFile(`${part}.from`, JSON.stringify({ url: shownAddress(url), validator: validatorOf(response) }));
    await pipeline(body, createWriteStream(part, { flags: start === 0 ? "w" : "a" }));
  } catch (error) {
    if (signal?.aborted) throw error;
    const short = await truncation(url, part, expected, error);
    return short ?? { error: failureOf(url, part, error), isFinal: isBuildError(error) };
  }
  return truncation(url, part, expected);
}

/** The part is shorter than the server said. Longer cannot be: the checksum finds it. */
async function truncation(
  url: string,
  part: string,
  expected: number | undefined,
  cause?: unknown,
): Promise<Failure | undefined> {
  if (expected === undefined || isNoSpace(cause)) return undefined;
  const gotBytes = await sizeOf(part);
  if (gotBytes >= expected) return undefined;
  return {
    error: new BuildError("FETCH_TRUNCATED", { url: shownAddress(url), gotBytes, expectedBytes: expected }, { cause }),
    isFinal: false,
  };
}

const isNoSpace = (error: unknown) =>
  ["ENOSPC", "EDQUOT"].includes((error as NodeJS.ErrnoException | undefined)?.code ?? "");

const failureOf = (url: string, part: string, error: unknown): BuildError =>
  isNoSpace(error)
    ? new BuildError(
        "SPACE_EXHAUSTED",
        { path: dirname(part), doing: `fetching ${shownAddress(url)}` },
        { cause: error },
      )
    : failed(url, reasonOf(error), error);

const failed = (url: string, reason: string, cause?: unknown) =>
  new BuildError("FETCH_FAILED", { url: shownAddress(url), reason }, { cause });

/** What ties a part to one version of the file: a strong ETag, else the date of its last change. */
function validatorOf({ headers }: Dispatcher.ResponseData): string | undefined {
  const { etag, "last-modified": modified } = headers;
  if (typeof etag === "string" && !etag.startsWith("W/")) return etag;
  return typeof modified === "string" ? modified : undefined;
}

function expectedSize({ headers }: Dispatcher.ResponseData, start: number): number | undefined {
  const length = Number(headers["content-length"]);
  return Number.isInteger(length) ? start + length : undefined;
}

/** A file that is empty or cut short, as a power loss leaves it, says nothing: the download starts anew. */
async function readFrom(part: string): Promise<{ url?: string; validator?: string }> {
  const text = await readFile(`${part}.from`, "utf8").catch(() => "");
  try {
    return (JSON.parse(text) as { url?: string; validator?: string } | null) ?? {};
  } catch {
    return {};
  }
}

async function resumableSize(part: string, url: string): Promise<number> {
  const from = await readFrom(part);
  return from.url === shownAddress(url) && from.validator !== undefined ? sizeOf(part) : 0;
}

async function resumeHeaders(part: string, have: number): Promise<Record<string, string>> {
  const { validator } = await readFrom(part);
  return have === 0 || validator === undefined ? {} : { range: `bytes=${have}-`, "if-range": validator };
}

async function copyLocal(url: string, part: string): Promise<number> {
  await copyFile(fileURLToPath(url), part).catch((error: unknown) => {
    throw failureOf(url, part, error);
  });
  return sizeOf(part);
}

async function publish(part: string, file: string): Promise<void> {
  const handle = await open(part, "r+");
  await handle.sync();
  await handle.close();
  await rename(part, file);
  await rm(`${part}.from`, { force: true });
}

async function dropPart(part: string): Promise<void> {
  await rm(part, { force: true });
  await rm(`${part}.from`, { force: true });
}

const sizeOf = (file: string): Promise<number> =>
  stat(file).then(
    ({ size }) => size,
    () => 0,
  );

/** sha256 of a file. */
export async function digestOf(file: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  return hash.digest("hex");
}
