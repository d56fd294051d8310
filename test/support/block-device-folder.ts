import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readParameters, type BlockDeviceParameters, type BlockDeviceServices } from "@dibjs/core";
import { createExec, type Exec } from "@dibjs/core/process/exec.js";
import type { BuildEvent } from "@dibjs/core/report/events.js";
import { scratchFolder } from "./toy-disk.js";

/** A build's folder as `dib block-device` is given one: the config, the parameters, and where the image is made. */
export class BlockDeviceFolder implements Disposable {
  readonly #scratch = scratchFolder();
  readonly path = this.#scratch.path;
  readonly stateDir = join(this.path, "build/states/block-device");
  readonly paramsFile = join(this.path, "params.yaml");
  readonly events: BuildEvent[] = [];

  /** `more`: parameters to add, or with undefined to leave out. */
  constructor(config: string, more: Readonly<Record<string, unknown>> = {}) {
    this.#scratch.make("images");
    writeFileSync(join(this.path, "config.yaml"), config);
    const parameters = {
      config: "config.yaml",
      "image-dir": "images",
      "root-fs-type": "ext4",
      "root-label": null,
      "mount-base": "build/mnt",
      "build-dir": "build",
      "image-size": "65536KiB",
      ...more,
    };
    writeFileSync(this.paramsFile, JSON.stringify(parameters));
  }

  read = (): Promise<BlockDeviceParameters> => readParameters(this.paramsFile);

  services = (exec: Exec = createExec()): BlockDeviceServices => ({
    exec,
    emit: (event) => void this.events.push(event),
    signal: new AbortController().signal,
  });

  json = (name: string): unknown => JSON.parse(readFileSync(join(this.stateDir, name), "utf8")) as unknown;

  /** Loop devices and mounts that the folder still has. */
  held(): string[] {
    const loops = execFileSync("losetup", ["-n", "-O", "BACK-FILE"], { encoding: "utf8" });
    return [...loops.split("\n"), ...readFileSync("/proc/self/mounts", "utf8").split("\n")].filter((line) =>
      line.includes(this.path),
    );
  }

  [Symbol.dispose](): void {
    this.#scratch.remove();
  }
}
