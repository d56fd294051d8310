/** What a bootstrap depends on beside its inputs: the state of each apt suite, which its InRelease file tells. */
import { createHash } from "node:crypto";
import { request } from "node:http";
import { request as requestTls } from "node:https";
import type { Fingerprint } from "@dibjs/core";

type Env = Readonly<Record<string, string>>;

/** A suite of an apt source. */
export interface AptSuite {
  /** Of its InRelease file. */
  readonly url: string;
  /** What stands in brackets in its source line: `signed-by=… trusted=yes`. */
  readonly options: string;
  /** Undefined when it could not be fetched, and offline. */
  readonly inRelease: Uint8Array | undefined;
}

/** Suites of DIB_APT_SOURCES_CONF ("NAME:deb [options] URI SUITE COMPONENTS" a line), each once. */
export function suitesOf(sources: string): readonly Omit<AptSuite, "inRelease">[] {
  const suites = [...sources.matchAll(/^[ \t]*[\w.-]+:deb\s+(?:\[([^\]]*)\]\s+)?(https?:\S+)\s+(\S+)/gm)].map(
    ([, options = "", uri = "", suite = ""]) => {
      const base = uri.replace(/\/+$/, "");
      return { options, url: suite.endsWith("/") ? `${base}/${suite}InRelease` : `${base}/dists/${suite}/InRelease` };
    },
  );
  return [...new Map(suites.map((suite) => [suite.url, suite])).values()];
}

/** Best effort: what can't be fetched here is left to the bootstrapper, which says why. */
export const fetchSuites = (env: Env): Promise<readonly AptSuite[]> =>
  Promise.all(
    suitesOf(env.DIB_APT_SOURCES_CONF ?? "").map(async (suite) => ({
      ...suite,
      inRelease: env.DIB_OFFLINE ? undefined : await contentOf(suite.url, env),
    })),
  );

/** A suite that cannot be reached counts as unknown, which a later build with network never equals. */
export function addSuites(fingerprint: Fingerprint, suites: readonly AptSuite[], today = new Date()): void {
  // The bootstrapper's own default mirror is not known here: then a result is good for a day.
  if (suites.length === 0) return fingerprint.add("apt default sources", today.toISOString().slice(0, 10));
  for (const { url, inRelease } of suites)
    fingerprint.add(
      `apt ${url}`,
      inRelease === undefined ? "unknown" : createHash("sha256").update(inRelease).digest("hex"),
    );
}

const timeoutMs = 10_000;

/** What a GET gives, through http_proxy as apt would; undefined when that fails. */
function contentOf(url: string, env: Env): Promise<Uint8Array | undefined> {
  const proxy = env.http_proxy ?? env.HTTP_PROXY;
  const { protocol, host, hostname } = new URL(url);
  const isDirect =
    protocol === "https:" ||
    !proxy ||
    (env.no_proxy ?? "").split(",").some((name) => name !== "" && hostname.endsWith(name));
  const to = isDirect ? new URL(url) : { ...pick(new URL(proxy)), path: url, headers: { host } };
  return new Promise((resolve) => {
    const get = (protocol === "https:" ? requestTls : request)(to, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => resolve(response.statusCode === 200 ? Buffer.concat(chunks) : undefined));
      response.on("error", () => resolve(undefined));
    });
    get.setTimeout(timeoutMs, () => get.destroy());
    get.on("error", () => resolve(undefined));
    get.on("close", () => resolve(undefined));
    get.end();
  });
}

const pick = ({ hostname, port }: URL) => ({ hostname, port });
