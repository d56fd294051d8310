/**
 * apt refuses what it can't verify, and so does a bootstrapper; of that a build sees an exit code and some text. Their
 * words are read here, so that such a failure gets the code that our own downloads have for it. Of several, the first in
 * this table counts: a wrong checksum says more than the downloads that were given up because of it.
 */
import { BuildError } from "../errors.js";
import { shownAddress } from "./shown-address.js";

type Reader = (text: string, cause: unknown) => BuildError | undefined;

/** The last output of a script that failed, as the error that says why; undefined when apt is not the reason. */
export function readAptFailure(text: string, cause: unknown): BuildError | undefined {
  const shown = text.replace(/\w+:\/\/\S+/g, shownAddress); // programs repeat addresses with their passwords
  for (const read of readers) {
    const failure = read(shown, cause);
    if (failure !== undefined) return failure;
  }
  return undefined;
}

const readers: readonly Reader[] = [
  signatureRefused,
  checksumWrong,
  truncated,
  corrupted,
  fetchFailed,
  noRelease,
  outdatedRelease,
];

/** apt asks gpgv, since version 3 sqv: the words of both. A warning alone is none: apt goes on with an older list then. */
function signatureRefused(text: string, cause: unknown): BuildError | undefined {
  if (!/^E: The repository '.*' is (not|no longer) signed/m.test(text)) return undefined;
  const said = /^[WE]: (?:GPG error|OpenPGP signature verification failed): (\S+ \S+) \S+: (.*)$/m.exec(text);
  const [, file = "", reason = ""] = said ?? [];
  if (said === null) return undefined;
  const idAfter = (word: RegExp) => new RegExp(`(?:${word.source}) ([0-9A-F]{16,40})`).exec(reason)?.[1];
  const expired = idAfter(/EXPKEYSIG/);
  if (/BADSIG/.test(reason)) return new BuildError("SIGNATURE_INVALID", { file, reason }, { cause });
  if (expired !== undefined) return new BuildError("SIGNATURE_KEY_EXPIRED", { file, fingerprint: expired }, { cause });
  const stranger = idAfter(/NO_PUBKEY|Missing key/);
  if (stranger === undefined) return new BuildError("SIGNATURE_INVALID", { file, reason }, { cause });
  return new BuildError("SIGNATURE_KEY_UNTRUSTED", { file, fingerprint: stranger, trusted: [] }, { cause });
}

const failedFetch = (reason: string) => new RegExp(`^E: Failed to fetch (\\S+)\\s+${reason}`, "m");

/** Lists of hashes follow: of the expected file, and of the received one. */
function checksumWrong(text: string, cause: unknown): BuildError | undefined {
  const found = failedFetch("Hash Sum mismatch").exec(text);
  if (found?.[1] === undefined) return undefined;
  const [expected, actual] = [...text.slice(found.index).matchAll(/- SHA256:([0-9a-f]{64})/g)].map(([, sum]) => sum);
  const sums = expected === undefined || actual === undefined ? {} : { expected, actual };
  return new BuildError("FETCH_CHECKSUM_WRONG", { url: found[1], ...sums }, { cause });
}

function truncated(text: string, cause: unknown): BuildError | undefined {
  const [, url, got, expected] = failedFetch(String.raw`File has unexpected size \((\d+) != (\d+)\)`).exec(text) ?? [];
  if (url !== undefined) {
    const [gotBytes, expectedBytes] = [Number(got), Number(expected)];
    return gotBytes < expectedBytes
      ? new BuildError("FETCH_TRUNCATED", { url, gotBytes, expectedBytes }, { cause })
      : new BuildError("FETCH_CHECKSUM_WRONG", { url }, { cause });
  }
  const [, cut] = failedFetch("(?:Error reading from server|Connection reset|Undetermined Error)").exec(text) ?? [];
  return cut === undefined ? undefined : new BuildError("FETCH_TRUNCATED", { url: cut }, { cause });
}

/** debootstrap tries again before it gives up, and can't tell a wrong file from a part of the right one. */
function corrupted(text: string, cause: unknown): BuildError | undefined {
  if (!/^E: Couldn't download /m.test(text)) return undefined;
  const [, url] = /^W: (\S+) was corrupt$/m.exec(text) ?? [];
  return url === undefined ? undefined : new BuildError("FETCH_CHECKSUM_WRONG", { url }, { cause });
}

function fetchFailed(text: string, cause: unknown): BuildError | undefined {
  const [, url, reason = ""] =
    failedFetch("(.*)").exec(text) ??
    /^E: (?:Couldn't download|Failed getting release(?: signature)? file) (\w+:\/\/\S+)()/m.exec(text) ??
    [];
  return url === undefined
    ? undefined
    : new BuildError("FETCH_FAILED", { url, reason: reason || "see above" }, { cause });
}

function noRelease(text: string, cause: unknown): BuildError | undefined {
  const [, place, suite] = /^E: The repository '(\S+) (\S+) \S+' does not have a Release file/m.exec(text) ?? [];
  if (place === undefined) return undefined;
  const url = suite === undefined || suite.endsWith("/") ? `${place}/${suite ?? ""}` : `${place}/dists/${suite}`;
  return new BuildError("FETCH_FAILED", { url, reason: "it has no Release file" }, { cause });
}

/** By its own Valid-Until, or by the clock of this host. */
function outdatedRelease(text: string, cause: unknown): BuildError | undefined {
  const [, url, reason = ""] = /^E: Release file for (\S+) is ((?:expired|not valid yet).*)$/m.exec(text) ?? [];
  return url === undefined ? undefined : new BuildError("FETCH_FAILED", { url, reason: `it is ${reason}` }, { cause });
}
