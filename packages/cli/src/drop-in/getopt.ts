/**
 * The command line as GNU getopt reads it: options anywhere until `--`, short ones bundled, long ones abbreviated. It is
 * read by getopt(1) itself, as DIB's is; that is part of util-linux, without which nothing is built.
 */
import { BuildError, createExec, type Exec } from "@dibjs/core";

export interface OptionNames {
  readonly short?: string;
  readonly long?: string;
  /** What its value is called; undefined for an option without one. */
  readonly takes?: string;
}

/** An option as its name with dashes, never abbreviated; `value` is empty when it takes none. */
export interface ReadOption {
  readonly name: string;
  readonly value: string;
}

export interface CommandLine {
  /** In the order given. */
  readonly options: readonly ReadOption[];
  readonly operands: readonly string[];
}

export interface GetoptRequest {
  /** What messages begin with. */
  readonly command: string;
  readonly options: readonly OptionNames[];
  readonly args: readonly string[];
  /** PATH, and POSIXLY_CORRECT, which ends the options at the first operand. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Throws USAGE_INVALID with what getopt says, HOST_TOOL_MISSING. */
export async function readCommandLine(
  { command, options, args, env }: GetoptRequest,
  exec: Exec = createExec(),
): Promise<CommandLine> {
  const short = options.flatMap(({ short, takes }) => (short === undefined ? [] : `${short}${takes ? ":" : ""}`));
  const long = options.flatMap(({ long, takes }) => (long === undefined ? [] : `${long}${takes ? ":" : ""}`));
  const asked = ["-n", command, "-o", short.join(""), "-l", long.join(","), "--", ...args];
  const { exitCode, stdout, stderr } = await exec("getopt", asked, { env: { ...environment(env), LC_ALL: "C" } });
  if (exitCode === 0) return parseAnswer(stdout);
  if (exitCode !== 127)
    throw new BuildError("USAGE_INVALID", { reason: stderr.trim(), hint: `See ${command} --help.` });
  const from = { debian: "util-linux", fedora: "util-linux", opensuse: "util-linux" };
  throw new BuildError("HOST_TOOL_MISSING", { tools: [{ tool: "getopt", neededFor: "the command line", ...from }] });
}

const environment = ({ PATH, POSIXLY_CORRECT }: GetoptRequest["env"]): Readonly<Record<string, string>> => ({
  PATH: PATH ?? "/usr/bin:/bin",
  ...(POSIXLY_CORRECT === undefined ? {} : { POSIXLY_CORRECT }),
});

/** Names are bare words, values are quoted for a shell: ` -o 'it'\''s' --checksum -- 'vm'`. */
function parseAnswer(answer: string): CommandLine {
  const words = [...answer.matchAll(/'(?:[^']|'\\'')*'|[^\s']+/g)].map(([word]) => word);
  const end = words.indexOf("--"); // a value that says so is quoted
  const options: { name: string; value: string }[] = [];
  for (const word of words.slice(0, end)) {
    const last = options.at(-1);
    if (word.startsWith("'") && last !== undefined) last.value = unquote(word);
    else options.push({ name: word, value: "" });
  }
  return { options, operands: words.slice(end + 1).map(unquote) };
}

const unquote = (word: string): string => word.slice(1, -1).replaceAll(`'\\''`, "'");
