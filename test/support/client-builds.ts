/** Builds by the command lines of those who call diskimage-builder, and what they read of the result. Root only. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { expect } from "vitest";
import { layBaseTarball } from "./base-tarball.js";
import { tableIn } from "./block-device-image.js";
import type { ElementFixture } from "./build-fixture.js";
import { dibElementsEnvironment } from "./dib-element-builds.js";
import type { DibResult } from "./dib.js";
import { runDropIn } from "./drop-in.js";
import { readHostState } from "./host-guard.js";

type Env = Readonly<Record<string, string>>;

/** A folder of one client: its own elements, its images, and the caches. */
export class ClientBuilds implements Disposable {
  readonly path = mkdtempSync("/var/tmp/dibjs-client-"); // no space: DIB's scripts split at it

  constructor() {
    for (const name of ["elements", "images", "logs", "tmp", "cache"]) mkdirSync(this.at(name));
  }

  readonly at = (name: string): string => join(this.path, name);

  /** Elements that are the client's own. */
  own(...elements: readonly ElementFixture[]): void {
    for (const element of elements) element.writeTo(this.at("elements"));
  }

  /** Later builds begin with a Debian that is made already; its kernel lacks modules, so that none of them boots. */
  async beginWithBase(): Promise<void> {
    await layBaseTarball(this.at("cache"));
  }

  /** Runs a command that DIB has, DIB's own elements right after the client's; the host must be as it was. */
  async run(command: string, args: readonly string[], env: Env = {}): Promise<DibResult> {
    const { ELEMENTS_PATH: dibs = "", ...found } = await dibElementsEnvironment();
    const before = await readHostState(this.path);
    const result = await runDropIn(command, args, {
      cwd: this.path,
      env: {
        ...{ ...found, USER: "root", TMPDIR: this.at("tmp"), DIB_IMAGE_CACHE: this.at("cache") },
        ...{ ELEMENTS_PATH: `${this.at("elements")}:${dibs}`, DIB_DEBIAN_USE_DEBOOTSTRAP_CACHE: "1", ...env },
      },
    });
    expect(await readHostState(this.path)).toEqual(before);
    expect(readdirSync(this.at("tmp"))).toEqual([]);
    return result;
  }

  /** The same, of a build that must succeed; gives all that it said. */
  async build(command: string, args: readonly string[], env: Env = {}): Promise<string> {
    const { exitCode, stdout, stderr } = await this.run(command, args, env);
    expect(exitCode, (stdout + stderr).slice(-6000)).toBe(0);
    return stdout + stderr;
  }

  /** Names in the folder of images. */
  images(): string[] {
    return readdirSync(this.at("images")).sort();
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** The files of sums beside an image, as nodepool reads them: the first 32 and 64 characters. */
export const sumsBeside = (file: string) => ({
  md5: readFileSync(`${file}.md5`, "utf8").slice(0, 32),
  sha256: readFileSync(`${file}.sha256`, "utf8").slice(0, 64),
});

/** By programs: a disk is larger than what Node reads at once. */
export function sumsOf(file: string): ReturnType<typeof sumsBeside> {
  const sum = (program: string) => execFileSync(program, [file], { encoding: "utf8" }).split(" ")[0] ?? "";
  return { md5: sum("md5sum"), sha256: sum("sha256sum") };
}

interface ImageInfo {
  readonly format: string;
  readonly "virtual-size": number;
  readonly "format-specific"?: { readonly data: { readonly compat: string } };
}

export const infoOf = (file: string) =>
  JSON.parse(execFileSync("qemu-img", ["info", "--output=json", file], { encoding: "utf8" })) as ImageInfo;

const offsetOf = (raw: string, partition: number): number => (tableIn(raw).partitions.at(partition)?.start ?? 0) * 512;

/** Text of a file in a file system of the disk, its last one if not said. */
export const textIn = (raw: string, path: string, partition = -1): string =>
  execFileSync("debugfs", ["-R", `cat ${path}`, `${raw}?offset=${offsetOf(raw, partition)}`], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });

export const labelOf = (raw: string, partition = -1): string =>
  execFileSync("blkid", ["-p", "-O", String(offsetOf(raw, partition)), "-s", "LABEL", "-o", "value", raw], {
    encoding: "utf8",
  }).trim();

/** Names of packages in the manifest beside an image. */
export function packagesBeside(image: string): readonly string[] {
  const manifest = join(`${image}.d/dib-manifests`, `dib-manifest-dpkg-${basename(image)}`);
  const { packages } = JSON.parse(readFileSync(manifest, "utf8")) as { packages: readonly { package: string }[] };
  return packages.map((one) => one.package);
}
