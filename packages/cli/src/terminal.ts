/** Where the CLI writes: data to `out`, all else to `err`. Commands get it handed in, so that tests can read it. */
import pc from "picocolors";

export type Colours = ReturnType<typeof pc.createColors>;

export const coloursIf = (enabled: boolean): Colours => pc.createColors(enabled);

export interface Sink {
  readonly isTTY: boolean;
  readonly colours: Colours;
  /** Of the window; 80 when there is none. */
  readonly columns: number;
  write(text: string): void;
}

export interface Terminal {
  readonly out: Sink;
  readonly err: Sink;
  /** Both ends of a conversation: a shell can be opened for the user. */
  readonly isInteractive: boolean;
  /** Things may move: a terminal that can, and nobody's log. */
  readonly canAnimate: boolean;
  /** Called when the reader of `out` went away. @default ends the process quietly */
  onClosed: () => void;
}

type Env = Readonly<Record<string, string | undefined>>;

const isSet = (text: string | undefined): boolean => text !== undefined && text !== "";

/** NO_COLOR and FORCE_COLOR as their conventions say, else whether it is a terminal that knows colours. */
export function wantsColour(isTTY: boolean, env: Env): boolean {
  if (isSet(env.NO_COLOR)) return false;
  if (isSet(env.FORCE_COLOR)) return env.FORCE_COLOR !== "0" && env.FORCE_COLOR !== "false";
  return isTTY && env.TERM !== "dumb";
}

function openSink(stream: NodeJS.WriteStream, env: Env): Sink {
  return {
    isTTY: stream.isTTY,
    colours: coloursIf(wantsColour(stream.isTTY, env)),
    get columns() {
      return stream.columns || 80;
    },
    write: (text) => void stream.write(text),
  };
}

export function openTerminal(): Terminal {
  const env = process.env;
  const terminal: Terminal = {
    out: openSink(process.stdout, env),
    err: openSink(process.stderr, env),
    isInteractive: process.stdin.isTTY && process.stderr.isTTY,
    canAnimate: process.stderr.isTTY && process.stderr.rows > 0 && env.TERM !== "dumb" && !isSet(env.CI), // no rows: a pseudo-terminal that nobody looks at
    onClosed: () => process.exit(0),
  };
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") terminal.onClosed();
  });
  // Nobody is left to be told: a closed pipe, or a terminal that was hung up.
  process.stderr.on("error", () => {});
  return terminal;
}
