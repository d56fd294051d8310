/** The one file that knows the completion library, which is still 0.0.x. */
import { RootCommand, script } from "@bomb.sh/tab";
import tab from "@bomb.sh/tab/commander";
import { phaseNames } from "@dibjs/core";
import type { Command } from "commander";
import { findElements } from "./commands/elements.js";

const takingElements = ["build", "plan", "hooks", "info"];

/** Handles `dib complete SHELL` and the questions that the shell then asks. */
export async function complete(program: Command): Promise<number> {
  const root = tab(program);
  const names = await elementNames();
  for (const name of takingElements) {
    const command = root.commands.get(name);
    command?.argument("elements", (offer) => names.forEach((element) => offer(element, "")), name !== "info");
    const breaks = command?.options.get("break");
    if (breaks !== undefined) {
      breaks.handler = (offer) =>
        phaseNames.forEach((phase) => ["before", "after"].forEach((when) => offer(`${when}-${phase}`, "")));
    }
  }
  await program.parseAsync(process.argv.slice(2), { from: "user" });
  return 0;
}

const elementNames = (): Promise<readonly string[]> =>
  findElements({}).then(
    ({ refs }) => [...refs.keys()].sort(),
    () => [], // a broken config must not break the shell's completion
  );

const shells = ["zsh", "bash", "fish", "powershell"];

/** An option of a command that takes elements and has no commands below it. */
export interface CompletedOption {
  readonly short?: string;
  readonly long?: string;
  readonly takes?: string;
  readonly help: string;
}

/** `COMMAND complete SHELL`, and what the shell then asks. False when it was called for something else. */
export async function completeElements(
  command: string,
  options: readonly CompletedOption[],
  args: readonly string[],
): Promise<boolean> {
  const [word, shell = "", ...words] = args;
  const isQuestion = word === "complete" && shell === "--";
  if (!isQuestion && !(word === "complete" && shells.includes(shell) && words.length === 0)) return false;
  if (!isQuestion) {
    script(shell, command, command);
    return true;
  }
  const root = new RootCommand();
  const names = await elementNames();
  root.argument("elements", (offer) => names.forEach((name) => offer(name, "")), true);
  for (const { short, long, takes, help } of options)
    if (long !== undefined) root.option(long, help, takes === undefined ? undefined : () => {}, short);
  root.parse(words);
  return true;
}
