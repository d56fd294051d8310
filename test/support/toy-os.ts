import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import {
  buildImage,
  loadConfig,
  type BuildConfig,
  type BuildEvent,
  type BuildOptions,
  type BuildReport,
} from "@dibjs/core";
import { copyPrograms } from "./host-programs.js";

/** A root of a few megabytes made of the host's own programs: an operating system that builds in two seconds. */
const programs = "bash sh cat ls env id sleep ps mount stat mkdir rm head tr ln setsid";

const rootScript = (): string => `#!/usr/bin/env bash
set -euo pipefail
mkdir -p "$TARGET_ROOT"/{bin,usr/bin,usr/local/bin,etc,tmp,proc,sys,dev,root,run,var/log,var/lib}
${copyPrograms(programs)}
ln -s ../../bin/env "$TARGET_ROOT/usr/bin/env"
printf 'ID=toy\\n' > "$TARGET_ROOT/etc/os-release"
printf 'nameserver 192.0.2.1\\n' > "$TARGET_ROOT/etc/resolv.conf"
`;

/** A temporary project with an elements folder; `write` makes files, `0755` when they start with `#!`. */
export class Project implements Disposable {
  readonly dir = mkdtempSync("/var/tmp/dibjs test-"); // with a space: paths are never split
  readonly elements = join(this.dir, "elements");
  readonly out = join(this.dir, "out");

  constructor() {
    mkdirSync(this.out);
    this.write("elements/toy-os/element-provides", "operating-system\n");
    this.write("elements/toy-os/root.d/10-toy-os", rootScript());
  }

  write(path: string, content: string): string {
    const file = join(this.dir, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    chmodSync(file, content.startsWith("#!") ? 0o755 : 0o644);
    return file;
  }

  /** A script of the element `subject`. */
  script(path: string, body: string): void {
    this.write(`elements/subject/${path}`, `#!/bin/bash\nset -eu\n${body}\n`);
  }

  async config(
    elements: readonly string[] = ["toy-os", "subject"],
    flags: Record<string, unknown> = {},
    env: Readonly<Record<string, string>> = {},
  ): Promise<BuildConfig> {
    const { images } = await loadConfig({
      cwd: this.dir,
      elements,
      elementPaths: [this.elements],
      flags: {
        base: false,
        formats: ["tar"],
        output: join(this.out, "image"),
        cacheDir: join(this.dir, "cache"),
        tmpDir: join(this.dir, "tmp"),
        ...flags,
      },
      env: { PATH: process.env.PATH, HOME: this.dir, ...env },
    });
    const [config] = images;
    if (config === undefined) throw new Error("no image");
    return config;
  }

  /** Builds `toy-os subject`; events are collected. */
  async build(
    options: BuildOptions & {
      elements?: readonly string[];
      flags?: Record<string, unknown>;
      env?: Readonly<Record<string, string>>;
    } = {},
  ): Promise<{ report: BuildReport; events: BuildEvent[] }> {
    const events: BuildEvent[] = [];
    mkdirSync(join(this.dir, "tmp"), { recursive: true });
    const config = await this.config(options.elements, options.flags, options.env);
    const report = await buildImage(config, { ...options, onEvent: (event) => void events.push(event) });
    return { report, events };
  }

  [Symbol.dispose](): void {
    rmSync(this.dir, { recursive: true, force: true });
  }
}

export const outputOf = (events: readonly BuildEvent[], script: string): string[] =>
  events.flatMap((event) => (event.type === "output" && event.script === script ? [event.text] : []));
