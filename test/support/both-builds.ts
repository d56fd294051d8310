/** The same image, built by the released diskimage-builder and by our command of the same name. Root only. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { defaultEnv } from "@dibjs/core/process/exec.js";
import { phaseNames } from "@dibjs/core/phases/table.js";
import { anElement, type ElementFixture } from "./build-fixture.js";
import { runDropIn } from "./drop-in.js";
import { releasedDib, runReleased } from "./released-dib.js";
import { toyOs, treeOfTar, type ImageTree } from "./toy-image.js";

export interface BothRequest {
  /** Beside `toy-os` and `probe`. */
  readonly elements?: readonly string[];
  readonly fixtures?: readonly ElementFixture[];
  /** Beside -n and -o. */
  readonly options: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export type Env = Readonly<Record<string, string>>;

/** What sfdisk says of a disk, without what is random. */
export function partitionsOf(image: string): Readonly<Record<string, unknown>> {
  const { partitiontable } = JSON.parse(execFileSync("sfdisk", ["--json", image], { encoding: "utf8" })) as {
    partitiontable: Record<string, unknown> & { partitions?: Record<string, unknown>[] };
  };
  const { partitions = [], id: _id, device: _device, ...table } = partitiontable;
  const known = partitions.map(({ uuid: _uuid, node: _node, ...partition }, index) => [
    `partition ${index + 1}`,
    partition,
  ]);
  return { table, ...(Object.fromEntries(known) as object) };
}

/** What one of the two made. */
export class Built {
  readonly exitCode: number | null;
  readonly log: string;
  readonly folder: string;

  constructor(folder: string, exitCode: number | null, log: string) {
    this.folder = folder;
    this.exitCode = exitCode;
    this.log = log;
  }

  /** The output's path without its ending. */
  get image(): string {
    return join(this.folder, "out/image");
  }

  #tree: Promise<ImageTree> | undefined;

  /** The tree of the tar, which must have been asked for. */
  tree(): Promise<ImageTree> {
    this.#tree ??= treeOfTar(`${this.image}.tar`, join(this.folder, "tree"));
    return this.#tree;
  }

  /** The variables that the probe saw in a phase. */
  async env(phase: string): Promise<Env> {
    const outside = join(this.folder, "probe", `${phase}.env`);
    const file = existsSync(outside) ? outside : join((await this.tree()).folder, "probe", `${phase}.env`);
    const pairs = readFileSync(file, "utf8").split("\0").filter(Boolean);
    return Object.fromEntries(pairs.map((pair) => [pair.replace(/=[^]*/, ""), pair.replace(/^[^=]*=/, "")]));
  }

  /** PHASE/SCRIPT of those that ran, in order, as the log has them. */
  scripts(): string[] {
    const lines = [...this.log.matchAll(/dib-run-parts Running \S*\/([\w-]+)\.d\/(\S+)/g)];
    return lines.map(([, phase, script]) => `${phase}/${script}`);
  }

  partitions(): Readonly<Record<string, unknown>> {
    return partitionsOf(`${this.image}.raw`);
  }

  /** Path below OUT.d → text. */
  manifests(): Readonly<Record<string, string>> {
    const folder = `${this.image}.d`;
    const files = existsSync(folder) ? readdirSync(folder, { recursive: true, withFileTypes: true }) : [];
    return Object.fromEntries(
      files
        .filter((file) => file.isFile())
        .map((file) => join(file.parentPath, file.name))
        .map((file) => [file.slice(folder.length + 1), readFileSync(file, "utf8")]),
    );
  }
}

export interface Both extends Disposable {
  readonly dib: Built;
  readonly ours: Built;
}

/** Writes down its variables in every phase: inside the chroot below /probe, outside in a folder of the caller's. */
const probeElement = (): ElementFixture => {
  const probe = anElement("probe");
  for (const phase of phaseNames)
    probe.script(
      `${phase}.d/50-probe`,
      `set -eu
if [ -d /tmp/in_target.d ]; then out=/probe; else out=$PROBE_OUT; fi
mkdir -p "$out"
env -0 > "$out/${phase}.env"`,
    );
  return probe;
};

/** Builds with both, ours second. The released elements are in ELEMENTS_PATH, behind those of the test. */
export async function buildWithBoth(request: BothRequest): Promise<Both> {
  const folder = mkdtempSync("/var/tmp/dib-test-");
  try {
    const dib = await build("dib", folder, request);
    const ours = await build("ours", folder, request);
    return { dib, ours, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

async function build(by: "dib" | "ours", parent: string, request: BothRequest): Promise<Built> {
  const folder = join(parent, by);
  for (const name of ["elements", "out", "probe", "home", "tmp"]) mkdirSync(join(folder, name), { recursive: true });
  for (const fixture of [toyOs(), probeElement(), ...(request.fixtures ?? [])])
    fixture.writeTo(join(folder, "elements"));
  const { elements, bin } = await releasedDib();
  const args = [
    "-n",
    "-o",
    join(folder, "out/image"),
    ...request.options,
    "toy-os",
    "probe",
    ...(request.elements ?? []),
  ];
  const env = {
    HOME: join(folder, "home"),
    USER: "root",
    ...defaultEnv,
    TMP_DIR: join(folder, "tmp"),
    ELEMENTS_PATH: `${join(folder, "elements")}:${elements}`,
    PROBE_OUT: join(folder, "probe"),
    DIB_JOURNAL_SIZE: "8", // the default is as large as the toy
    DIB_NO_TMPFS: "1",
    ...request.env,
  };
  if (by === "ours") {
    const { exitCode, stdout, stderr } = await runDropIn("disk-image-create", args, { cwd: folder, env });
    return new Built(folder, exitCode, stdout + stderr);
  }
  // The order of its elements follows from the seed: by chance it is ours, with this one it is not.
  const seeded = { ...env, PYTHONHASHSEED: "1" };
  const { exitCode, stdout, stderr } = await runReleased([join(bin, "disk-image-create"), ...args], {
    cwd: folder,
    env: seeded,
  });
  return new Built(folder, exitCode ?? null, stdout + stderr);
}
