import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { BuildError } from "../errors.js";
import { Forecast, type PhaseForecast } from "../layers/forecast.js";
import { openHookView, viewHooks, type OpenHookView } from "../layers/hook-view.js";
import type { StoredLayer } from "../layers/store.js";
import { TreeLayers, type Attempt, type Made } from "../layers/tree-layers.js";
import { outputsKey } from "../layers/up-to-date.js";
import { hostEnvironment } from "../phases/environment.js";
import type { PhaseRun } from "../phases/phase-run.js";
import { runPhase, takeFingerprint, writeInstallType, type PhaseSetting } from "../phases/run-phases.js";
import { phases, type PhaseInfo, type PhaseName } from "../phases/table.js";
import { sha256 } from "../plan/digest.js";
import { readAptSuites } from "../report/apt-suites.js";
import type { BuildReport, PhaseReport } from "../report/report.js";
import { enterBase, type Base } from "../workspace/base.js";
import { keepResolvConf, openResolvConf, type ResolvConf } from "../workspace/resolv-conf.js";
import { blockDevice, canKeepDisk, keptInputs } from "./kept-disk.js";

/** The tree after its phases, mounted at the workspace's mountDir. */
export interface BuiltTree extends AsyncDisposable {
  readonly reports: readonly PhaseReport[];
  readonly resolvConf: ResolvConf;
  /** As they were when packages had been installed: later scripts may empty the lists. */
  readonly aptSuites: BuildReport["sources"]["apt"];
  readonly layers: TreeLayers;
  /** Mounts the base in it, if it is not there. */
  enterBase(): Promise<void>;
  leaveBase(): Promise<void>;
}

const onDisk: ReadonlySet<PhaseName> = new Set(phases.filter(({ root }) => root === "disk").map(({ name }) => name));
const treePhases = phases.filter(({ root, name }) => root === "tree" && name !== "block-device");

export interface TreeSetting extends PhaseSetting {
  /** Makes the folder of the outputs, if it is not there: steps may put folders into it. */
  readonly openStaging: () => Promise<void>;
}

/** root, then extra-data to post-root in the base (resolv.conf, kernel file systems): each is run, or its result restored. */
export class TreeBuild implements AsyncDisposable {
  readonly reports: PhaseReport[] = [];
  readonly resolvConf: ResolvConf;
  readonly #setting: TreeSetting;
  readonly #layers: TreeLayers;
  #aptSuites: BuiltTree["aptSuites"] = [];
  #base: Base | undefined;
  #isMoved = false;

  private constructor(setting: TreeSetting, layers: TreeLayers, resolvConf: ResolvConf) {
    this.#setting = setting;
    this.#layers = layers;
    this.resolvConf = resolvConf;
  }

  static async open(setting: TreeSetting): Promise<TreeBuild> {
    const { plan, places, workspace, sources, sideFolders, pathPrefix, ctx } = setting;
    const env = hostEnvironment(plan, places, workspace, pathPrefix);
    const layers = await TreeLayers.open({
      plan,
      places,
      workspace,
      sources,
      countSideFolders: () => sideFolders.count,
      env,
      ctx,
    });
    return new TreeBuild(setting, layers, await openResolvConf(workspace.mountDir, ctx));
  }

  async passAll(): Promise<void> {
    try {
      for (const phase of treePhases) await this.#pass(phase);
    } finally {
      // Before the locks of what is used are given back; what a build has made before it failed is worth as much.
      this.#setting.workspace.resources.defer("layers for others", () => this.#layers.give());
    }
  }

  /** Throws LAYER_LOST. `phase`: when a layer of that one is lost. */
  checkUsed(phase?: PhaseName): Promise<void> {
    return this.#layers.checkUsed(phase);
  }

  /** What would become of each phase, and of the disk where it is kept. Nothing runs, and the tree is not mounted. */
  async forecast(): Promise<PhaseForecast[]> {
    const forecast = new Forecast(this.#layers);
    const phases: PhaseForecast[] = [];
    for (const phase of treePhases) {
      const added = await takeFingerprint(phase, this.#setting);
      phases.push(await forecast.next(phase, viewHooks(phase.name, this.#declaredReads(), this.#layers.reader), added));
    }
    const { disk } = this.#setting.plan;
    if (disk !== undefined && this.#layers.isOpen && (await canKeepDisk(disk, this.#setting)))
      phases.push(await forecast.disk(blockDevice, await keptInputs(disk, this.#setting)));
    return phases;
  }

  /** Nothing ran: all results are those of earlier builds. */
  get isRestored(): boolean {
    return this.reports.every(({ restored }) => restored !== undefined);
  }

  /** Of all that the outputs depend on; undefined when that can't be told. */
  async outputsKey(): Promise<string | undefined> {
    const { plan, places } = this.#setting;
    const digests = await this.#layers.digests();
    const isFile =
      plan.result === "image" && plan.outputs.length > 0 && !plan.outputs.some(({ format }) => format === "docker");
    const isClosed = [...onDisk].every((phase) => !this.#mayFetch(phase));
    return digests === undefined || !isFile || !isClosed || places.alwaysMakes === true
      ? undefined
      : outputsKey(plan, places, digests);
  }

  /** What a phase on the disk fetches is asked about by nobody. Plain folders have the network whether they use it or not. */
  #mayFetch(phase: PhaseName): boolean {
    const { plan } = this.#setting;
    const scripts = plan.phases.find((each) => each.phase === phase)?.scripts ?? [];
    if (!plan.network.includes(phase) || scripts.length === 0) return false;
    const hasSteps = scripts.some(({ kind }) => kind === "typescript");
    return hasSteps || viewHooks(phase, this.#declaredReads(), this.#layers.reader).mentions.has("fetch");
  }

  #declaredReads(): PhaseName[] {
    return this.#setting.plan.elements.flatMap(({ reads = [] }) => reads);
  }

  async #pass(phase: PhaseInfo): Promise<void> {
    const { workspace, ctx } = this.#setting;
    ctx.signal.throwIfAborted();
    const added = await takeFingerprint(phase, this.#setting);
    const fingerprint = sha256(JSON.stringify([...added].sort(([a], [b]) => (a < b ? -1 : 1))));
    ctx.emit({ type: "fingerprint", phase: phase.name, digest: fingerprint });
    const view = openHookView(phase.name, this.#declaredReads(), workspace.hooksDir, this.#layers.reader);
    const found = await this.#layers.find(phase, view, added);
    if (found !== undefined && "folder" in found) {
      await view.close();
      await this.#restore(found, fingerprint);
    } else {
      await this.#run(phase, view, found, fingerprint);
    }
  }

  async #restore(layer: StoredLayer, fingerprint: string): Promise<void> {
    await this.#layers.restore(layer);
    if (layer.phase === "install") this.#aptSuites = layer.aptSuites;
    const restored = { layer: layer.id, createdAt: layer.createdAt };
    this.reports.push({ phase: layer.phase, seconds: 0, scripts: [], restored, fingerprint });
  }

  async #run(phase: PhaseInfo, view: OpenHookView, attempt: Attempt | undefined, fingerprint: string): Promise<void> {
    try {
      const ran = await this.#runSteps(phase, attempt, fingerprint).catch(async (error: unknown) => {
        await view.close().catch(() => undefined); // work folders that are kept show the hooks as a whole
        throw error;
      });
      const hooks = await view.close();
      if (attempt === undefined) return;
      const aptSuites = phase.name === "install" ? this.#aptSuites : [];
      await this.#layers.keep(attempt, { ...ran, hooks, aptSuites }, () => this.#freeze());
    } catch (error) {
      await attempt?.release();
      throw error;
    }
  }

  async #runSteps(
    phase: PhaseInfo,
    attempt: Attempt | undefined,
    fingerprint: string,
  ): Promise<Pick<Made, "before" | "seconds">> {
    const { workspace } = this.#setting;
    await this.#setting.openStaging();
    await this.#enter(phase);
    const before = await this.#layers.begin();
    const resolvConf = phase.name === "root" ? undefined : this.resolvConf;
    const trace = (run: PhaseRun) => attempt?.reads.trace(run) ?? run;
    const report = await runPhase(phase, { env: {}, resolvConf, trace }, this.#setting);
    this.reports.push({ ...report, fingerprint });
    if (phase.name === "root") await this.#afterRoot();
    if (phase.name === "install") this.#aptSuites = await readAptSuites(workspace.target);
    if (phase.name === "post-root") await rm(join(workspace.mountDir, "lost+found"), { recursive: true, force: true });
    return { before, seconds: report.seconds };
  }

  async #afterRoot(): Promise<void> {
    const { workspace, ctx } = this.#setting;
    await checkRootDeployed(workspace.mountDir);
    await keepResolvConf(workspace.mountDir, ctx);
    await writeInstallType(workspace.hooksDir);
  }

  async #enter({ name }: PhaseInfo): Promise<void> {
    await this.#setting.workspace.tree.enter();
    if (name !== "root") await this.enterBase();
  }

  async enterBase(): Promise<void> {
    if (this.#base !== undefined) return;
    const { workspace, ctx } = this.#setting;
    await workspace.tree.enter();
    this.#base = await enterBase(workspace.target, { deviceNodes: [], mountPaths: [] }, ctx);
    await this.#layers.mountAgain();
  }

  async leaveBase(): Promise<void> {
    await this.#base?.leave();
    this.#base = undefined;
  }

  async #freeze(): Promise<string> {
    await this.leaveBase();
    return this.#setting.workspace.tree.freeze();
  }

  /** From here on it is the caller's. */
  async move(): Promise<BuiltTree> {
    await this.#setting.workspace.tree.enter();
    this.#isMoved = true;
    const { reports, resolvConf } = this;
    return {
      ...{ reports, resolvConf, aptSuites: this.#aptSuites, layers: this.#layers },
      enterBase: () => this.enterBase(),
      leaveBase: () => this.leaveBase(),
      [Symbol.asyncDispose]: () => this.leaveBase(),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isMoved) await this.leaveBase();
  }
}

/** Throws ROOT_NOT_DEPLOYED unless the root phase left more than `lost+found` and `tmp`. */
async function checkRootDeployed(root: string): Promise<void> {
  const found = await readdir(root);
  if (found.every((name) => name.startsWith("lost+found") || name.endsWith("tmp")))
    throw new BuildError("ROOT_NOT_DEPLOYED", { found });
}
