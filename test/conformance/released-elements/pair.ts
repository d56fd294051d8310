/** One element with debian-minimal, built by the released diskimage-builder and by our command of the same name. */
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { defaultEnv } from "@dibjs/core/process/exec.js";
import type { ElementRequest } from "../../../scripts/docs/released-elements.mjs";
import { Built } from "../../support/both-builds.js";
import { dibElementsEnvironment } from "../../support/dib-element-builds.js";
import { runDropIn } from "../../support/drop-in.js";
import { releasedDib, runReleased } from "../../support/released-dib.js";
import { layBaseTarball } from "../../support/base-tarball.js";

export interface Timed {
  readonly built: Built;
  readonly seconds: number;
}

export interface Pair extends Disposable {
  /** The folder of both. */
  readonly folder: string;
  readonly dib: Timed;
  readonly ours: Timed;
}

export async function buildPair(element: string, request: ElementRequest): Promise<Pair> {
  const folder = mkdtempSync("/var/tmp/dib-test-");
  const drop = () => rmSync(folder, { recursive: true, force: true });
  try {
    const dib = await build("dib", folder, element, request);
    const ours = await build("ours", folder, element, request);
    return { folder, dib, ours, [Symbol.dispose]: drop };
  } catch (error) {
    drop();
    throw error;
  }
}

/** Both build in a folder of one name, which gets its own afterwards: it is in what they leave in the image. */
async function build(by: "dib" | "ours", parent: string, element: string, request: ElementRequest): Promise<Timed> {
  const place = await openPlace(join(parent, "build"), request);
  const asked = [...new Set(["debian-minimal", ...request.with, element])];
  const args = ["-n", "-a", "amd64", "-o", join(place.folder, "out/image"), "-t", "tar", ...request.options, ...asked];
  const started = Date.now();
  const { exitCode, stdout, stderr } =
    by === "ours"
      ? await runDropIn("disk-image-create", args, { cwd: place.folder, env: place.env })
      : await runReleased([join((await releasedDib()).bin, "disk-image-create"), ...args], {
          cwd: place.folder,
          env: { ...place.env, PYTHONHASHSEED: "0" },
        });
  const seconds = Math.round((Date.now() - started) / 1000);
  rmSync(join(place.folder, "cache"), { recursive: true, force: true });
  renameSync(place.folder, join(parent, by));
  return { built: new Built(join(parent, by), exitCode ?? null, stdout + stderr), seconds };
}

async function openPlace(folder: string, { env, files }: ElementRequest) {
  for (const name of ["out", "tmp", "home", "cache"]) mkdirSync(join(folder, name), { recursive: true });
  const home = join(folder, "home");
  const found = await dibElementsEnvironment();
  const filledIn = (text: string) =>
    text.replaceAll("{folder}", home).replaceAll("{mirror}", found["DIB_DISTRIBUTION_MIRROR"] ?? "");
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(home, path)), { recursive: true });
    writeFileSync(join(home, path), filledIn(text));
  }
  await layBaseTarball(join(folder, "cache"));
  return {
    folder,
    env: {
      HOME: home,
      USER: "root",
      ...defaultEnv,
      ...found,
      TMP_DIR: join(folder, "tmp"),
      DIB_IMAGE_CACHE: join(folder, "cache"),
      DIB_DEBIAN_USE_DEBOOTSTRAP_CACHE: "1",
      DIB_NO_TIMESTAMP: "1",
      ...Object.fromEntries(Object.entries(env).map(([name, value]) => [name, filledIn(value)])),
    },
  };
}
