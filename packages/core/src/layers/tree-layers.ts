/**
 * The layers of one build: for each tree phase, whether the store has its result, and what is kept when it has not. A phase that
 * can't be kept ends it: those after it run, and nothing of them is kept.
 */
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { copy, remove } from "fs-extra/esm";
import type { BuildContext } from "../context.js";
import { BuildError, reasonOf } from "../errors.js";
import { saysNoSpace } from "../out-of-space.js";
import type { PhaseInfo, PhaseName } from "../phases/table.js";
import { canonicalJson, sha256 } from "../plan/digest.js";
import type { BuildPlaces, BuildPlan } from "../plan/plan.js";
import type { AptSuite } from "../report/report.js";
import { aptFacts } from "./apt-facts.js";
import { DiskLayers } from "./disk-layers.js";
import type { Now } from "./explain.js";
import { giveLayers, OfferedLayers } from "./exchange.js";
import { fetchFacts } from "./freshness.js";
import { HookReader } from "./hook-files.js";
import type { HookChanges, HookView } from "./hook-view.js";
import { keyOf, phaseInputs, uncacheableIn } from "./inputs.js";
import { archiveName, unpackTree } from "./layer-content.js";
import { isIntact } from "./intact.js";
import type { Inputs } from "./layer.js";
import { openStore, type OpenedStore } from "./open-store.js";
import { derivedVariables } from "./mentions.js";
import { mountAgain, type ScriptMount } from "./script-mounts.js";
import { inputsPrefix, type NewLayer, type StoredLayer } from "./store.js";
import { readBefore, readLeft, type Before, type TracesSetting } from "./traces.js";
import { readable, Reads } from "./traced-run.js";
import { digestTree } from "./tree-digest.js";

type Env = Readonly<Record<string, string>>;

export interface LayerSetting extends Omit<TracesSetting, "caches"> {
  readonly plan: BuildPlan;
  readonly places: BuildPlaces;
  /** What scripts outside get before environment.d. */
  readonly env: Env;
  readonly ctx: BuildContext;
}

/** A phase that is about to run, with what is known of it before. */
export interface Attempt {
  readonly phase: PhaseInfo;
  readonly inputs: Inputs;
  readonly view: HookView;
  readonly reads: Reads;
  /** Lets other builds make the same. */
  readonly release: () => Promise<void>;
}

/** What a phase that ran has made beside its tree. */
export interface Made {
  readonly before: Before;
  readonly hooks: HookChanges;
  readonly aptSuites: readonly AptSuite[];
  readonly seconds: number;
}

export class TreeLayers {
  readonly reader: HookReader;
  readonly #setting: LayerSetting;
  readonly #traces: TracesSetting;
  /** Undefined once nothing is taken or kept any more. */
  #opened: OpenedStore | undefined;
  readonly #offered: OfferedLayers | undefined;
  #parent: Promise<string> = Promise.resolve("");
  #mounts: readonly ScriptMount[] = [];
  readonly #used: StoredLayer[] = [];

  private constructor(setting: LayerSetting, opened: OpenedStore | undefined) {
    this.#setting = setting;
    this.#traces = { ...setting, caches: [setting.places.cacheDir] };
    this.#opened = opened;
    const { cacheFrom } = setting.places;
    this.#offered = cacheFrom === undefined ? undefined : new OfferedLayers(cacheFrom);
    this.reader = new HookReader(setting.workspace.hooksDir);
  }

  static async open(setting: LayerSetting): Promise<TreeLayers> {
    const { plan, places, workspace, ctx } = setting;
    const canStack = await workspace.tree.canStack();
    if (!canStack) ctx.emit({ type: "note", level: "info", text: notStacked(workspace.buildDir) });
    // Work folders that are kept are to hold the tree as a whole.
    const isWanted = places.layers !== "none" && !plan.settings.keep && canStack;
    return new TreeLayers(setting, isWanted ? await openStore(setting) : undefined);
  }

  get plan(): BuildPlan {
    return this.#setting.plan;
  }

  get isOpen(): boolean {
    return this.#opened !== undefined;
  }

  /** Digests of what the phases so far have made, and of the engine; undefined when a phase was not restored or kept. */
  async digests(): Promise<{ readonly result: string; readonly engine: string } | undefined> {
    const result = await this.#parent.catch(() => undefined);
    return this.#opened === undefined || result === undefined ? undefined : { result, engine: this.#opened.engine };
  }

  /** Throws LAYER_LOST when a layer that this build stands on is not what it was: locks hold back our own programs only. `phase`: the layers of that one alone. */
  async checkUsed(phase?: PhaseName): Promise<void> {
    const { exec } = this.#setting.ctx;
    const used = this.#used.filter((layer) => phase === undefined || layer.phase === phase);
    const states = await Promise.all(used.map((layer) => isIntact(layer, exec)));
    const lost = used[states.indexOf(false)];
    if (lost !== undefined) throw new BuildError("LAYER_LOST", { phase: lost.phase, folder: lost.folder });
  }

  /** Nothing is taken or kept from here on. */
  close(reason: string): void {
    if (this.#opened === undefined) return;
    this.#opened = undefined;
    this.#setting.ctx.emit({ type: "note", level: "info", text: `From here on nothing is cached: ${reason}.` });
  }

  /** Finds the result of a phase; else what is needed to keep it once it has run. */
  async find(
    phase: PhaseInfo,
    view: HookView,
    added: ReadonlyMap<string, string>,
  ): Promise<StoredLayer | Attempt | undefined> {
    const { plan, env } = this.#setting;
    const refusing = uncacheableIn(phase, plan);
    if (refusing.length > 0)
      this.close(`element ${refusing.join(", ")} does not let the result of ${phase.name} be kept`);
    if (hasBreak(phase, plan)) this.close(`there is a break point at ${phase.name}`);
    if (this.#opened === undefined) return undefined;
    const inputs = this.inputsOf(phase, view, added);
    const found = await this.lookUp(phase, inputs);
    if (found !== undefined) return found;
    const release = await this.#claim(inputsPrefix(phase.name, inputs));
    const made = await this.lookUp(phase, inputs);
    if (made === undefined)
      return { phase, inputs, view, reads: new Reads(readable(plan, env), derivedVariables(view.files)), release };
    await release();
    return made;
  }

  inputsOf(phase: PhaseInfo, view: HookView, added: ReadonlyMap<string, string>): Inputs {
    const { plan, places, env, ctx } = this.#setting;
    const { engine = "", salt = "" } = this.#opened ?? {};
    return phaseInputs({ phase, plan, places, hooks: ctx.hooks, view, env, added, engine, salt });
  }

  /** A store that can't hold a lock holds nobody back. */
  async #claim(what: string): Promise<() => Promise<void>> {
    try {
      return (await this.#opened?.store.claim(what)) ?? (async () => {});
    } catch {
      this.#setting.ctx.signal.throwIfAborted();
      return async () => {};
    }
  }

  /** A stored result of the phase that a fresh build would give as well; it is held until the end of this build. */
  async lookUp(phase: PhaseInfo, inputs: Inputs): Promise<StoredLayer | undefined> {
    const { plan, places, workspace, env, ctx } = this.#setting;
    const { store, freshness } = this.#opened ?? {};
    if (store === undefined || freshness === undefined || places.layers !== "use") return undefined;
    // Where nothing is stored for these inputs nobody waits for the digest of what lies below.
    const prefix = inputsPrefix(phase.name, inputs);
    const isOffered = await this.#offered?.hasFor(prefix);
    if (isOffered !== true && !(await store.hasFor(prefix))) return undefined;
    const parent = await this.#parent.catch((error: unknown) =>
      this.close(`the result of the phase before can't be read: ${reasonOf(error)}`),
    );
    if (parent === undefined) return undefined;
    const stateOf = readable(plan, env);
    if (isOffered === true) await this.#offered?.bring(keyOf(inputs, parent), store, ctx);
    for (const layer of await store.find(keyOf(inputs, parent))) {
      if (layer.mounts.some(({ source }) => !existsSync(source))) continue; // a cache that it binds is gone
      if (Object.entries(layer.reads).some(([name, state]) => stateOf(name) !== state)) continue;
      const [stale] = plan.settings.offline ? [] : await freshness.changed(layer.facts);
      if (stale !== undefined) {
        ctx.emit({ type: "note", level: "info", text: `${phase.name} runs anew: ${stale.what} has changed.` });
        continue;
      }
      const lock = await store.use(layer);
      if (lock === undefined) continue;
      this.#used.push(layer);
      store.expect(layer.result).catch(() => undefined); // it is looked at again when its turn comes
      workspace.resources.defer(`use of layer ${layer.id}`, () => lock.close());
      return layer;
    }
    return undefined;
  }

  /** For what is kept of the disk, once the last tree phase has been passed; undefined when nothing is cached. */
  get disk(): DiskLayers | undefined {
    if (this.#opened === undefined) return undefined;
    const { ctx, plan } = this.#setting;
    return new DiskLayers({
      ...{ ...this.#opened, parent: this.#parent, plan, ctx },
      take: async (phase, inputs) => {
        const layer = await this.lookUp(phase, inputs);
        return layer === undefined ? undefined : { layer, folder: await this.#treeOf(layer) };
      },
      tell: (layer) => this.#tellRestored(layer),
    });
  }

  /** At the end of a build: leaves what it used and made where others look, if it is asked to. */
  async give(): Promise<void> {
    const { places, ctx } = this.#setting;
    const { store, keeping } = this.#opened ?? {};
    if (places.cacheTo === undefined || store === undefined || keeping === undefined || ctx.signal.aborted) return;
    await keeping.settle();
    const made = await Promise.all(keeping.kept.map((id) => store.read(id)));
    await giveLayers(places.cacheTo, [...this.#used, ...made.filter((layer) => layer !== undefined)], ctx);
  }

  /** The newest layer of the phase for this image; of another one where there is none. */
  async nearest(phase: PhaseInfo): Promise<StoredLayer | undefined> {
    const stored = (await this.#opened?.store.list()) ?? [];
    const layers = stored.filter((layer) => layer.phase === phase.name);
    const own = layers.filter(({ image }) => image === this.plan.output);
    return (own.length > 0 ? own : layers).sort((a, b) => a.createdAt.localeCompare(b.createdAt)).at(-1);
  }

  /** What a layer is compared with. The parent is not known where a phase before has to run first. */
  async stateNow(inputs: Inputs, layer: StoredLayer, { isParentKnown }: { isParentKnown: boolean }): Promise<Now> {
    const { plan, env } = this.#setting;
    const stale = plan.settings.offline ? [] : ((await this.#opened?.freshness.changed(layer.facts)) ?? []);
    const parent = isParentKnown ? await this.#parent : undefined;
    return { inputs, parent, stateOf: readable(plan, env), stale };
  }

  /** Lays a stored result on top of the tree, which is not mounted, and makes its changes to the hooks. */
  async restore(layer: StoredLayer): Promise<void> {
    const { workspace, sources } = this.#setting;
    workspace.tree.push(await this.#treeOf(layer));
    for (const path of layer.hooks.removed) await remove(join(workspace.hooksDir, path));
    for (const path of layer.hooks.written) {
      await remove(join(workspace.hooksDir, path));
      await copy(join(layer.folder, "hooks", path), join(workspace.hooksDir, path));
    }
    for (const file of layer.files) sources.addFile(file);
    for (const commit of layer.commits) sources.addCommit(commit);
    this.#mounts = layer.mounts;
    this.#parent = Promise.resolve(layer.result);
    this.#tellRestored(layer);
  }

  #tellRestored({ phase, id: layer, createdAt, seconds: savedSeconds }: StoredLayer): void {
    const ageSeconds = Math.max(0, (Date.now() - Date.parse(createdAt)) / 1000);
    this.#setting.ctx.emit({ type: "phase-restored", phase, layer, ageSeconds, savedSeconds });
  }

  async #treeOf(layer: StoredLayer): Promise<string> {
    return layer.form === "folder" ? join(layer.folder, "tree") : this.#unpack(layer);
  }

  async #unpack({ id, folder, phase }: StoredLayer): Promise<string> {
    const { workspace, ctx } = this.#setting;
    const place = join(workspace.buildDir, "unpacked", id);
    await mkdir(place, { recursive: true });
    try {
      await unpackTree(join(folder, archiveName), place, ctx);
      return place;
    } catch (error) {
      ctx.signal.throwIfAborted();
      if (saysNoSpace(reasonOf(error)))
        throw new BuildError("SPACE_EXHAUSTED", { path: workspace.buildDir, doing: "unpacking a layer" });
    }
    await this.#opened?.store.discard(id);
    throw new BuildError("LAYER_LOST", { phase, folder });
  }

  /** Binds again what scripts had bound. After the tree and its base are mounted. */
  async mountAgain(): Promise<void> {
    const { workspace, ctx } = this.#setting;
    for (const each of this.#mounts) await mountAgain(workspace.mountDir, each, ctx);
  }

  /** Right before the steps of a phase run. */
  begin(): Promise<Before> {
    return readBefore(this.#traces, this.#mounts);
  }

  /**
   * After a phase has run, with its tree still mounted. When its result can be kept, `freeze` unmounts the tree and gives its
   * folder; it is stored beside what comes next.
   */
  async keep(attempt: Attempt, made: Made, freeze: () => Promise<string>): Promise<void> {
    const { workspace, ctx, plan } = this.#setting;
    const { keeping, freshness } = this.#opened ?? {};
    const left = await readLeft(this.#traces, made.before);
    if ("refused" in left) this.close(`${attempt.phase.name} ${left.refused}`);
    if ("refused" in left || keeping === undefined || freshness === undefined) return attempt.release();

    const { mounts, files, commits } = left;
    const fetched = await fetchFacts(files, commits, freshness);
    const facts = [...(await aptFacts(workspace.target)), ...fetched];
    this.#mounts = mounts;
    const tree = await freeze();
    const hooksDir = await this.#copyHooks(attempt, made.hooks);
    const parent = this.#parent;
    const treeDigest = digestTree(tree, ctx.exec, ctx.signal);
    const hooks = this.#hookStates(made.hooks);
    const result = Promise.all([parent, treeDigest]).then((digests) =>
      sha256(canonicalJson({ digests, hooks, mounts })),
    );
    result.catch(() => undefined); // whoever needs it asks for it
    this.#parent = result;
    // What a program fetched without a word may be another thing tomorrow.
    if (attempt.view.mentions.has("fetch") && fetched.length === 0) return attempt.release();
    const { phase, inputs, reads, release } = attempt;
    const layer = async (): Promise<NewLayer> => ({
      ...{ phase: phase.name, image: plan.output, inputs, reads: reads.states, facts, mounts, files, commits },
      ...{ hooks: made.hooks, aptSuites: made.aptSuites, seconds: made.seconds },
      ...{ parent: await parent, key: keyOf(inputs, await parent), result: await result, treeDigest: await treeDigest },
    });
    keeping.add({ phase: phase.name, layer, from: { tree, hooksDir }, release });
  }

  /** Later phases may write the same files. */
  async #copyHooks({ phase }: Attempt, { written }: HookChanges): Promise<string> {
    const { workspace } = this.#setting;
    const folder = join(workspace.buildDir, "kept-hooks", phase.name);
    for (const path of written) await copy(join(workspace.hooksDir, path), join(folder, path));
    return folder;
  }

  #hookStates({ written, removed }: HookChanges) {
    const files = this.reader.read().filter(({ path }) => written.includes(path));
    return { written: files.map(({ path, state }) => `${path} ${state}`), removed };
  }
}

const notStacked = (folder: string): string =>
  `${folder} lies on a file system that can't carry an overlay: the tree is a plain folder, and no result of a phase is cached.`;

const hasBreak = ({ name }: PhaseInfo, { settings, result }: BuildPlan): boolean =>
  settings.breaks.some((point) => point === `before-${name}` || point === `after-${name}`) ||
  (result === "ramdisk" && settings.breaks.some((point) => point.endsWith("-ramdisk-install")));
