/** dib-lint: the elements of a folder by diskimage-builder's own rules. */
import { createExec, lintAsDib } from "@dibjs/core";
import { childEnvironment } from "../child-environment.js";
import { spellControls } from "../progress/sanitise.js";
import { openTerminal } from "../terminal.js";
import { dropInExitCode, formatDropInFailure } from "./failure.js";

const help = `Usage: dib-lint

Checks a folder of elements by the rules of diskimage-builder's dib-lint. dib lint has these and more.

  -h, --help   show this

Environment:
  ELEMENTS_DIR   the elements; diskimage_builder/elements
  LIB_DIR        more files, of which tabs and last lines are checked; diskimage_builder/lib

A rule is left out for a file that has the line "# dib-lint: disable=RULE", for all of them by tox.ini:
  [dib-lint]
  ignore = RULE RULE
`;

/** One command from its arguments to its exit code. Never throws. */
export async function dibLint(args: readonly string[]): Promise<number> {
  const { out, err } = openTerminal();
  if (args.some((arg) => arg === "-h" || arg === "--help")) {
    out.write(help);
    return 0;
  }
  const note = (text: string) => err.write(`note: ${text}\n`);
  if (args.length > 0) note("dib-lint takes no arguments: ELEMENTS_DIR and LIB_DIR say what is checked");
  try {
    const passed = await lintAsDib({
      cwd: process.cwd(),
      elementsDir: given("ELEMENTS_DIR") ?? "diskimage_builder/elements",
      libDir: given("LIB_DIR") ?? "diskimage_builder/lib",
      exec: createExec(),
      env: childEnvironment(),
      say: (text) => out.write(`${text.split("\n").map(spellButTabs).join("\n")}\n`),
      note,
    });
    return passed ? 0 : 1;
  } catch (error) {
    err.write(`${formatDropInFailure(error).join("\n")}\n`);
    return dropInExitCode(error);
  }
}

const given = (name: string): string | undefined => process.env[name] || undefined;

/** What files and their lines are called is shown as it is, as far as a terminal takes that for text. */
const spellButTabs = (line: string): string => line.split("\t").map(spellControls).join("\t");
