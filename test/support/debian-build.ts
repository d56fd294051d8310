import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { BuildEvent } from "@dibjs/core";
import { startAptProxy } from "./apt-proxy.js";
import { runDib, eventsOf } from "./dib.js";
import { e2eFolder } from "./e2e-folder.js";
import { witnessElement } from "./witness-element.js";

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

export const formats = ["qcow2", "raw", "tar", "tgz", "squashfs"];

/** `dib build debian vm` in all five formats; returns its events. */
export async function buildDebian(
  folder: string,
  elements: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<readonly BuildEvent[]> {
  await mkdir(folder, { recursive: true });
  const options = ["-o", "debian", "-t", formats.join(), "--checksum", "--json", "--logfile", "build.log"];
  const built = await runDib(["build", "debian", "vm", "devuser", ...elements, ...options], {
    cwd: folder,
    env: { ...(await debianEnvironment()), ...env },
  });
  if (built.exitCode !== 0)
    throw new Error(
      `dib build ended with ${built.exitCode}\n${built.stderr.slice(-4000)}\n${built.stdout.slice(-2000)}`,
    );
  return eventsOf(built);
}

/** Boots it, logs in over the serial line, and expects that no unit has failed. */
export const bootDebian = (folder: string, ...options: readonly string[]) => {
  const talk = [
    ...["--expect", "login:", "--send", "devuser", "--expect", "Password:", "--send", password],
    ...["--expect", "$ ", "--send", "systemctl --failed --no-legend --plain | wc -l | sed 's/^/failed=/'"],
    ...["--expect", "failed=0"],
  ];
  return runDib(["boot", "debian.qcow2", ...options, ...talk, "--timeout", "480"], { cwd: folder });
};

/** A build of `debian vm` with break points around root, and an element that watches; made once a test run. */
export async function debianBuild(): Promise<DebianBuild> {
  const folder = join(e2eFolder, "debian");
  const stream = join(folder, "events.json");
  if (!existsSync(stream)) {
    witnessElement().writeTo(join(folder, "elements"));
    const events = await buildDebian(folder, ["witness"], {
      ELEMENTS_PATH: join(folder, "elements"),
      break: "before-root,after-root",
      break_cmd: "true",
    });
    await writeFile(stream, JSON.stringify(events));
  }
  return { folder, events: JSON.parse(await readFile(stream, "utf8")) as readonly BuildEvent[] };
}
