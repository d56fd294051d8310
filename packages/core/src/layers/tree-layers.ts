/**
 * The layers of one build: for each tree phase, whether the store has its result, and what is kept when it has not. A phase that
 * can't be kept ends it: those after it run, and nothing of them is kept.
 */
import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { copy, remove } from "fs-extra/esm";
import type { BuildContext } from "../context.js";
import type { SourceRecord } from "../fetch/sources.js";
import { BuildError, reasonOf } from "../errors.js";
import { saysNoSpace } from "../out-of-space.js";
import type { PhaseInfo } from "../phases/table.js";
import { canonicalJson, sha256 } from "../plan/digest.js";
import type { BuildPlaces, BuildPlan } from "../plan/plan.js";
import type { AptSuite } from "../report/report.js";
import type { Workspace } from "../workspace/workspace.js";
import { explainMiss } from "./explain.js";
import { aptFacts, fetchFacts, Freshness, type Fact } from "./freshness.js";
import { derivedVariables, HookReader, mentionsIn, runsIn, type HookChanges, type HookFile } from "./hook-view.js";
import { keyOf, phaseInputs, uncacheableIn } from "./inputs.js";
import type { Inputs } from "./layer.js";
import { mountAgain, mountedBelow, readScriptMounts, type ScriptMount } from "./script-mounts.js";
import { defaultLimits, pruneLayers } from "./prune.js";
import { inputsPrefix, layersFolder, LayerStore, type NewLayer, type StoredLayer } from "./store.js";
import { readable, Reads } from "./traced-run.js";
import { digestTree } from "./tree-digest.js";

type Env = Readonly<Record<string, string>>;

export interface LayerSetting {
  readonly plan: BuildPlan;
  readonly places: BuildPlaces;
  readonly workspace: Workspace;
  readonly sources: SourceRecord;
  /** How many folders beside the outputs steps have staged so far: they are in no layer. */
  readonly countSideFolders: () => number;
  /** What scripts outside get before environment.d. */
  readonly env: Env;
  readonly ctx: BuildContext;
}

/** A phase that is about to run, with what is known of it before. */
export interface Attempt {
  readonly phase: PhaseInfo;
  readonly inputs: Inputs;
  readonly files: readonly HookFile[];
  readonly reads: Reads;
  /** Lets other builds make the same. */
  readonly release: () => Promise<void>;
}

/** What a build would do with a phase. */
export interface PhaseForecast {
  readonly phase: string;
  /** `assumed`: restored if the phases that run before give what they gave. */
  readonly state: "cached" | "assumed" | "runs";
  /** Why it runs. */
  readonly reasons: readonly string[];
  readonly layer?: string;
  /** ISO 8601. */
  readonly createdAt?: string;
  readonly savedSeconds?: number;
}

/** What is in scratch space while phases run, and what was there before they did. */
interface Before {
  readonly mounts: ReadonlySet<string>;
  readonly sideFolders: number;
  readonly beside: ReadonlySet<string>;
  readonly files: ReadonlySet<string>;
  readonly commits: ReadonlySet<string>;
}

export class TreeLayers {
  readonly reader: HookReader;
  /** Undefined in a build that neither takes nor keeps anything. */
  readonly #store: LayerStore | undefined;
  readonly #setting: LayerSetting;
  readonly #freshness: Freshness;
  readonly #engine: string;
  readonly #salt: string;
  #parent: Promise<string> = Promise.resolve("");
  #keeping: Promise<void> = Promise.resolve();
  #mounts: readonly ScriptMount[] = [];
  #isOpen: boolean;
  /** A forecast goes on from what a phase gave the last time. */
  #isAssumed = false;
  #hasKept = false;
  readonly #used: StoredLayer[] = [];
  #before: Before | undefined;

  private constructor(store: LayerStore | undefined, setting: LayerSetting, engine: string, salt: string) {
    this.#store = store;
    this.#isOpen = store !== undefined;
    this.#setting = setting;
    this.#engine = engine;
    this.#salt = salt;
    this.reader = new HookReader(setting.workspace.hooksDir);
    const { ctx, env } = setting;
    this.#freshness = new Freshness({ exec: ctx.exec, signal: ctx.signal, env });
  }

  static async open(setting: LayerSetting): Promise<TreeLayers> {
    const { plan, places, workspace, ctx } = setting;
    const canStack = await workspace.tree.canStack();
    if (!canStack) ctx.emit({ type: "note", level: "info", text: notStacked(workspace.buildDir) });
    // Work folders that are kept are to hold the tree as a whole.
    if (places.layers === "none" || plan.settings.keep || !canStack) return new TreeLayers(undefined, setting, "", "");
    const opened = await openStore(layersFolder(places), ctx);
    if (opened === undefined) return new TreeLayers(undefined, setting, "", "");
    const { store, salt } = opened;
    const layers = new TreeLayers(store, setting, digestEngine(places), salt);
    workspace.resources.defer("the layers being kept", async () => {
      await layers.#keeping;
      if (layers.#hasKept) await pruneLayers(store, defaultLimits).catch(() => []); // the next build does it
    });
    return layers;
  }

  /** Digest of what the phases so far have made; undefined when a phase was not restored or kept. */
  get result(): Promise<string> | undefined {
    return this.#isOpen ? this.#parent : undefined;
  }

  get engine(): string {
    return this.#engine;
  }

  /** Throws LAYER_LOST when a layer that this build stands on is not what it was: locks hold back our own programs only. */
  async checkUsed(): Promise<void> {
    for (const layer of this.#used) {
      if ((await this.#store?.isIntact(layer)) !== false) continue;
      throw new BuildError("LAYER_LOST", { phase: layer.phase, folder: layer.folder });
    }
  }

  /** Nothing is taken or kept from here on. */
  close(reason: string): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#setting.ctx.emit({ type: "note", level: "info", text: `From here on nothing is cached: ${reason}.` });
  }

  /** Finds the result of a phase; else what is needed to keep it once it has run. */
  async find(
    phase: PhaseInfo,
    files: readonly HookFile[],
    added: ReadonlyMap<string, string>,
  ): Promise<StoredLayer | Attempt | undefined> {
    const { plan, places, ctx, env } = this.#setting;
    const refusing = uncacheableIn(phase, plan);
    if (refusing.length > 0)
      this.close(`element ${refusing.join(", ")} does not let the result of ${phase.name} be kept`);
    if (hasBreak(phase, plan)) this.close(`there is a break point at ${phase.name}`);
    if (!this.#isOpen || this.#store === undefined) return undefined;
    const inputs = phaseInputs({
      phase,
      plan,
      places,
      hooks: ctx.hooks,
      files,
      env,
      added,
      engine: this.#engine,
      salt: this.#salt,
    });
    const found = await this.#lookUp(phase, inputs, this.#store);
    if (found !== undefined) return found;
    const release = await this.#claim(inputsPrefix(phase.name, inputs), this.#store);
    const made = await this.#lookUp(phase, inputs, this.#store);
    if (made === undefined)
      return { phase, inputs, files, reads: new Reads(readable(plan, env), derivedVariables(files)), release };
    await release();
    return made;
  }

  /** A store that can't hold a lock holds nobody back. */
  async #claim(what: string, store: LayerStore): Promise<() => Promise<void>> {
    const { signal } = this.#setting.ctx;
    try {
      return await store.claim(what);
    } catch {
      signal.throwIfAborted();
      return async () => {};
    }
  }

  async #lookUp(phase: PhaseInfo, inputs: Inputs, store: LayerStore): Promise<StoredLayer | undefined> {
    const { plan, places, workspace, env, ctx } = this.#setting;
    const prefix = inputsPrefix(phase.name, inputs);
    const isKnown = places.layers === "use" && (await store.names()).some((name) => name.startsWith(prefix));
    if (!isKnown) return undefined; // and nobody waits for the digest of what lies below
    const stateOf = readable(plan, env);
    const parent = await this.#parent.catch((error: unknown) => {
      this.close(`the result of the phase before can't be read: ${reasonOf(error)}`);
      return undefined;
    });
    if (parent === undefined) return undefined;
    for (const layer of await store.find(keyOf(inputs, parent))) {
      if (layer.mounts.some(({ source }) => !existsSync(source))) continue; // a cache that it binds is gone
      if (Object.entries(layer.reads).some(([name, state]) => stateOf(name) !== state)) continue;
      const stale = plan.settings.offline ? [] : await this.#freshness.changed(layer.facts);
      if (stale.length > 0) {
        const [{ what } = { what: "" }] = stale;
        ctx.emit({ type: "note", level: "info", text: `${phase.name} runs anew: ${what} has changed.` });
        continue;
      }
      const lock = await store.use(layer);
      if (lock === undefined) continue;
      this.#used.push(layer);
      workspace.resources.defer(`use of layer ${layer.id}`, () => lock.close());
      return layer;
    }
    return undefined;
  }

  /** What would become of a phase, and why. Nothing is locked or kept; a stored result counts for the phases after it. */
  async forecast(
    phase: PhaseInfo,
    files: readonly HookFile[],
    added: ReadonlyMap<string, string>,
  ): Promise<PhaseForecast> {
    const { plan, places, ctx, env } = this.#setting;
    const base = { phase: phase.name };
    const refusing = uncacheableIn(phase, plan);
    if (refusing.length > 0) this.#isOpen = false;
    const never = refusing.map((name) => `element ${name} does not let its result be kept`);
    if (!this.#isOpen || this.#store === undefined)
      return {
        ...base,
        state: "runs",
        reasons: never.length > 0 ? never : ["nothing is cached from an earlier phase on"],
      };
    const inputs = phaseInputs({
      ...{ phase, plan, places, hooks: ctx.hooks, files, env, added },
      ...{ engine: this.#engine, salt: this.#salt },
    });
    const found = await this.#lookUp(phase, inputs, this.#store);
    if (found !== undefined) {
      await this.restore(found);
      const { id, createdAt, seconds } = found;
      return {
        ...base,
        state: this.#isAssumed ? "assumed" : "cached",
        reasons: [],
        layer: id,
        createdAt,
        savedSeconds: seconds,
      };
    }
    const nearest = await this.#nearest(phase, this.#store);
    const stale = nearest === undefined || plan.settings.offline ? [] : await this.#freshness.changed(nearest.facts);
    const parent = this.#isAssumed ? undefined : await this.#parent;
    const now = { inputs, parent, stateOf: readable(plan, env), stale };
    const reasons =
      nearest === undefined ? ["no build of this image has kept a result of it"] : explainMiss(nearest, now);
    const unsaid = mentionsIn(runsIn(phase.name, files)).has("fetch")
      ? ["a script of it fetches something and does not say what"]
      : [];
    if (nearest !== undefined)
      await this.restore(nearest); // as if it gave the same again
    else this.#isOpen = false;
    this.#isAssumed = true;
    return { ...base, state: "runs", reasons: reasons.length > 0 ? reasons : unsaid };
  }

  /** The newest layer of the phase for this image; of another one where there is none. */
  async #nearest(phase: PhaseInfo, store: LayerStore): Promise<StoredLayer | undefined> {
    const layers = (await store.list()).filter((layer) => layer.phase === phase.name);
    const own = layers.filter(({ image }) => image === this.#setting.plan.output);
    return (own.length > 0 ? own : layers).sort((a, b) => a.createdAt.localeCompare(b.createdAt)).at(-1);
  }

  /** Lays a stored result on top of the tree, which is not mounted, and makes its changes to the hooks. */
  async restore(layer: StoredLayer): Promise<void> {
    const { workspace, sources, ctx } = this.#setting;
    workspace.tree.push(layer.form === "folder" ? join(layer.folder, "tree") : await this.#unpack(layer));
    for (const path of layer.hooks.removed) await remove(join(workspace.hooksDir, path));
    for (const path of layer.hooks.written) {
      await remove(join(workspace.hooksDir, path));
      await copy(join(layer.folder, "hooks", path), join(workspace.hooksDir, path));
    }
    for (const file of layer.files) sources.addFile(file);
    for (const commit of layer.commits) sources.addCommit(commit);
    this.#mounts = layer.mounts;
    this.#parent = Promise.resolve(layer.result);
    const ageSeconds = Math.max(0, (Date.now() - Date.parse(layer.createdAt)) / 1000);
    ctx.emit({ type: "phase-restored", phase: layer.phase, layer: layer.id, ageSeconds, savedSeconds: layer.seconds });
  }

  async #unpack({ id, folder, phase }: StoredLayer): Promise<string> {
    const { workspace, ctx } = this.#setting;
    const place = join(workspace.buildDir, "unpacked", id);
    await mkdir(place, { recursive: true });
    const all = ["--xattrs", "--xattrs-include=*", "--acls", "--numeric-owner", "-I", "zstd -d"];
    const archive = join(folder, "tree.tar.zst");
    const { exitCode, stderr } = await ctx.exec("tar", ["-C", place, ...all, "-xpf", archive], { signal: ctx.signal });
    if (exitCode === 0) return place;
    ctx.signal.throwIfAborted();
    if (saysNoSpace(stderr))
      throw new BuildError("SPACE_EXHAUSTED", { path: workspace.buildDir, doing: "unpacking a layer" });
    await this.#store?.discard(id);
    throw new BuildError("LAYER_LOST", { phase, folder });
  }

  /** Binds again what scripts had bound. After the tree and its base are mounted. */
  async mountAgain(): Promise<void> {
    const { workspace, ctx } = this.#setting;
    for (const each of this.#mounts) await mountAgain(workspace.mountDir, each, ctx);
  }

  /** Right before the steps of a phase run. */
  async begin(): Promise<void> {
    const { workspace, sources } = this.#setting;
    this.#before = {
      mounts: new Set(
        [...(await mountedBelow(workspace.mountDir))].filter(
          (key) => !this.#mounts.some(({ on }) => key.endsWith(` ${workspace.mountDir}${on}`)),
        ),
      ),
      sideFolders: this.#setting.countSideFolders(),
      beside: besideHooks(workspace),
      files: new Set(sources.files.map(({ url, sha256: digest }) => `${url} ${digest}`)),
      commits: new Set(sources.commits.map((each) => canonicalJson(each))),
    };
  }

  /**
   * After a phase has run, with its tree still mounted. When its result can be kept, `freeze` unmounts the tree and gives its
   * folder; it is stored beside what comes next.
   */
  async keep(
    attempt: Attempt,
    made: { readonly hooks: HookChanges; readonly aptSuites: readonly AptSuite[]; readonly seconds: number },
    freeze: () => Promise<string>,
  ): Promise<void> {
    const { workspace, sources, ctx, plan } = this.#setting;
    const before = this.#before;
    if (before === undefined) throw new Error("keep without begin");
    const reason = await this.#whatCantBeKept(before);
    if (reason !== undefined) {
      this.close(`${attempt.phase.name} ${reason}`);
      return attempt.release();
    }
    const files = sources.files.filter(({ url, sha256: digest }) => !before.files.has(`${url} ${digest}`));
    const commits = sources.commits.filter((each) => !before.commits.has(canonicalJson(each)));
    const fetched = await fetchFacts(files, commits, this.#freshness);
    const facts = [...(await aptFacts(workspace.target)), ...fetched];
    const tree = await freeze();
    const hooksDir = join(workspace.buildDir, "kept-hooks", attempt.phase.name);
    for (const path of made.hooks.written) await copy(join(workspace.hooksDir, path), join(hooksDir, path));
    const parent = this.#parent;
    const mounts = this.#mounts;
    const treeDigest = digestTree(tree, ctx.exec, ctx.signal);
    const states = this.reader.read().filter(({ path }) => made.hooks.written.includes(path));
    const hookStates = states.map(({ path, state }) => `${path} ${state}`);
    const { removed } = made.hooks;
    const result = Promise.all([parent, treeDigest]).then((digests) =>
      sha256(canonicalJson({ digests, hookStates, removed, mounts })),
    );
    result.catch(() => undefined); // whoever needs it asks for it
    this.#parent = result;
    const layer = async (): Promise<NewLayer> => ({
      ...{
        key: keyOf(attempt.inputs, await parent),
        phase: attempt.phase.name,
        image: plan.output,
        parent: await parent,
      },
      ...{
        inputs: attempt.inputs,
        reads: attempt.reads.states,
        facts,
        result: await result,
        treeDigest: await treeDigest,
      },
      ...{ hooks: made.hooks, mounts, files, commits, aptSuites: made.aptSuites, seconds: made.seconds },
    });
    const isKept = this.#isAccountedFor(attempt, fetched);
    this.#keeping = this.#keeping.then(async () => {
      try {
        if (!isKept || ctx.signal.aborted) return;
        this.#hasKept = true;
        await this.#store?.add(await layer(), { tree, hooksDir });
      } catch (error) {
        if (!ctx.signal.aborted)
          ctx.emit({
            type: "note",
            level: "warning",
            text: `The result of ${attempt.phase.name} is not cached: ${reasonOf(error)}`,
          });
      } finally {
        await attempt.release().catch(() => undefined);
      }
    });
  }

  /** Why the result of the phase that ran can't be made again from files alone. */
  async #whatCantBeKept(before: Before): Promise<string | undefined> {
    const { workspace, places } = this.#setting;
    const { known, unknown } = await readScriptMounts(workspace.mountDir, before.mounts, [places.cacheDir]);
    if (unknown.length > 0) return `left a mount that can't be made again: ${unknown.join(", ")}`;
    if (this.#setting.countSideFolders() > before.sideFolders) return "wrote beside the image";
    const left = [...besideHooks(workspace)].filter((name) => !before.beside.has(name));
    if (left.length > 0) return `left files in TMP_BUILD_DIR or TMP_IMAGE_DIR: ${left.join(", ")}`;
    this.#mounts = known;
    return undefined;
  }

  /** What a program fetched without a word may be another thing tomorrow. */
  #isAccountedFor({ phase, files }: Attempt, fetched: readonly Fact[]): boolean {
    return fetched.length > 0 || !mentionsIn(runsIn(phase.name, files)).has("fetch");
  }
}

const notStacked = (folder: string): string =>
  `${folder} lies on a file system that can't carry an overlay: the tree is a plain folder, and no result of a phase is cached.`;

const hasBreak = ({ name }: PhaseInfo, { settings, result }: BuildPlan): boolean =>
  settings.breaks.some((point) => point === `before-${name}` || point === `after-${name}`) ||
  (result === "ramdisk" && settings.breaks.some((point) => point.endsWith("-ramdisk-install")));

/** Of the engine's own in scratch space; steps put what only they need into `scratch`. */
const ofTheEngine = new Set([
  "hooks",
  "hooks.aside",
  "lib",
  "mnt",
  "built",
  "tree",
  "unpacked",
  "kept-hooks",
  "fetch-log",
  "scratch",
  "beside",
]);

function besideHooks({ buildDir, imageDir }: Workspace): Set<string> {
  const names = [buildDir, imageDir].flatMap((folder) => readdirSync(folder));
  return new Set(names.filter((name) => !ofTheEngine.has(name)));
}

/** What of the engine scripts run or source: its version, and the files of _LIB. */
function digestEngine({ libDir }: BuildPlaces): string {
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  const folders = [libDir, fileURLToPath(new URL("../../libexec/inside", import.meta.url))];
  const entries = folders.flatMap((folder) => readdirSync(folder, { recursive: true, withFileTypes: true }));
  const files = entries.filter((entry) => entry.isFile());
  const states = files.map(({ parentPath, name }) => `${name} ${sha256(readFileSync(join(parentPath, name)))}`).sort();
  return sha256(canonicalJson({ version, states }));
}

/** Undefined, with a warning, for a folder that can't be one: the build does without. */
async function openStore(
  folder: string,
  ctx: LayerSetting["ctx"],
): Promise<{ readonly store: LayerStore; readonly salt: string } | undefined> {
  try {
    const store = await LayerStore.open(folder, ctx);
    return { store, salt: await readSalt(store.folder) };
  } catch (error) {
    ctx.emit({ type: "note", level: "warning", text: `Nothing is cached: ${reasonOf(error)}` });
    return undefined;
  }
}

/** Drawn once for a store. */
async function readSalt(folder: string): Promise<string> {
  const file = join(folder, "salt");
  const drawn = randomBytes(32).toString("hex");
  await writeFile(file, drawn, { flag: "wx", mode: 0o600 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
  return readFile(file, "utf8");
}
