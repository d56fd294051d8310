import { rm, stat } from "node:fs/promises";
import type { BuildConfig, BuildOptions, BuildReport } from "@dibjs/core";
import { openBreakShell } from "./break-shell.js";
import { chooseLogFile } from "./build-log-file.js";
import { rememberLogFile } from "./failure.js";
import { openRenderer, type RendererRequest } from "./progress/renderer.js";
import type { Interrupts } from "./signals.js";
import type { Terminal } from "./terminal.js";

export interface ShownBuild extends RendererRequest {
  /** `--logfile`. */
  readonly logFile: string | undefined;
  readonly interrupts: Interrupts;
  readonly terminal: Terminal;
}

/** Runs a build of one image in front of the user: its progress, its log, its break points. */
export async function showBuild(
  config: BuildConfig,
  { logFile: asked, interrupts, terminal, ...request }: ShownBuild,
  run: (config: BuildConfig, options: BuildOptions) => Promise<BuildReport>,
): Promise<BuildReport> {
  const logFile = await chooseLogFile(config, asked);
  using renderer = await openRenderer(request, terminal);
  try {
    return await run(config, {
      signal: interrupts.signal,
      logFile,
      onEvent: (event) => renderer.onEvent(event),
      onBreak: openBreakShell(renderer, terminal, interrupts.signal),
    });
  } catch (error) {
    const size = await stat(logFile).then(
      (found) => found.size,
      () => 0,
    );
    if (size > 0) throw rememberLogFile(error, logFile);
    if (asked === undefined) await rm(logFile, { force: true }); // it failed before any script ran
    throw error;
  }
}
