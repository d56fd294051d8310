import type { BuildEvent } from "@dibjs/core";
import { PhaseTimes } from "./phase-times.js";
import { formatProfile } from "./profile.js";
import type { Renderer } from "./renderer.js";
import { restoredLine } from "./restored.js";
import { spellControls } from "./sanitise.js";
import { formatIec } from "./units.js";

/** How the files of a build are called in its log. */
export interface NamedOutputs {
  /** IMAGE_NAME. */
  readonly output: string;
  /** Absolute: where that lies. */
  readonly path: string;
}

const hooksInside = "/tmp/in_target.d";

/** The lines that disk-image-create writes and its callers search for. What scripts write comes as it is. */
export function openDropInRenderer(say: (line: string) => void, names: NamedOutputs): Renderer {
  const state = new Seen();
  return {
    onEvent(event) {
      state.take(event);
      for (const line of linesOf(event, state, names)) say(line);
    },
    suspend: () => {},
    resume: () => say("Resuming"),
    [Symbol.dispose]: () => {},
  };
}

/** What earlier events said. */
class Seen {
  readonly times = new PhaseTimes();
  #hooksDir = "";
  #phase: BuildEvent & { type: "phase-start" } = { type: "phase-start", phase: "", place: "host", root: "tree" };
  readonly #withHooks = new Set<string>();

  take(event: BuildEvent): void {
    if (!isPackages(event)) this.times.take(event);
    if (event.type === "planned")
      for (const { phase, scripts } of event.phases) if (scripts > 0) this.#withHooks.add(phase);
    if (event.type === "hooks-generated") {
      this.#hooksDir = event.hooksDir;
      for (const phase of event.phases) this.#withHooks.add(phase);
    }
    if (event.type === "phase-start") this.#phase = event;
  }

  get place(): "host" | "chroot" {
    return this.#phase.place;
  }

  /** diskimage-builder passes over a phase that no element has a folder for. */
  get hasHooks(): boolean {
    return this.#withHooks.has(this.#phase.phase);
  }

  /** Of the running phase, by the path that its scripts know. */
  get folder(): string {
    return `${this.place === "chroot" ? hooksInside : this.#hooksDir}/${this.#phase.phase}.d`;
  }
}

/** `-p` is no script: diskimage-builder installs them without a word. */
const isPackages = (event: BuildEvent): boolean =>
  (event.type === "script-start" || event.type === "script-end") && event.element === "-";

function linesOf(event: BuildEvent, state: Seen, { output, path }: NamedOutputs): readonly string[] {
  switch (event.type) {
    case "expanded":
      return [`Expanded element dependencies to: ${event.elements.map(({ name }) => name).join(" ")}`];
    case "workspace":
      return [...(event.note === undefined ? [] : [`WARNING: ${event.note}`]), `Building in ${event.buildDir}`];
    case "phase-start":
      return state.hasHooks && state.place === "host" ? [`Running hooks from ${state.folder}`] : [];
    case "environment":
      return state.hasHooks
        ? event.files.map((file) => parts(`Sourcing environment file ${state.folder}/../environment.d/${file}`))
        : [];
    case "script-start":
      return isPackages(event) ? [] : [parts(`Running ${state.folder}/${event.script}`)];
    case "script-end":
      return isPackages(event) || event.outcome === "failed" ? [] : [parts(`${event.script} completed`)];
    case "output":
      return event.text.replace(/\r$/, "").split("\r"); // a progress bar, which redraws its line
    case "phase-end":
      return state.hasHooks ? formatProfile(`${event.phase}.d`, state.times.scripts).map(parts) : [];
    case "phase-restored":
      return [restoredLine(event)];
    case "break":
      return ["Starting debug shell. Exit to resume building.", `At stage ${event.name}`];
    case "disk":
      return [`Block device: ${[event.doing, event.node].filter(Boolean).join(" ")}`];
    case "image-usage":
      return usageLines(event);
    case "note":
      return [event.level === "warning" ? `WARNING: ${event.text}` : event.text];
    case "artifact":
      return [`Image file ${output}${event.artifact.path.slice(path.length)} created...`];
    default:
      return [];
  }
}

const parts = (line: string): string => `dib-run-parts ${line}`;

function usageLines({ leastBytes, isFirst, isLast, entries }: BuildEvent & { type: "image-usage" }): readonly string[] {
  const title = leastBytes === 0 ? "Image size report" : `Image size report (files > ${formatIec(leastBytes)})`;
  const rule = "=".repeat(title.length);
  const rows = entries.map(({ path, sizeBytes }) => `${formatIec(sizeBytes).padStart(7)}\t${spellControls(path)}`);
  return [
    ...(isFirst ? [rule, title, rule] : []),
    ...rows,
    ...(isLast ? ["", "===== end image size report =====", ""] : []),
  ];
}
