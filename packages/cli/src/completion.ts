/** The one file that knows the completion library, which is still 0.0.x. */
import tab from "@bomb.sh/tab/commander";
import { phaseNames } from "@dibjs/core";
import type { Command } from "commander";
import { findElements } from "./commands/elements.js";

const takingElements = ["build", "plan", "hooks", "info"];

/** Handles `dib complete SHELL` and the questions that the shell then asks. */
export async function complete(program: Command): Promise<number> {
  const root = tab(program);
  const names = await findElements({}).then(
    ({ refs }) => [...refs.keys()].sort(),
    () => [], // a broken config must not break the shell's completion
  );
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
