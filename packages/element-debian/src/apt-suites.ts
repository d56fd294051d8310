/** What a bootstrap depends on beside its inputs: the state of each apt suite, told by the digest of its InRelease file. */
import { createHash } from "node:crypto";
import { request } from "node:http";
import { request as requestTls } from "node:https";
import type { Fingerprint } from "@dibjs/core";

type Env = Readonly<Record<string, string>>;

/** URLs of the InRelease files of DIB_APT_SOURCES_CONF ("NAME:deb [options] URI SUITE COMPONENTS" a line). */
export function inReleaseUrls(sources: string): string[] {
  const urls = [...sources.matchAll(/^[ \t]*[\w.-]+:deb\s+(?:\[[^\]]*\]\s+)?(https?:\S+)\s+(\S+)/gm)].map(
    ([, uri = "", suite = ""]) => {
      const base = uri.replace(/\/+$/, "");
      return suite.endsWith("/") ? `${base}/${suite}InRelease` : `${base}/dists/${suite}/InRelease`;
    },
  );
  return [...new Set(urls)];
}

/** Best effort: a suite that cannot be reached counts as unknown, which a later build with network never equals. */
export async function addSuites(fingerprint: Fingerprint, today = new Date()): Promise<void> {
  const { env } = fingerprint;
  const urls = inReleaseUrls(env.DIB_APT_SOURCES_CONF ?? "");
  // The bootstrapper's own default mirror is not known here: then a result is good for a day.
  if (urls.length === 0) return fingerprint.add("apt default sources", today.toISOString().slice(0, 10));
  await Promise.all(
    urls.map(async (url) => {
      const digest = env.DIB_OFFLINE ? undefined : await digestOf(url, env);
      fingerprint.add(`apt ${url}`, digest ?? "unknown");
    }),
  );
}

const timeoutMs = 10_000;

/** sha256 of what a GET gives, through http_proxy as apt would; undefined when that fails. */
function digestOf(url: string, env: Env): Promise<string | undefined> {
  const proxy = env.http_proxy ?? env.HTTP_PROXY;
  const { protocol, host, hostname } = new URL(url);
  const isDirect =
    protocol === "https:" ||
    !proxy ||
    (env.no_proxy ?? "").split(",").some((name) => name !== "" && hostname.endsWith(name));
  const to = isDirect ? new URL(url) : { ...pick(new URL(proxy)), path: url, headers: { host } };
  return new Promise((resolve) => {
    const get = (protocol === "https:" ? requestTls : request)(to, (response) => {
      const hash = createHash("sha256");
      response.on("data", (chunk: Buffer) => hash.update(chunk));
      response.on("end", () => resolve(response.statusCode === 200 ? hash.digest("hex") : undefined));
      response.on("error", () => resolve(undefined));
    });
    get.setTimeout(timeoutMs, () => get.destroy());
    get.on("error", () => resolve(undefined));
    get.on("close", () => resolve(undefined));
    get.end();
  });
}

const pick = ({ hostname, port }: URL) => ({ hostname, port });
