/** Stands before a test registry and spoils answers. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Registry } from "./registry.js";

export interface RegistryFault {
  readonly status?: number;
  /** Nothing is ever answered. */
  readonly hangs?: boolean;
  /** The answer is given with 200, even if the registry has none. */
  readonly ok?: boolean;
  /** Changes a body, after it came from the registry. */
  readonly change?: (body: Buffer) => Buffer | string;
}

export interface FaultyRegistry extends AsyncDisposable {
  readonly url: string;
  readonly env: Registry["env"];
  /** Resolves with the first request whose answer hangs. */
  readonly hung: Promise<string>;
  /** From then on nobody answers at `url`. */
  close(): void;
}

/** `fault` is asked for every path, for example `/dib-element-motd` or `/dib-element-motd/-/dib-element-motd-1.0.0.tgz`. */
export async function spoil(
  registry: Registry,
  fault: (path: string) => RegistryFault | undefined,
): Promise<FaultyRegistry> {
  let tellHung: (path: string) => void = () => {};
  const hung = new Promise<string>((resolve) => (tellHung = resolve));
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? "/");
    const { hangs, ...spoilt } = fault(path) ?? {};
    if (hangs === true) return tellHung(path);
    void answer({ path: request.url ?? "/", from: registry.url, to: url }, request.headers, response, spoilt);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const home = await mkdtemp(join(tmpdir(), "dib-registry-"));
  const settings = await readFile(join(registry.env.HOME, ".npmrc"), "utf8");
  const host = (address: string) => new URL(address).host;
  await writeFile(
    join(home, ".npmrc"),
    settings.replaceAll(host(registry.url), host(url)).replace(/^cache=.*$/m, `cache=${join(home, "npm-cache")}`),
  );
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  return {
    url,
    env: { ...registry.env, HOME: home, YARN_CACHE_FOLDER: join(home, "yarn-cache") },
    hung,
    close,
    async [Symbol.asyncDispose]() {
      close();
      await rm(home, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

interface Forwarded {
  readonly path: string;
  readonly from: string;
  readonly to: string;
}

async function answer(
  { path, from, to }: Forwarded,
  { accept, authorization }: IncomingHttpHeaders,
  response: ServerResponse,
  { status, change, ok }: Omit<RegistryFault, "hangs">,
): Promise<void> {
  if (status !== undefined) {
    response.writeHead(status).end("{}");
    return;
  }
  const answered = await fetch(new URL(path, from), {
    headers: { ...(accept === undefined ? {} : { accept }), ...(authorization === undefined ? {} : { authorization }) },
  });
  const type = answered.headers.get("content-type") ?? "text/plain";
  const whole = Buffer.from(await answered.arrayBuffer());
  // Tarballs are asked for where the metadata say.
  const body = type.includes("json") ? Buffer.from(whole.toString().replaceAll(from, to)) : whole;
  response.writeHead(ok === true ? 200 : answered.status, { "content-type": type });
  response.end(change === undefined ? body : change(body));
}
