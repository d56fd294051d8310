import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  buildImage,
  loadConfig,
  type BuildConfig,
  type BuildEvent,
  type BuildReport,
  type LockMode,
} from "@dibjs/core";

const packages = fileURLToPath(new URL("../../packages", import.meta.url));

export interface BuildRequest {
  readonly elements: readonly string[];
  /** Beside PATH and HOME, which is empty. */
  readonly env?: Readonly<Record<string, string>>;
  /** Settings by their names in BuildConfig. */
  readonly flags?: Readonly<Record<string, unknown>>;
  /** Folders of elements beside our packages. */
  readonly elementPaths?: readonly string[];
  /** What dib.lock means to the build; the folder of the build is a project then. */
  readonly lock?: LockMode;
  /** Modules that tap hooks in the worker. */
  readonly plugins?: readonly string[];
}

/** A folder for builds: output, cache, scratch and an empty HOME. It goes at the end of the block. */
export class BuildFolder implements AsyncDisposable {
  readonly path: string;
  readonly image: string;
  readonly home: string;
  readonly events: BuildEvent[] = [];

  constructor(path: string) {
    this.path = path;
    this.image = join(path, "out/image");
    this.home = join(path, "home");
  }

  static async open(): Promise<BuildFolder> {
    const folder = new BuildFolder(await mkdtemp("/var/tmp/dibjs-build-"));
    for (const name of ["out", "tmp", "home"]) await mkdir(join(folder.path, name));
    return folder;
  }

  /** Builds to `image`; events are added to `events`. */
  async build(request: BuildRequest): Promise<BuildReport> {
    const onEvent = (event: BuildEvent) => void this.events.push(event);
    return buildImage(await this.#config(request), { onEvent, lock: request.lock });
  }

  async #config({
    elements,
    env = {},
    flags = {},
    elementPaths = [],
    plugins = [],
    lock,
  }: BuildRequest): Promise<BuildConfig> {
    const bundled = (await readdir(packages))
      .filter((name) => name.startsWith("element-"))
      .map((name) => join(packages, name));
    const { images } = await loadConfig({
      cwd: this.path,
      elements,
      elementPaths,
      bundled,
      flags: {
        output: this.image,
        cacheDir: join(this.path, "cache"),
        tmpDir: join(this.path, "tmp"),
        ...flags,
      },
      env: { PATH: process.env["PATH"] ?? "", HOME: this.home, ...env },
    });
    const [config] = images;
    if (config === undefined) throw new Error("no image");
    return { ...config, plugins, isProject: lock !== undefined };
  }

  /** What a script or step of that name has written. */
  outputOf(script: string): string[] {
    return this.events.flatMap((event) => (event.type === "output" && event.script === script ? [event.text] : []));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return rm(this.path, { recursive: true, force: true });
  }
}
