/**
 * A real npm registry on loopback: verdaccio, empty at first, gone with everything in it at the end.
 *
 *   await using registry = await startRegistry();
 *   await registry.publish(folder);                                   // with npm; or "pnpm"
 *   await registry.run("npm", ["install", "dib-element-motd"], project);
 *   await runDib(["add", "motd"], { cwd: project, env: registry.env });
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { clientPath, type Client } from "./package-managers.js";

export interface Registry extends AsyncDisposable {
  /** With a slash at the end, as npm prints it. */
  readonly url: string;
  /**
   * For npm, pnpm, yarn and dib: a PATH that has them, a HOME whose .npmrc names this registry and a user of it, the folder
   * of pnpm's store, which must stay the same for a project, and of yarn's cache, which root would share with everybody.
   */
  readonly env: Readonly<Record<"PATH" | "HOME" | "XDG_DATA_HOME" | "YARN_CACHE_FOLDER", string>>;
  /** Runs a client in a folder to its end and gives what it printed; throws with it when the client fails. */
  run(client: Client, args: readonly string[], cwd: string): Promise<string>;
  /** Publishes the package in a folder. */
  publish(folder: string, client?: Client): Promise<void>;
  /** From then on nobody answers at `url`. */
  stop(): Promise<void>;
}

export interface RegistryRequest {
  /** Asks the registry that npm is configured with for packages that were not published here. @default false: such a package does not exist */
  readonly upstream?: boolean;
}

/** Never asked of the upstream, whatever it has: elements, and what is ours. */
const own = ["@dibjs/*", "@acme/*", "@*/dib-element-*", "dib-element-*"];

const server = fileURLToPath(new URL("registry-server.mjs", import.meta.url));

export async function startRegistry({ upstream = false }: RegistryRequest = {}): Promise<Registry> {
  const folder = await mkdtemp(join(tmpdir(), "dib-registry-"));
  const home = join(folder, "home");
  await mkdir(home);
  const config = join(folder, "config.json");
  await writeFile(config, JSON.stringify(await configFor(folder, upstream)));
  const child = spawn(process.execPath, [server, config], { stdio: ["pipe", "pipe", "inherit"] });
  const url = `http://127.0.0.1:${await portOf(child)}/`;
  await writeFile(join(home, ".npmrc"), await settingsFor(url, home));
  const env = {
    PATH: clientPath,
    HOME: home,
    XDG_DATA_HOME: join(home, "data"),
    YARN_CACHE_FOLDER: join(home, "yarn-cache"),
  };
  const run = async (client: Client, args: readonly string[], cwd: string): Promise<string> => {
    const { stdout } = await execa(client, args, { cwd, env, extendEnv: false, stdin: "ignore" });
    return stdout;
  };
  const stop = async () => {
    if (child.exitCode !== null) return;
    child.stdin?.end();
    await once(child, "exit");
  };
  return {
    url,
    env,
    run,
    async publish(from, client = "npm") {
      // pnpm looks for a clean branch of git before it publishes.
      await run(client, ["publish", "--access", "public", ...(client === "pnpm" ? ["--no-git-checks"] : [])], from);
    },
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
      await rm(folder, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

async function configFor(folder: string, upstream: boolean): Promise<object> {
  const rights = { access: "$all", publish: "$authenticated", unpublish: "$authenticated" };
  const uplinks = upstream ? { upstream: { url: await upstreamUrl() } } : {};
  return {
    self_path: join(folder, "config.json"),
    storage: join(folder, "storage"),
    auth: { htpasswd: { file: join(folder, "htpasswd"), algorithm: "crypt" } },
    uplinks,
    packages: {
      ...Object.fromEntries(own.map((pattern) => [pattern, rights])),
      "**": { ...rights, ...(upstream ? { proxy: "upstream" } : {}) },
    },
    log: { type: "stdout", format: "json", level: "fatal" },
    web: { enable: false },
    max_body_size: "100mb",
  };
}

/** Whatever this machine's npm is told to use. */
async function upstreamUrl(): Promise<string> {
  const { stdout } = await execa("npm", ["config", "get", "registry"], { cwd: tmpdir() });
  return stdout.trim();
}

async function portOf({ stdout }: ChildProcess): Promise<number> {
  if (stdout === null) throw new Error("the registry has no standard output");
  const lines = createInterface(stdout);
  const [line] = (await Promise.race([once(lines, "line"), once(lines, "close")])) as [string | undefined];
  const port = /^port (\d+)$/.exec(line ?? "")?.[1];
  if (port === undefined) throw new Error(`the registry did not start: ${line}`);
  return Number(port);
}

/** Makes a user by the registry's API. Clients keep their caches below HOME and look for nothing else on the network. */
async function settingsFor(url: string, home: string): Promise<string> {
  const user = { name: "tester", password: "tester-tester", email: "tester@example.com" };
  const response = await fetch(`${url}-/user/org.couchdb.user:${user.name}`, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(user),
  });
  const { token } = (await response.json()) as { token: string };
  return [
    `registry=${url}`,
    `${url.replace(/^http:/, "")}:_authToken=${token}`,
    `cache=${join(home, "npm-cache")}`,
    "audit=false",
    "fund=false",
    "update-notifier=false",
    "",
  ].join("\n");
}
