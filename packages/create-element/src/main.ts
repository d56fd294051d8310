/** `npm create @dibjs/element`: `dib new` without the rest of dib. */
import { isBuildError } from "@dibjs/core";
import { Command, CommanderError } from "commander";
import { askForRest } from "./ask.js";
import { createElementPackage } from "./create.js";
import { formatCreated } from "./next-steps.js";
import { addNewOptions, type NewOptions } from "./options.js";

interface Terminal {
  readonly isInteractive: boolean;
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

const [wrongRequest, unfitHost, interrupted] = [2, 3, 130];

/** Gives the exit code, which is the one that dib has for the same failure. Plain errors are bugs, and thrown. */
export async function main(argv: readonly string[], terminal: Terminal): Promise<number> {
  const command = new Command("create-element")
    .description("Makes a package with an element for dibjs.")
    .argument("[name]", "name of the element")
    .exitOverride()
    .configureOutput({ writeOut: terminal.out, writeErr: terminal.err });
  try {
    addNewOptions(command).parse(argv, { from: "user" });
    const [name] = command.args;
    const said: NewOptions = { ...command.opts<NewOptions>(), name };
    const wanted = terminal.isInteractive && said.yes !== true ? await askForRest(said) : said;
    terminal.out(formatCreated(await createElementPackage(wanted), process.cwd()));
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : wrongRequest;
    if (!isBuildError(error)) throw error;
    terminal.err(`✖ ${error.code} ${error.message}\n${error.hint === undefined ? "" : `  hint: ${error.hint}\n`}`);
    if (error.code === "BUILD_INTERRUPTED") return interrupted;
    return error.kind === "host" ? unfitHost : wrongRequest;
  }
}
