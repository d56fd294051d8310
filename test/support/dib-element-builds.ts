import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { BuildReport } from "@dibjs/core";
import { startAptProxy } from "./apt-proxy.js";
import { runDib, type DibResult } from "./dib.js";
import { releasedElements } from "./released-dib.js";

/** A folder of builds with DIB's own elements, which go before ours by name. It goes at the end of the block. */
export class DibElementBuilds implements AsyncDisposable {
  readonly path: string;
  readonly #env: Readonly<Record<string, string>>;

  private constructor(path: string, env: Readonly<Record<string, string>>) {
    this.path = path;
    this.#env = env;
  }

  static async open(): Promise<DibElementBuilds> {
    const env = await dibElementsEnvironment();
    const path = await mkdtemp("/var/tmp/dibjs-elements-"); // no space: DIB's scripts split at it
    await mkdir(join(path, "tmp"));
    return new DibElementBuilds(path, { ...env, TMPDIR: join(path, "tmp"), DIB_IMAGE_CACHE: join(path, "cache") });
  }

  /** `dib build`; throws with the end of its log when it fails. */
  async build(
    elements: readonly string[],
    format: string,
    env: Readonly<Record<string, string>> = {},
  ): Promise<BuildReport> {
    const args = ["build", ...elements, "-o", "image", "-t", format, "--logfile", "build.log", "--progress", "plain"];
    const { exitCode, stderr } = await runDib(args, { cwd: this.path, env: { ...this.#env, ...env } });
    if (exitCode !== 0) throw new Error(`dib ${args.join(" ")} ended with ${exitCode}\n${stderr.slice(-6000)}`);
    return JSON.parse(await readFile(join(this.path, "image.report.json"), "utf8")) as BuildReport;
  }

  /** `dib boot` of the qcow2, with what to expect and to send. */
  boot(...talk: readonly string[]): Promise<DibResult> {
    return runDib(["boot", "image.qcow2", ...talk, "--timeout", "600"], { cwd: this.path });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return rm(this.path, { recursive: true, force: true });
  }
}

/** Lines for apt. */
export async function debianSources(): Promise<readonly [string, string, string]> {
  const { mirror, securityMirror, codename } = await startAptProxy();
  return [
    `deb ${mirror} ${codename} main`,
    `deb ${mirror} ${codename}-updates main`,
    `deb ${securityMirror} ${codename}-security main`,
  ];
}

/**
 * Where DIB's Debian elements find packages. They would add backports, and for security a suite of the old name, which
 * not every mirror has: the sources are given.
 */
export async function dibElementsEnvironment(): Promise<Record<string, string>> {
  const { mirror, securityMirror, codename } = await startAptProxy();
  const [main, updates, security] = await debianSources();
  return {
    ELEMENTS_PATH: await releasedElements(),
    DIB_DISTRIBUTION_MIRROR: mirror,
    DIB_DEBIAN_SECURITY_MIRROR: securityMirror,
    DIB_RELEASE: codename,
    DIB_APT_SOURCES_CONF: [`default:${main}`, `updates:${updates}`, `security:${security}`].join("\n"),
  };
}
