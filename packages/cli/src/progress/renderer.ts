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
  /** Where several builds that run at a time are shown. @default the build has the terminal for itself */
  readonly screen?: Screen | undefined;
}

/** What several builds that run at a time share. */
export interface Screen extends Disposable {
  open(image: string | undefined): Renderer;
}

/** One view of all builds, however they are shown. */
export async function openScreen(progress: Progress, terminal: Terminal): Promise<Screen> {
  const shown = shownAs(progress, terminal);
  if (shown === "tty") return (await import("./tty.js")).openTtyScreen(terminal, process.stderr);
  const { openPlainRenderer } = await import("./plain.js");
  const { openJsonRenderer } = await import("./json.js");
  return {
    open: (image) =>
      shown === "plain"
        ? openPlainRenderer(terminal, image)
        : shown === "json"
          ? openJsonRenderer(terminal, image)
          : silent,
    [Symbol.dispose]: () => {},
  };
}

/** `auto` moves things on a terminal, and appends lines elsewhere. */
export async function openRenderer(
  { progress, image, screen }: RendererRequest,
  terminal: Terminal,
): Promise<Renderer> {
  if (screen !== undefined) return screen.open(image);
  switch (shownAs(progress, terminal)) {
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

const shownAs = (progress: Progress, { canAnimate }: Terminal): Exclude<Progress, "auto"> =>
  progress === "auto" ? (canAnimate ? "tty" : "plain") : progress;

const silent: Renderer = { onEvent: () => {}, suspend: () => {}, resume: () => {}, [Symbol.dispose]: () => {} };
