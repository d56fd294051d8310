import { coloursIf, type Terminal } from "@dibjs/cli/terminal.js";

/** A terminal that remembers what was written, without colours. */
export function memoryTerminal(more: Partial<Pick<Terminal, "isInteractive" | "canAnimate">> = {}) {
  const written = { out: "", err: "" };
  const sink = (to: "out" | "err") => ({
    isTTY: false,
    colours: coloursIf(false),
    columns: 80,
    write: (text: string) => void (written[to] += text),
  });
  const terminal: Terminal = {
    out: sink("out"),
    err: sink("err"),
    isInteractive: false,
    canAnimate: false,
    onClosed: () => {},
    ...more,
  };
  return { terminal, written };
}
