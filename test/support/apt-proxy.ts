/**
 * One caching apt proxy (apt-cacher-ng on loopback) for all test runs of this machine. It is known by its command line,
 * which names our configuration folder. Each test run signs in; the last one to sign out stops it.
 */
import { spawn } from "node:child_process";
import { closeSync, existsSync, openSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createExec } from "@dibjs/core/process/exec.js";
import { findDebianMirrors } from "./apt-sources.js";
import { cacheFolder } from "./cache-folder.js";
import { lockFile } from "./file-lock.js";

/** Loopback addresses that stand for the host's Debian mirrors. */
export interface AptProxy {
  readonly codename: string;
  readonly mirror: string;
  readonly securityMirror: string;
}

const folder = join(cacheFolder, "apt-cacher-ng");
const confFolder = join(folder, "conf");
const confFile = join(confFolder, "acng.conf");
const usersFolder = join(folder, "users");
const program = ["/usr/sbin/apt-cacher-ng", "/usr/bin/apt-cacher-ng"].find(existsSync);

/** Starts the proxy unless it runs. Throws when apt-cacher-ng is not installed or the host has no Debian mirror. */
export async function startAptProxy(): Promise<AptProxy> {
  await using _lock = await lockFile(join(folder, "start.lock"));
  const { codename, main, security } = findDebianMirrors();
  const port = findProxy()?.port ?? (await launch({ debian: main, "debian-security": security }));
  const url = `http://127.0.0.1:${port}`;
  return { codename, mirror: `${url}/debian`, securityMirror: `${url}/debian-security` };
}

/** A process that will use the proxy, by its id. The proxy outlives any other. */
export async function signIn(pid: number): Promise<void> {
  await mkdir(usersFolder, { recursive: true });
  await writeFile(join(usersFolder, String(pid)), "");
}

/** Ends the proxy when nobody is left who uses it. */
export async function signOut(pid: number): Promise<void> {
  await using _lock = await lockFile(join(folder, "start.lock"));
  await rm(join(usersFolder, String(pid)), { force: true });
  const users = existsSync(usersFolder) ? readdirSync(usersFolder) : [];
  const running = findProxy();
  if (users.some((user) => existsSync(`/proc/${user}`)) || running === undefined) return;
  process.kill(running.pid, "SIGTERM");
  for (let tries = 0; tries < 50 && findProxy() !== undefined; tries++) await sleep(100);
}

function findProxy(): { pid: number; port: number } | undefined {
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    const words = commandLine(pid);
    if (!words[0]?.endsWith("apt-cacher-ng") || !words.includes(confFolder)) continue;
    return { pid: Number(pid), port: Number(/^Port: (\d+)$/m.exec(readFileSync(confFile, "utf8"))?.[1]) };
  }
  return undefined;
}

function commandLine(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  } catch {
    return []; // it has ended in the meantime
  }
}

async function launch(remaps: Readonly<Record<string, string>>): Promise<number> {
  if (program === undefined) throw new Error("apt-cacher-ng is not installed: bash scripts/setup --tests");
  await mkdir(confFolder, { recursive: true });
  const upstream = await hostProxy();
  const port = await freePort();
  const settings = [
    `CacheDir: ${join(folder, "cache")}`,
    `LogDir: ${join(folder, "log")}`,
    "SupportDir: /usr/lib/apt-cacher-ng",
    "BindAddress: 127.0.0.1",
    `Port: ${port}`,
    `FreshIndexMaxAge: ${24 * 60 * 60}`,
    ...(upstream === undefined ? [] : [`Proxy: ${upstream}`]),
    ...Object.entries(remaps).map(([name, url]) => `Remap-${name}: /${name} ; ${url}/`),
  ];
  await writeFile(confFile, `${settings.join("\n")}\n`);
  await forgetIndexes();
  const log = openSync(join(folder, "output.log"), "a");
  const child = spawn(program, ["-c", confFolder, "ForeGround=1"], { detached: true, stdio: ["ignore", log, log] });
  closeSync(log);
  child.unref();
  for (let tries = 0; tries < 100; tries++) {
    if (child.exitCode !== null) break;
    if (await answers(`http://127.0.0.1:${port}/acng-report.html`)) return port;
    await sleep(100);
  }
  child.kill();
  throw new Error(`apt-cacher-ng did not come up on port ${port}: see ${join(folder, "output.log")}`);
}

/**
 * Asked twice within a second, apt-cacher-ng fails to replace what can change, and apt may then wait for ever: within a run
 * nothing is replaced, and each run begins without. (To pass them through, it sends two Host headers, which a mirror may refuse.)
 */
async function forgetIndexes(): Promise<void> {
  const cache = join(folder, "cache");
  const names = existsSync(cache) ? readdirSync(cache, { recursive: true, encoding: "utf8" }) : [];
  const indexes = names.filter((name) => /\/dists\/.*\/(InRelease|Release|Release\.gpg)(\.head)?$/.test(name));
  for (const name of indexes) await rm(join(cache, name));
}

const answers = (url: string) =>
  fetch(url, { signal: AbortSignal.timeout(2000) }).then(
    () => true,
    () => false,
  );

async function hostProxy(): Promise<string | undefined> {
  const { stdout } = await createExec()("apt-config", ["dump", "--format=%v%n", "Acquire::http::Proxy"]);
  return stdout
    .trim()
    .split("\n")
    .find((line) => line.startsWith("http"));
}

/** apt-cacher-ng keeps the port in a signed 16-bit number: above 32767 it does not bind. */
async function freePort(): Promise<number> {
  for (let port = 13142; port < 13242; port++) if (await isFree(port)) return port;
  throw new Error("no free port for apt-cacher-ng between 13142 and 13241");
}

const isFree = (port: number) =>
  new Promise<boolean>((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
