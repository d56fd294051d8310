/**
 * Every place where an element or a caller can step in. Taps are collected, ordered once (stage, then rank of the
 * element in dependency order, then name, then `before`/`after`), and only then given to tapable, so that import order
 * never decides. tapable alone does not await an async `tap`, loses the tap's name in a failure, and sends an unknown
 * `before` to the front; the interceptor and the ordering here remove these three.
 */
import { AsyncSeriesBailHook, AsyncSeriesHook, AsyncSeriesWaterfallHook, SyncHook } from "tapable";
import type { BuildConfig } from "./config/schema.js";
import type { ElementCatalog, ElementSet } from "./elements/element.js";
import { BuildError, isBuildError, reasonOf } from "./errors.js";
import type { FormatRequest, FormatResult } from "./formats/format.js";
import type { NodeRequest } from "./block-device/node.js";
import { orderTaps } from "./hook-order.js";
import { nearest } from "./nearest.js";
import type { BuildPlan } from "./plan/plan.js";
import type { Env, PhaseRun, ScriptOutcome, ScriptRun } from "./phases/phase-run.js";
import { phaseNames } from "./phases/table.js";
import type { BuildEvent } from "./report/events.js";
import type { Artifact, BuildReport, PhaseReport, ScriptReport } from "./report/report.js";
import type { HookTree } from "./workspace/hook-tree.js";
import type { Fingerprint, MountSet, Workspace } from "./workspace/workspace.js";

export type HookKind = "series" | "waterfall" | "bail" | "sync" | "collecting";
export type HookSide = "front" | "worker" | "both";

export interface Order {
  /** Smaller runs earlier. @default 0 */
  readonly stage?: number;
  /** Names of taps, thus of elements, that must come later. */
  readonly before?: string | readonly string[];
  readonly after?: string | readonly string[];
}

/** A tap as it waits to be ordered. `rank` is the element's place in dependency order; core's own taps have -1. */
export interface Tap<A extends unknown[], R> extends Order {
  readonly name: string;
  readonly rank: number;
  readonly fn: (...args: A) => R | Promise<R>;
}

/** What an element sees of a hook: it can tap, and nothing else. Async functions are awaited with both. */
export interface Tappable<A extends unknown[], R> {
  tap(fn: (...args: A) => R | Promise<R>, order?: Order): void;
  tapPromise(fn: (...args: A) => Promise<R>, order?: Order): void;
}

/** Called after each tap with its time in seconds. */
export type TapObserver = (hook: string, tap: string, seconds: number) => void;

type AnyFunction = (...args: unknown[]) => unknown;

export class Hook<A extends unknown[], R> {
  readonly name: string;
  readonly kind: HookKind;
  readonly side: HookSide;
  readonly #onTap: TapObserver;
  /** Orders taps within one stage: by dependency order and name, or by name alone (`phase`). */
  readonly #orderBy: "rank" | "name";
  #taps: Tap<A, R>[] = [];
  #compiled: ((...args: A) => Promise<unknown>) | undefined;
  #isSealed = false;

  constructor(name: string, kind: HookKind, side: HookSide, onTap: TapObserver, orderBy: "rank" | "name" = "rank") {
    this.name = name;
    this.kind = kind;
    this.side = side;
    this.#onTap = onTap;
    this.#orderBy = orderBy;
  }

  add(tap: Tap<A, R>): void {
    if (this.#isSealed) throw new BuildError("HOOK_SEALED", { hook: this.name, tap: tap.name });
    this.#taps.push(tap);
    this.#compiled = undefined;
  }

  /** Checks the order of what was tapped and refuses later taps. */
  seal(): void {
    this.ordered();
    this.#isSealed = true;
  }

  /** Taps in the order they run. Throws HOOK_ORDER_UNKNOWN and HOOK_ORDER_CYCLE. */
  ordered(extra: readonly Tap<A, R>[] = []): readonly Tap<A, R>[] {
    return orderTaps(this.name, [...this.#taps, ...extra], this.#orderBy);
  }

  /** Runs every tap. A waterfall gives the last value, a bail the first answer; `collecting` runs all even when one fails. */
  async run(...args: A): Promise<R> {
    this.#compiled ??= this.#compile(this.ordered());
    return (await this.#compiled(...args)) as R;
  }

  /** As `run`, with more taps for this once: the scripts of a phase. */
  async runWith(extra: readonly Tap<A, R>[], ...args: A): Promise<R> {
    return (await this.#compile(this.ordered(extra))(...args)) as R;
  }

  /** For sync hooks. */
  call(...args: A): void {
    const hook = new SyncHook<[unknown]>(["value"]);
    for (const { name, fn } of this.ordered()) hook.tap(name, this.#guardSync(name, fn as AnyFunction));
    hook.call(args[0]);
  }

  #compile(taps: readonly Tap<A, R>[]): (...args: A) => Promise<unknown> {
    if (this.kind === "collecting") return async (...args) => this.#runCollecting(taps, args);
    const names: [string, string] = ["value", "detail"];
    const hook =
      this.kind === "waterfall"
        ? new AsyncSeriesWaterfallHook<[unknown, unknown]>(names)
        : this.kind === "bail"
          ? new AsyncSeriesBailHook<[unknown, unknown], unknown>(names)
          : new AsyncSeriesHook<[unknown, unknown]>(names);
    hook.intercept({
      register: (tap) => ({ ...tap, type: "promise", fn: this.#guard(tap.name, tap.fn as AnyFunction) }),
    });
    for (const { name, fn } of taps) hook.tap(name, fn as never);
    return async (...[value, detail]) => hook.promise(value, detail);
  }

  /** tapable has no series hook that goes on after a failure. */
  async #runCollecting(taps: readonly Tap<A, R>[], args: A): Promise<void> {
    const failures: unknown[] = [];
    for (const { name, fn } of taps)
      await this.#guard(name, fn as AnyFunction)(...args).catch((error: unknown) => failures.push(error));
    if (failures.length === 1) throw failures[0];
    if (failures.length > 1) throw new AggregateError(failures, `${failures.length} taps of hook ${this.name} failed`);
  }

  #guard(tap: string, fn: AnyFunction): (...args: unknown[]) => Promise<unknown> {
    return async (...args) => {
      const started = performance.now();
      try {
        const result = await fn(...args);
        if (this.kind === "waterfall" && (result === undefined || result === null)) {
          throw new BuildError("HOOK_TAP_RETURNED_NOTHING", { hook: this.name, tap });
        }
        return result;
      } catch (error) {
        throw this.#attributed(tap, error);
      } finally {
        this.#onTap(this.name, tap, (performance.now() - started) / 1000);
      }
    };
  }

  #guardSync(tap: string, fn: AnyFunction): (...args: unknown[]) => void {
    return (...args) => {
      try {
        fn(...args);
      } catch (error) {
        throw this.#attributed(tap, error);
      }
    };
  }

  #attributed(tap: string, error: unknown): unknown {
    if (isBuildError(error)) return error; // it already says more than we could
    return new BuildError("HOOK_TAP_FAILED", { hook: this.name, tap, reason: reasonOf(error) }, { cause: error });
  }
}

/** A hook for each key of a fixed set; an unknown key is an error, not a new hook. */
export class HookMap<A extends unknown[], R, K extends string = string> {
  readonly name: string;
  readonly kind: HookKind;
  readonly side: HookSide;
  readonly #make: (name: string) => Hook<A, R>;
  readonly #hooks = new Map<string, Hook<A, R>>();

  constructor(name: string, kind: HookKind, side: HookSide, keys: readonly K[], make: (name: string) => Hook<A, R>) {
    this.name = name;
    this.kind = kind;
    this.side = side;
    this.#make = make;
    for (const key of keys) this.define(key);
  }

  /** Makes a key known: a format or node type that an element brings. */
  define(key: string): void {
    if (!this.#hooks.has(key)) this.#hooks.set(key, this.#make(`${this.name}:${key}`));
  }

  get keys(): readonly string[] {
    return [...this.#hooks.keys()];
  }

  /** Throws HOOK_KEY_UNKNOWN. */
  for(key: K): Hook<A, R> {
    const hook = this.#hooks.get(key);
    if (hook === undefined) {
      throw new BuildError("HOOK_KEY_UNKNOWN", {
        hook: this.name,
        key,
        known: this.keys,
        nearest: nearest(key, this.keys),
      });
    }
    return hook;
  }

  seal(): void {
    for (const hook of this.#hooks.values()) hook.seal();
  }
}

/** The hook table, in the order a build reaches the hooks. */
export function createHooks(onTap: TapObserver = () => {}) {
  const hook = <A extends unknown[], R>(kind: HookKind, side: HookSide, orderBy?: "rank" | "name") => ({
    one: (name: string) => new Hook<A, R>(name, kind, side, onTap, orderBy),
    map: <K extends string>(name: string, keys: readonly K[]) =>
      new HookMap<A, R, K>(name, kind, side, keys, (key) => new Hook<A, R>(key, kind, side, onTap, orderBy)),
  });
  return {
    /** Defaults are in, elements are not loaded: only the caller can tap. Return a config. */
    config: hook<[BuildConfig], BuildConfig>("waterfall", "front").one("config"),
    /** Add elements from elsewhere; only the caller can tap. */
    discover: hook<[ElementCatalog], void>("series", "front").one("discover"),
    /** The closure is known; add, drop or replace elements by returning another set. */
    expand: hook<[ElementSet], ElementSet>("waterfall", "front").one("expand"),
    /** Nothing has touched the disk yet. Return a plan. */
    plan: hook<[BuildPlan], BuildPlan>("waterfall", "front").one("plan"),
    /** The work folders are made, nothing is in them. */
    workspace: hook<[Workspace], void>("series", "worker").one("workspace"),
    /** The scripts of all elements are merged; add, drop or edit them. */
    generateHooks: hook<[HookTree], void>("series", "worker").one("generateHooks"),
    /** Environment of one phase, environment.d included. Return it. */
    environment: hook<[Env, { readonly phase: string }], Env>("waterfall", "worker").one("environment"),
    /** Add what a tree phase's result depends on. */
    fingerprint: hook<[Fingerprint], void>("series", "worker").map("fingerprint", phaseNames),
    /** Its taps are the steps of the phase, scripts and TypeScript alike; a tap's stage is its number. */
    phase: hook<[PhaseRun], void>("series", "worker", "name").map("phase", phaseNames),
    beforePhase: hook<[PhaseRun], void>("series", "worker").map("beforePhase", phaseNames),
    /** Only if all scripts passed. */
    afterPhase: hook<[PhaseRun, PhaseReport], void>("series", "worker").map("afterPhase", phaseNames),
    /** Run or skip a script in another way; undefined lets it run. */
    script: hook<[ScriptRun], ScriptOutcome | undefined>("bail", "worker").one("script"),
    afterScript: hook<[ScriptRun, ScriptReport], void>("series", "worker").one("afterScript"),
    /** Add mounts to the target, once a base is there and again on the disk. */
    mount: hook<[MountSet], void>("series", "worker").one("mount"),
    /** Before the mounts of the target are undone; every tap is called. */
    unmount: hook<[MountSet], void>("collecting", "worker").one("unmount"),
    /** Bytes of the disk, rounded up to 64 KiB afterwards. Return it. */
    imageSize: hook<[number], number>("waterfall", "worker").one("imageSize"),
    /** Create a node of the block device graph; undefined leaves it to another tap. */
    blockDevice: hook<[NodeRequest], true | undefined>("bail", "worker").map("blockDevice", [] as readonly string[]),
    /** Write an output; undefined leaves it to another tap. */
    format: hook<[FormatRequest], FormatResult | undefined>("bail", "worker").map("format", [] as readonly string[]),
    /** On success, failure and interrupt: release what was taken outside the tree. Every tap is called. */
    cleanup: hook<[Workspace], void>("collecting", "worker").one("cleanup"),
    /** A file is published. */
    artifact: hook<[Artifact], void>("series", "front").one("artifact"),
    failed: hook<[Error], void>("series", "front").one("failed"),
    done: hook<[BuildReport], void>("series", "front").one("done"),
    /** Observe. Must not throw. */
    event: hook<[BuildEvent], void>("sync", "both").one("event"),
  };
}

export type Hooks = ReturnType<typeof createHooks>;
type Facade<H> =
  H extends Hook<infer A, infer R>
    ? Tappable<A, R>
    : H extends HookMap<infer A, infer R, infer K>
      ? { for(key: K): Tappable<A, R> }
      : never;

/** The hooks as an element or a caller sees them. */
export type ElementHooks = { readonly [Name in keyof Hooks]: Facade<Hooks[Name]> };

/** Wraps the hooks for one element: its name is every tap's name, its rank every tap's rank. */
export function facadeOf(hooks: Hooks, name: string, rank: number): ElementHooks {
  const tappable = <A extends unknown[], R>(hook: Hook<A, R>): Tappable<A, R> => {
    const add = (fn: (...args: A) => R | Promise<R>, order: Order = {}) => hook.add({ ...order, name, rank, fn });
    return { tap: add, tapPromise: add };
  };
  const entries = Object.entries(hooks).map(([key, hook]) => [
    key,
    hook instanceof HookMap
      ? { for: (of: string) => tappable(hook.for(of as never) as unknown as Hook<unknown[], unknown>) }
      : tappable(hook as unknown as Hook<unknown[], unknown>),
  ]);
  return Object.fromEntries(entries) as ElementHooks;
}

/** After set-up: checks every order and refuses later taps. */
export function sealHooks(hooks: Hooks): void {
  for (const hook of Object.values(hooks)) hook.seal();
}
