/**
 * What a phase used that lies outside the build, as it was: a layer is good as long as a fresh build would get the same. It is
 * read from what the phase left behind (apt's lists, the fetch log), so that elements need not tell it.
 */
import { createHash } from "node:crypto";
import { request as requestPlain } from "node:http";
import { request as requestTls } from "node:https";
import { stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { FetchedCommit, FetchedFile } from "../fetch/sources.js";
import type { Exec } from "../process/exec.js";
import type { TargetFiles } from "../workspace/target.js";

/** `apt`: the sha256 of a suite's InRelease file. `file`: what a server says of a file (ETag, time, size). `git`: the commit that a ref points to. */
export interface Fact {
  readonly kind: "apt" | "file" | "git";
  /** An address; for git with the ref behind a blank. */
  readonly what: string;
  /** `unknown` for what can't be asked about, which is never fresh. */
  readonly state: string;
}

const unknown = "unknown";

type Env = Readonly<Record<string, string>>;

export interface FactContext {
  readonly exec: Exec;
  readonly signal: AbortSignal;
  /** With the proxies of the build. */
  readonly env: Env;
}

/** Asks each thing once for a build, all at a time. */
export class Freshness {
  readonly #ctx: FactContext;
  readonly #asked = new Map<string, Promise<string>>();

  constructor(ctx: FactContext) {
    this.#ctx = ctx;
  }

  /** The facts that are no longer so, with what is so now; `unknown` for what can't be asked. */
  async changed(facts: readonly Fact[]): Promise<Fact[]> {
    const now = await Promise.all(facts.map((fact) => this.stateOf(fact)));
    return facts.flatMap((fact, at) =>
      now[at] === fact.state && fact.state !== unknown ? [] : [{ ...fact, state: now[at] ?? unknown }],
    );
  }

  stateOf({ kind, what }: Omit<Fact, "state">): Promise<string> {
    const key = `${kind} ${what}`;
    const asked = this.#asked.get(key) ?? this.#ask(kind, what).catch(() => unknown);
    this.#asked.set(key, asked);
    return asked;
  }

  async #ask(kind: Fact["kind"], what: string): Promise<string> {
    switch (kind) {
      case "apt": {
        const { status, body } = await fetchOver(what, "GET", this.#ctx);
        return status === 200 ? createHash("sha256").update(body).digest("hex") : unknown;
      }
      case "file":
        return what.startsWith("file:") ? stateOfLocal(what) : stateOfRemote(what, this.#ctx);
      case "git": {
        const [url = "", ref = ""] = what.split(" ");
        const { env, exec, signal } = this.#ctx;
        const { exitCode, stdout } = await exec("git", ["ls-remote", "--", url, ref, `${ref}^{}`], {
          env: { ...env, GIT_TERMINAL_PROMPT: "0" },
          signal,
        });
        return exitCode === 0 ? (commitOf(ref, stdout) ?? unknown) : unknown;
      }
    }
  }
}

/** Of what ls-remote lists, which matches the ends of names: the branch, else the commit of the tag. */
function commitOf(ref: string, listed: string): string | undefined {
  const commits = new Map(listed.split("\n").map((line) => line.split("\t").reverse() as [string, string]));
  const names = [ref, `refs/heads/${ref}`, `refs/tags/${ref}^{}`, `refs/tags/${ref}`];
  return names.map((name) => commits.get(name)).find((commit) => commit !== undefined);
}

async function stateOfLocal(url: string): Promise<string> {
  const { size, mtimeMs, ino } = await stat(fileURLToPath(url));
  return `${size} ${mtimeMs} ${ino}`;
}

async function stateOfRemote(url: string, ctx: FactContext): Promise<string> {
  const { status, headers } = await fetchOver(url, "HEAD", ctx);
  const said = ["etag", "last-modified", "content-length"].map((name) => headers[name] ?? "");
  const tells = said[0] !== "" || said[1] !== "";
  return status === 200 && tells ? said.join(" ") : unknown;
}

const timeoutMs = 10_000;
const maxRedirects = 5;

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Buffer;
}

/** Through http_proxy as curl and apt would. Follows redirects. */
async function fetchOver(url: string, method: "GET" | "HEAD", ctx: FactContext, left = maxRedirects): Promise<Answer> {
  const answer = await fetchOnce(url, method, ctx);
  const { location } = answer.headers;
  if (answer.status < 300 || answer.status > 399 || typeof location !== "string" || left === 0) return answer;
  return fetchOver(new URL(location, url).href, method, ctx, left - 1);
}

function fetchOnce(url: string, method: "GET" | "HEAD", { env, signal }: FactContext): Promise<Answer> {
  const target = new URL(url);
  const isTls = target.protocol === "https:";
  const proxy = isTls ? undefined : env.http_proxy || env.HTTP_PROXY;
  const isDirect =
    !proxy || (env.no_proxy ?? "").split(",").some((name) => name !== "" && target.hostname.endsWith(name));
  const through = isDirect ? {} : { path: url, headers: { host: target.host } };
  return new Promise((resolve, reject) => {
    const options = { method, signal, timeout: timeoutMs, ...through };
    const asked = (isTls ? requestTls : requestPlain)(isDirect ? target : proxy, options, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
      );
    });
    asked.on("timeout", () => asked.destroy(new Error("no answer")));
    asked.on("error", reject);
    asked.end();
  });
}

const lists = "/var/lib/apt/lists";

/**
 * The suites whose lists the tree has, by the address of their InRelease file, or of Release where it has no signature in it. A
 * list of neither can't be asked about: a source is gone, or was never signed.
 */
export async function aptFacts(target: TargetFiles): Promise<Fact[]> {
  const names = await target.list(lists);
  const releases = new Set(names.filter((name) => name.endsWith("_InRelease") || name.endsWith("_Release")));
  for (const name of releases)
    if (name.endsWith("_InRelease")) releases.delete(name.replace(/_InRelease$/, "_Release"));
  const facts: Fact[] = [];
  const known: string[] = [];
  const urls = releases.size === 0 ? [] : await aptReleaseUrls(target);
  for (const url of urls) {
    const name = listName(url);
    if (!releases.delete(name)) continue;
    known.push(name.replace(/_(In)?Release$/, "_"));
    const content = await target.read(`${lists}/${name}`);
    if (content !== undefined)
      facts.push({ kind: "apt", what: url, state: createHash("sha256").update(content).digest("hex") });
  }
  const packages = names.filter((name) => /_Packages(\.\w+)?$/.test(name));
  const unasked = [...releases, ...packages.filter((name) => !known.some((prefix) => name.startsWith(prefix)))];
  return [...facts, ...unasked.map((name): Fact => ({ kind: "apt", what: name, state: unknown }))];
}

/** apt writes an address as a file name: `/` becomes `_`, and what would be one is escaped (URItoFileName). */
const listName = (url: string): string =>
  url
    .replace(/^\w+:\/\/([^/@]*@)?/, "")
    .replace(/[\\|{}[\]<>"^~_=!@#$%&*]/g, (character) => `%${character.charCodeAt(0).toString(16)}`)
    .replaceAll("/", "_");

/** Of one-line sources and deb822 ones. */
async function aptReleaseUrls(target: TargetFiles): Promise<Set<string>> {
  const parts = (await target.list("/etc/apt/sources.list.d")).map((name) => `/etc/apt/sources.list.d/${name}`);
  const urls = new Set<string>();
  for (const file of ["/etc/apt/sources.list", ...parts]) {
    const text = (await target.read(file)) ?? "";
    for (const { uri, suite } of file.endsWith(".sources") ? readDeb822(text) : readOneLine(text)) {
      const base = uri.replace(/\/+$/, "");
      const folder = suite.endsWith("/") ? `${base}/${suite}` : `${base}/dists/${suite}/`;
      for (const name of ["InRelease", "Release"]) urls.add(`${folder}${name}`);
    }
  }
  return urls;
}

interface AptSource {
  readonly uri: string;
  readonly suite: string;
}

const readOneLine = (text: string): AptSource[] =>
  [...text.matchAll(/^[ \t]*deb(?:-src)?[ \t]+(?:\[[^\]]*\][ \t]+)?(https?:\S+)[ \t]+(\S+)/gm)].map(
    ([, uri = "", suite = ""]) => ({
      uri,
      suite,
    }),
  );

const readDeb822 = (text: string): AptSource[] =>
  text.split(/\n\s*\n/).flatMap((stanza) => {
    const field = (key: string) =>
      (new RegExp(`^${key}:[ \\t]*(.*)$`, "im").exec(stanza)?.[1] ?? "").split(/\s+/).filter(Boolean);
    return field("URIs").flatMap((uri) =>
      /^https?:/.test(uri) ? field("Suites").map((suite) => ({ uri, suite })) : [],
    );
  });

/** What was fetched, as it is now: right after the phase that fetched it. */
export async function fetchFacts(
  files: readonly FetchedFile[],
  commits: readonly FetchedCommit[],
  freshness: Freshness,
): Promise<Fact[]> {
  const remote = await Promise.all(
    files.map(async ({ url }) => ({
      kind: "file" as const,
      what: url,
      state: await freshness.stateOf({ kind: "file", what: url }),
    })),
  );
  // A ref that is a commit can't move.
  const moving = commits.filter(({ ref, commit }) => ref !== commit);
  const refs = moving.map(({ url, ref, commit }) => ({ kind: "git" as const, what: `${url} ${ref}`, state: commit }));
  return [...remote, ...refs];
}
