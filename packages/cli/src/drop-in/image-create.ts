/** disk-image-create and ramdisk-image-create: the same engine as `dib build`, spoken to as diskimage-builder is. */
import { resolve } from "node:path";
import { BuildError, buildImage, loadConfig, requestedElements, type BuildConfig } from "@dibjs/core";
import { openBreakShell } from "../break-shell.js";
import { bundledElements } from "../bundled.js";
import { currentFolder } from "../current-folder.js";
import { openDropInRenderer } from "../progress/drop-in.js";
import { listenForInterrupts, type Interrupts } from "../signals.js";
import { openTerminal, type Terminal } from "../terminal.js";
import { version } from "../version.js";
import { dropInExitCode, formatDropInFailure } from "./failure.js";
import { readCommandLine } from "./getopt.js";
import { helpText } from "./help.js";
import { openDropInLog, type DropInLog } from "./log.js";
import { dropInOptions, readOptions, type Asked } from "./options.js";
import { environmentOf, toDropInRequest, type Call, type ImageCommand } from "./request.js";

/** One command from its arguments to its exit code. Never throws. */
export async function createImage(command: ImageCommand, args: readonly string[]): Promise<number> {
  const terminal = openTerminal();
  try {
    const env = process.env;
    if (args[0] === "complete") {
      const { completeElements } = await import("../completion.js");
      if (await completeElements(command, dropInOptions, args)) return 0;
    }
    const { options, operands } = await readCommandLine({ command, options: dropInOptions, args, env });
    const asked = readOptions({ options });
    if (asked.tells !== undefined) {
      terminal.out.write(asked.tells === "help" ? helpText(command) : `${version}\n`);
      return 0;
    }
    const cwd = currentFolder();
    if (cwd === undefined) throw new BuildError("USAGE_INVALID", { reason: `${command}: the current folder is gone` });
    const call = { command, args, env, cwd };
    using log = openDropInLog({ file: asked.logFile, cwd, env: environmentOf(asked, env) }, terminal);
    try {
      await build(asked, operands, call, { log, terminal });
      return 0;
    } catch (error) {
      recordFailure(error, log);
      throw error;
    }
  } catch (error) {
    terminal.err.write(`${formatDropInFailure(error).join("\n")}\n`);
    return dropInExitCode(error);
  }
}

/** Where a build is told. */
interface Told {
  readonly log: DropInLog;
  readonly terminal: Terminal;
}

function recordFailure(error: unknown, log: DropInLog): void {
  try {
    for (const line of formatDropInFailure(error)) log.record(line);
  } catch {
    // The log can't be written, or no longer: the failure is told on standard error.
  }
}

async function build(asked: Asked, operands: readonly string[], call: Call, { log, terminal }: Told): Promise<void> {
  using interrupts = listenForInterrupts((text) => void terminal.err.write(`${text}\n`));
  terminal.onClosed = () => interrupts.abort("SIGPIPE");
  log.say(`diskimage-builder version ${version} (dibjs)`);
  const request = toDropInRequest(asked, operands, call);
  const { images, notes } = await loadConfig({ ...request, bundled: await bundledElements() });
  const [config] = images; // without a config file there is one
  if (config === undefined) throw new Error("nothing to build");
  log.giveTo(config.caller);
  const elements = requestedElements(config).map(({ name }) => name);
  for (const line of [...notes, ...request.notes, `Building elements: ${elements.join(" ")}`]) log.say(line);
  await buildShown(config, interrupts, { log, terminal });
  log.say("Build completed successfully");
}

async function buildShown(config: BuildConfig, { signal }: Interrupts, { log, terminal }: Told): Promise<void> {
  const names = { output: config.output, path: resolve(config.cwd, config.output) };
  using renderer = openDropInRenderer((line) => log.say(line), names);
  await buildImage(config, {
    signal,
    conventions: "dib",
    onEvent: (event) => renderer.onEvent(event),
    onBreak: openBreakShell(renderer, terminal, signal),
  });
}
