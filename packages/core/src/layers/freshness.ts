/**
 * What a phase used that lies outside the build, as it was: a layer is good as long as a fresh build would get the same. It is
 * read from what the phase left behind (apt's lists, the fetch log), so that elements need not tell it.
 */
import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Dispatcher } from "undici";
import { openDispatcher } from "../fetch/dispatcher.js";
import type { FetchedCommit, FetchedFile } from "../fetch/sources.js";
import type { Exec } from "../process/exec.js";

/** `apt`: the sha256 of a suite's InRelease file. `file`: what a server says of a file (ETag, time, size). `git`: the commit that a ref points to. */
export interface Fact {
  readonly kind: "apt" | "file" | "git";
  /** An address; for git with the ref behind a blank. */
  readonly what: string;
  /** `unknown` for what can't be asked about, which is never fresh. */
  readonly state: string;
}

export const unknown = "unknown";

type Env = Readonly<Record<string, string>>;

export interface FactContext {
  readonly exec: Exec;
  readonly signal: AbortSignal;
  /** With the proxies of the build. */
  readonly env: Env;
}

/** So long a server is waited for. */
const timeoutMs = 10_000;

/** Asks each thing once for a build, all at a time. */
export class Freshness implements AsyncDisposable {
  readonly #ctx: FactContext;
  readonly #asked = new Map<string, Promise<string>>();
  #dispatcher: Promise<Dispatcher> | undefined;

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
        const { statusCode, body } = await this.#request(what, "GET");
        const content = Buffer.from(await body.arrayBuffer());
        return statusCode === 200 ? createHash("sha256").update(content).digest("hex") : unknown;
      }
      case "file":
        return what.startsWith("file:") ? stateOfLocal(what) : stateOfRemote(await this.#request(what, "HEAD"));
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

  async #request(url: string, method: "GET" | "HEAD"): Promise<Dispatcher.ResponseData> {
    const { request } = await import("undici");
    const dispatcher = await (this.#dispatcher ??= openDispatcher(this.#ctx.env));
    const timeouts = { headersTimeout: timeoutMs, bodyTimeout: timeoutMs };
    return request(url, { dispatcher, method, signal: this.#ctx.signal, ...timeouts });
  }

  /** Connections that are kept would keep the process, too. */
  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.#dispatcher)?.close();
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

async function stateOfRemote({ statusCode, headers, body }: Dispatcher.ResponseData): Promise<string> {
  await body.dump();
  const said = ["etag", "last-modified", "content-length"].map((name) => String(headers[name] ?? ""));
  const tells = said[0] !== "" || said[1] !== "";
  return statusCode === 200 && tells ? said.join(" ") : unknown;
}

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
