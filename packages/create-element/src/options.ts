import { Option, type Command } from "commander";

export const languages = ["sh", "ts"] as const;
export const licenses = ["Apache-2.0", "MIT", "none"] as const;

/** What was said of the new package; the rest is asked for, or has its default. */
export interface NewOptions {
  readonly name?: string | undefined;
  readonly lang?: (typeof languages)[number] | undefined;
  readonly scope?: string | undefined;
  readonly description?: string | undefined;
  readonly license?: (typeof licenses)[number] | undefined;
  readonly folder?: string | undefined;
  readonly yes?: boolean | undefined;
}

/** One list for `dib new` and `npm create`. Each question has its option. */
export const addNewOptions = (command: Command): Command =>
  command
    .addOption(new Option("--lang <language>", "a shell script, or a step in TypeScript").choices(languages))
    .option("--scope <scope>", "scope of the package's name")
    .option("--description <text>", "one sentence on what it does")
    .addOption(new Option("--license <license>", "of the package").choices(licenses))
    .option("--folder <dir>", "where the package is made")
    .option("--yes", "ask nothing");
