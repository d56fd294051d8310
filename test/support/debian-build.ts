import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { BuildEvent } from "@dibjs/core";
import { startAptProxy } from "./apt-proxy.js";
import { runDib, eventsOf } from "./dib.js";
import { e2eFolder } from "./e2e-folder.js";

export interface DebianBuild {
  readonly folder: string;
  readonly events: readonly BuildEvent[];
}

export const password = "correct horse battery";

/** Where packages come from in a test, and a user that can log in over the serial line. */
export async function debianEnvironment(): Promise<Record<string, string>> {
  const { mirror, securityMirror, codename } = await startAptProxy();
  return {
    DIB_DISTRIBUTION_MIRROR: mirror,
    DIB_DEBIAN_SECURITY_MIRROR: securityMirror,
    DIB_RELEASE: codename,
    DIB_DEV_USER_PASSWORD: password,
    DIB_DEV_USER_PWDLESS_SUDO: "yes",
    DIB_IMAGE_CACHE: join(e2eFolder, "cache"),
  };
}

/** `dib build debian vm` in all five formats, with break points around root; made once a test run. */
export async function debianBuild(): Promise<DebianBuild> {
  const folder = join(e2eFolder, "debian");
  const stream = join(folder, "events.ndjson");
  if (!existsSync(stream)) {
    await mkdir(folder, { recursive: true });
    const env = { ...(await debianEnvironment()), break: "before-root,after-root", break_cmd: "true" };
    const args = [
      "build",
      "debian",
      "vm",
      "devuser",
      "-o",
      "debian",
      "-t",
      "qcow2,raw,tar,tgz,squashfs",
      "--checksum",
      "--json",
      "--logfile",
      "build.log",
    ];
    const result = await runDib(args, { cwd: folder, env });
    if (result.exitCode !== 0)
      throw new Error(
        `dib build ended with ${result.exitCode}\n${result.stderr.slice(-4000)}\n${result.stdout.slice(-2000)}`,
      );
    await writeFile(
      stream,
      eventsOf(result)
        .map((event) => `${JSON.stringify(event)}\n`)
        .join(""),
    );
  }
  const events = (await readFile(stream, "utf8"))
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as BuildEvent);
  return { folder, events };
}
