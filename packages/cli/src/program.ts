/** The commands and their options. Each command's code is loaded when it runs, so that starting takes no time. */
import { addNewOptions } from "@dibjs/create-element/options.js";
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { currentFolder } from "./current-folder.js";
import { addConfigOptions, addImageOptions, type Given } from "./options.js";
import { progressNames } from "./progress/renderer.js";
import { openTerminal, type Terminal } from "./terminal.js";
import { version } from "./version.js";

/** Runs a command to its end and gives its exit code. */
type Run = (terminal: Terminal, given: Given, args: readonly string[]) => Promise<number>;

export interface Invocation {
  command: string;
  given: Given;
  run: () => Promise<number>;
}

/** `onCommand` gets what was asked for; parsing alone runs nothing. */
export function createProgram(terminal: Terminal, onCommand: (invocation: Invocation) => void): Command {
  const program = new Command("dib")
    .description("Builds bootable disk images from elements.")
    .version(version, "--version", "print the version")
    .helpOption("-h, --help", "show help")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.out.write(text),
      writeErr: (text) => terminal.err.write(text),
      outputError: () => {}, // said by formatFailure
      getOutHasColors: () => terminal.out.colours.isColorSupported,
      getErrHasColors: () => terminal.err.colours.isColorSupported,
    })
    .addHelpText(
      "after",
      "\nExamples:\n  dib build debian vm -o out/debian\n  dib plan debian vm\n  dib boot out/debian.qcow2 --expect login:\n\nShell completion: dib complete bash|zsh|fish|powershell",
    );

  const add = (usage: string, description: string, run: Run): Command => {
    const command = program
      .command(usage)
      .description(description)
      .option("--json", "print JSON on standard output")
      .option("--debug", "print stacks and causes of failures");
    return command.action(() => {
      const given = command.opts();
      onCommand({ command: command.name(), given, run: () => run(terminal, given, command.args) });
    });
  };

  addImageOptions(
    add("build [elements...]", "build images", async (...all) => (await import("./commands/build.js")).build(...all)),
  )
    .option("--locked", "fail on anything that dib.lock has otherwise")
    .option("--jobs <n>", "how many images are built at a time; as many as the machine has room for without it")
    .option("--quiet", "print nothing but failures, and the images' paths")
    .addOption(new Option("--progress <how>", "how the build is shown").choices(progressNames))
    .option("--logfile <file>", "append all output of scripts to this file");
  addImageOptions(
    add("plan [elements...]", "print what a build would do, and why", async (...all) =>
      (await import("./commands/plan.js")).plan(...all),
    ).option("--cache", "with --json: what a build would take from earlier ones, too"),
  );
  addImageOptions(
    add(
      "lock [names...]",
      "compare dib.lock with the elements; names are images of the config, else elements",
      (...all) => import("./commands/lock.js").then(({ lock }) => lock(...all)),
    ),
  )
    .option("--update", "write dib.lock anew, from builds that publish nothing")
    .option("--logfile <file>", "append all output of scripts to this file");
  addConfigOptions(
    add("elements", "list the elements that can be used", async (terminal, given) =>
      (await import("./commands/elements.js")).elements(terminal, given),
    ),
  ).option("--tree", "show which images and elements ask for which");
  addConfigOptions(
    add("info <element>", "describe an element", async (...all) => (await import("./commands/info.js")).info(...all)),
  );
  add("add <packages...>", "add element packages to the project", async (...all) =>
    (await import("./commands/add.js")).add(...all),
  );
  add("remove <packages...>", "take element packages out of the project", async (...all) =>
    (await import("./commands/remove.js")).remove(...all),
  );
  add("update [packages...]", "move element packages to the newest versions that fit", async (...all) =>
    (await import("./commands/update.js")).update(...all),
  );
  add("outdated [packages...]", "list element packages of which there is a newer version", async (...all) =>
    (await import("./commands/outdated.js")).outdated(...all),
  );
  add("search [words...]", "search the registry for element packages", async (...all) =>
    (await import("./commands/search.js")).search(...all),
  ).option("--limit <n>", "how many at most", "50");
  add("why <name>", "show every path that brings an element or a package", async (...all) =>
    (await import("./commands/why.js")).why(...all),
  );
  add("approve [packages...]", "list lifecycle scripts; approve and run those of these packages", async (...all) =>
    (await import("./commands/approve.js")).approve(...all),
  );
  add("audit", "hold the project's packages against its policy", async (terminal, given) =>
    (await import("./commands/audit.js")).audit(terminal, given),
  );
  addImageOptions(
    add("hooks [elements...]", "list every hook and who taps it, in order", async (...all) =>
      (await import("./commands/hooks.js")).hooks(...all),
    ),
  );
  addImageOptions(
    add(
      "cache <command> [elements...]",
      "results of phases that are kept: ls, du, prune, verify, clear; why ELEMENTS says what a build would take",
      (...all) => import("./commands/cache.js").then(({ cache }) => cache(...all)),
    ),
  )
    .option("--max-size <GiB>", "prune: how much may stay; 30 without it")
    .option("--max-age <days>", "prune: how long something may lie unused; 30 without it");
  add("doctor", "say what this host can build, and what cures the rest", async (terminal, given) =>
    (await import("./commands/doctor.js")).doctor(terminal, given),
  ).option("--fix", "clear what dead builds left");
  addBoot(
    add("boot <image>", "boot an image in QEMU; the image is not changed", async (...all) =>
      (await import("./commands/boot.js")).boot(...all),
    ),
  );
  add(
    "block-device [command] [symbol]",
    "make a disk and take it apart, as separate commands: init, getval SYMBOL, create, umount, cleanup, delete, writefstab",
    async (...all) => (await import("./commands/block-device.js")).blockDevice(...all),
  ).option("--params <file>", "YAML file with the parameters; DIB_BLOCK_DEVICE_PARAMS_YAML without it");
  add("run-parts <dir>", "run the scripts of a folder in DIB's order", async (...all) =>
    (await import("./commands/run-parts.js")).runParts(...all),
  ).option("--list", "print the scripts and run none");
  addConfigOptions(
    add("lint [folders...]", "check elements and their packages; exit code 1 when something is found", async (...all) =>
      (await import("./commands/lint.js")).lint(...all),
    ),
  );
  addConfigOptions(
    add("import <folders...>", "make packages of folders that are elements of DIB", async (...all) =>
      (await import("./commands/import.js")).importFolders(...all),
    ),
  )
    .option("--into <dir>", "where the packages are made", ".")
    .option("--scope <scope>", "scope of the packages' names")
    .option("--license <name>", "what package.json names as the license");
  addNewOptions(
    add("new [name]", "make a package with a new element", async (...all) =>
      (await import("./commands/new.js")).newElement(...all),
    ),
  );
  add("pack [folder]", "write what a package's tarball loses; run as prepack", async (...all) =>
    (await import("./commands/pack.js")).pack(...all),
  );
  add("explain [code]", "explain an error code; all of them without one", async (...all) =>
    (await import("./commands/explain.js")).explain(...all),
  );
  return program;
}

export interface BootStep {
  readonly do: "expect" | "send";
  readonly text: string;
}

function addBoot(command: Command): void {
  // One list for both options: their order is the order of the conversation.
  const steps: BootStep[] = [];
  const keep = (action: BootStep["do"]) => (text: string) => {
    if (action === "expect" && text === "") throw new InvalidArgumentError("An empty text comes at once.");
    steps.push({ do: action, text });
    return steps;
  };
  command
    .addOption(
      new Option(
        "--append <words>",
        "words for the command line of a NAME.kernel, which boots with its NAME.initramfs",
      ),
    )
    .addOption(
      new Option("--firmware <kind>", "how the machine starts").choices(["auto", "bios", "uefi"]).default("auto"),
    )
    .addOption(
      new Option("--accel <how>", "auto takes KVM when it really works")
        .choices(["auto", "kvm", "tcg"])
        .default("auto"),
    )
    .option("-a <arch>", "architecture of the image, this machine's without it")
    .option("-m, --memory <MiB>", "memory", "1024")
    .option("--smp <n>", "processors", "2")
    .option("--expect <text>", "wait for this text on the serial line; may be repeated", keep("expect"))
    .option("--send <text>", "then type this text and Enter; in the order given", keep("send"))
    .option("--timeout <seconds>", "for all of it; 120 with --expect, else none");
}

/** One command from its arguments to its exit code. Never throws. */
export async function run(argv: readonly string[]): Promise<number> {
  const terminal = openTerminal();
  let invocation: Invocation | undefined;
  try {
    const program = createProgram(terminal, (found) => (invocation = found));
    if (argv[0] === "complete") return await (await import("./completion.js")).complete(program);
    await program.parseAsync(argv, { from: "user" });
    if (currentFolder() === undefined)
      throw await usageError(new Error("the current folder is gone\nSee pwd, and cd to one that is there."));
    return (await invocation?.run()) ?? 0;
  } catch (error) {
    if (error instanceof CommanderError && isHelp(error)) return error.exitCode === 0 ? 0 : 2;
    return await fail(error instanceof CommanderError ? await usageError(error) : error, argv, invocation, terminal);
  }
}

const isHelp = ({ code }: CommanderError): boolean =>
  ["commander.help", "commander.helpDisplayed", "commander.version"].includes(code);

async function usageError(error: Error): Promise<Error> {
  const { BuildError } = await import("@dibjs/core");
  const [reason = "", ...suggestion] = error.message.replace(/^error: /, "").split("\n");
  return new BuildError("USAGE_INVALID", {
    reason: `${reason}.`.replace(/\.\.$/, "."),
    hint: suggestion.join(" ").replace(/^\((.*)\)$/, "$1") || "See dib --help.",
  });
}

async function fail(
  error: unknown,
  argv: readonly string[],
  invocation: Invocation | undefined,
  { out, err }: Terminal,
): Promise<number> {
  const { exitCodeOf, formatFailure, logFileOf } = await import("./failure.js");
  if (argv.includes("--json")) {
    const { formatError } = await import("./envelope.js");
    out.write(formatError(invocation?.command ?? argv[0] ?? "", error));
  }
  err.write(formatFailure(error, { colours: err.colours, debug: argv.includes("--debug"), logFile: logFileOf(error) }));
  return exitCodeOf(error);
}
