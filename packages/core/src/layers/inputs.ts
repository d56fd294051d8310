/** What a tree phase's result depends on, each input by a name that a person understands. */
import { createHash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Hooks } from "../hooks.js";
import { compareBytes } from "../phases/order.js";
import type { PhaseInfo } from "../phases/table.js";
import { canonicalJson, sha256 } from "../plan/digest.js";
import type { BuildPlaces, BuildPlan, PlannedElement } from "../plan/plan.js";
import type { HookView } from "./hook-view.js";
import { layerVersion, type Inputs } from "./layer.js";
import { countsAlways, wholeBuildVariables } from "./whole-build.js";

type Env = Readonly<Record<string, string>>;

export interface InputsRequest {
  readonly phase: PhaseInfo;
  readonly plan: BuildPlan;
  readonly places: BuildPlaces;
  readonly hooks: Hooks;
  readonly view: HookView;
  /** What scripts outside get before environment.d. */
  readonly env: Env;
  /** What `fingerprint` taps added. */
  readonly added: ReadonlyMap<string, string>;
  /** Digest of what of the engine reaches scripts. */
  readonly engine: string;
  /** Keeps what a secret's digest says from being guessed. */
  readonly salt: string;
}

/** Names and states, sorted. */
export function phaseInputs(request: InputsRequest): Inputs {
  const { phase, plan, view, added, engine } = request;
  const entries: (readonly [string, string])[] = [
    ["engine", `${layerVersion} ${engine}`],
    ["architecture", plan.arch],
    ...view.files.map(({ path, state }) => [`file ${path}`, state] as const),
    ...variableInputs(request),
    ...mentionedVariables(request),
    ...codeInputs(request),
    ...[...added].map(([key, value]) => [`fingerprint ${key}`, value] as const),
    ...(phase.name === "install" && plan.packages.length > 0 ? [["packages", plan.packages.join(" ")] as const] : []),
    ...(phase.place === "host" && view.mentions.has("home") ? sshKeys(request.places) : []),
  ];
  return Object.fromEntries(entries.sort(([a], [b]) => compareBytes(a, b)));
}

/** What the caller sets, beside settings of the build. Where a value is the path of a file of the host, its content counts. */
function variableInputs({ plan, places, salt }: InputsRequest): [string, string][] {
  const own = plan.environment.filter(({ name }) => countsAlways(name));
  return own.map(({ name, value }) => {
    const text = value ?? (Object.hasOwn(places.secrets, name) ? (places.secrets[name] ?? "") : "");
    const shown = value === undefined ? `secret ${createHash("sha256").update(`${salt} ${text}`).digest("hex")}` : text;
    const file = stateOfFile(text);
    return [`variable ${name}`, file === undefined ? shown : `${shown} (${file})`];
  });
}

const largeBytes = 16 * 2 ** 20;

/** Of a path to a file: its content, for a large one what the file system says. */
function stateOfFile(value: string): string | undefined {
  const path = value.replace(/^file:\/\//, "");
  if (!path.startsWith("/") || path.includes("\n") || path.includes("\0")) return undefined;
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found?.isFile()) return undefined;
  return found.size > largeBytes ? `${found.size} ${found.mtimeMs} ${found.ino}` : sha256(readFileSync(path));
}

/** Variables that tell of the whole build count where a file of the phase mentions them: else an image of another name shared nothing with this. */
function mentionedVariables({ view: { mentions }, env }: InputsRequest): [string, string][] {
  const names = mentions.has("all")
    ? wholeBuildVariables
    : wholeBuildVariables.filter((name) => mentions.has(`variable ${name}`));
  const elements = mentions.has("all") || mentions.has("elements") ? [elementArray] : [];
  return [...names, ...elements].map((name) => [`variable ${name}`, env[name] ?? ""]);
}

const elementArray = "BASH_FUNC_get_image_element_array%%";

/** Code that acts in the phase: of elements with a step in it or a tap on a hook of it, and modules of the caller. */
function codeInputs({ phase, plan, hooks }: InputsRequest): [string, string][] {
  const own = [hooks.beforePhase, hooks.phase, hooks.afterPhase, hooks.fingerprint].flatMap((map) =>
    tapNames(map.for(phase.name)),
  );
  const all = [
    hooks.workspace,
    hooks.generateHooks,
    hooks.environment,
    hooks.script,
    hooks.afterScript,
    hooks.mount,
    hooks.unmount,
  ];
  const planned = plan.phases.find((each) => each.phase === phase.name)?.scripts ?? [];
  const steps = planned.filter(({ kind }) => kind === "typescript").map(({ element }) => element);
  const acting = new Set([...own, ...all.flatMap((hook) => tapNames(hook as never)), ...steps]);
  const elements = plan.elements.filter(({ name, isTyped }) => isTyped && acting.has(name));
  const modules = [...acting].filter((name) => name.startsWith("/"));
  return [
    ...elements.map(({ name, code, options }): [string, string] => [
      `code ${name}`,
      `${code} ${canonicalJson(options ?? null)}`,
    ]),
    ...modules.map((path): [string, string] => [`code ${path}`, sha256(readFileSync(path))]),
  ];
}

const tapNames = (hook: { ordered(): readonly { readonly name: string }[] }): string[] =>
  hook.ordered().map(({ name }) => name);

/** Elements take the caller's public keys from there. */
function sshKeys({ caller }: BuildPlaces): [string, string][] {
  const folder = join(caller.home, ".ssh");
  const names = lstatSync(folder, { throwIfNoEntry: false })?.isDirectory() === true ? readdirSync(folder) : [];
  const keys = names.filter((name) => name === "authorized_keys" || name.endsWith(".pub")).sort();
  return keys.map((name) => [`file ~/.ssh/${name}`, sha256(readFileSync(join(folder, name)))]);
}

export const keyOf = (inputs: Inputs, parent: string): string => sha256(canonicalJson({ inputs, parent }));

/** Elements that don't let a result of the phase be kept: they have a script or a step in it. */
export function uncacheableIn(phase: PhaseInfo, plan: BuildPlan): string[] {
  const taking = new Set(
    (plan.phases.find((each) => each.phase === phase.name)?.scripts ?? []).map(({ element }) => element),
  );
  const refuses = ({ isCacheable = true }: PlannedElement) => !isCacheable;
  return plan.elements.filter((element) => refuses(element) && taking.has(element.name)).map(({ name }) => name);
}
