import type { BuildEvent } from "@dibjs/core";
import type { Terminal } from "../terminal.js";

/** Shows a build from its events. Nothing else of the CLI writes while one is open and not suspended. */
export interface Renderer extends Disposable {
  onEvent(event: BuildEvent): void;
  /** Hands the terminal over, to a shell. */
  suspend(): void;
  resume(): void;
}

export const progressNames = ["auto", "tty", "plain", "json", "quiet"] as const;
export type Progress = (typeof progressNames)[number];

export interface RendererRequest {
  readonly progress: Progress;
  /** Which of several images is built; undefined for a single one. */
  readonly image: string | undefined;
}

/** `auto` moves things on a terminal, and appends lines elsewhere. */
export async function openRenderer({ progress, image }: RendererRequest, terminal: Terminal): Promise<Renderer> {
  switch (progress === "auto" ? (terminal.canAnimate ? "tty" : "plain") : progress) {
    case "tty":
      return (await import("./tty.js")).openTtyRenderer(terminal, process.stderr);
    case "plain":
      return (await import("./plain.js")).openPlainRenderer(terminal);
    case "json":
      return (await import("./json.js")).openJsonRenderer(terminal, image);
    case "quiet":
      return silent;
  }
}

const silent: Renderer = { onEvent: () => {}, suspend: () => {}, resume: () => {}, [Symbol.dispose]: () => {} };
