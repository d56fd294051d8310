/** diskimage-builder: builds the images that files in YAML define, each by a command of its own. */
import { fileURLToPath } from "node:url";
import { BuildError } from "@dibjs/core";
import { childEnvironment } from "../../child-environment.js";
import { exitCodeOfSignal } from "../../failure.js";
import { openForeground, type Foreground } from "../../foreground.js";
import { sanitise } from "../../progress/sanitise.js";
import { openTerminal, type Terminal } from "../../terminal.js";
import { dropInExitCode, formatDropInFailure } from "../failure.js";
import { readCommandLine } from "../getopt.js";
import { formatCommand, toCommands, type ImageCommand } from "./commands.js";
import { helpText } from "./help.js";
import { readDefinitions } from "./read.js";

const options = [{ long: "dry-run" }, { long: "stop-on-failure" }, { short: "h", long: "help" }];

/** One command from its arguments to its exit code. Never throws. */
export async function buildDefinitions(args: readonly string[]): Promise<number> {
  const terminal = openTerminal();
  const command = "diskimage-builder";
  try {
    const { options: given, operands: files } = await readCommandLine({ command, options, args, env: process.env });
    const names = new Set(given.map(({ name }) => name));
    if (names.has("--help") || names.has("-h")) {
      terminal.out.write(helpText());
      return 0;
    }
    if (files.length === 0)
      throw new BuildError("USAGE_INVALID", {
        reason: `${command}: no file was named`,
        hint: `See ${command} --help.`,
      });
    const commands = toCommands(await readDefinitions(files));
    if (names.has("--dry-run")) {
      for (const each of commands) tell(each, terminal);
      return 0;
    }
    return await buildAll(commands, names.has("--stop-on-failure"), terminal);
  } catch (error) {
    terminal.err.write(`${formatDropInFailure(error).join("\n")}\n`);
    return dropInExitCode(error);
  }
}

const tell = (command: ImageCommand, { err }: Terminal): void => err.write(`${sanitise(formatCommand(command))}\n\n`);

/** Throws DEFINITION_IMAGES_FAILED. A signal ends the image that is being built, and all that would come after it. */
async function buildAll(commands: readonly ImageCommand[], stops: boolean, terminal: Terminal): Promise<number> {
  using foreground = openForeground();
  const failed: { image: string; exitCode: number }[] = [];
  const waiting = [...commands];
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    tell(next, terminal);
    const exitCode = await buildOne(next, foreground);
    if (foreground.interruptedBy !== undefined) return exitCodeOfSignal(foreground.interruptedBy);
    if (exitCode !== 0) failed.push({ image: next.image, exitCode });
    if (exitCode !== 0 && stops) break;
  }
  if (failed.length === 0) return 0;
  throw new BuildError("DEFINITION_IMAGES_FAILED", { failed, left: waiting.map(({ image }) => image) });
}

/** `_LIB` is what scripts of elements know as DIB's own folder; an entry may set it otherwise. */
function buildOne({ program, args, environment }: ImageCommand, foreground: Foreground): Promise<number> {
  const file = fileURLToPath(new URL(`../../../bin/${program}.js`, import.meta.url));
  const lib = fileURLToPath(new URL("./lib", import.meta.resolve("@dibjs/core/package.json")));
  return foreground.run(process.execPath, [file, ...args], { ...childEnvironment(), _LIB: lib, ...environment });
}
