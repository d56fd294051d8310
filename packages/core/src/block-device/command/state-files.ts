/**
 * What one command of `dib block-device` leaves for the next, below states/block-device of the build's folder:
 * config.json (the graph) and state.json (what was made) in DIB's shapes, and nodes.json, which says what is borrowed
 * from the host. The last one is written whenever something is borrowed: a command that was killed can be undone.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { BuildError, reasonOf } from "../../errors.js";
import type { DiskState, LoanData, NodeConfig } from "../node.js";

/** One thing that is borrowed, newest last. */
export interface WrittenLoan {
  readonly loan: string;
  readonly data: LoanData;
  /** Its content is complete: what failed after that does not do it again. */
  readonly isComplete?: boolean;
}

export interface WrittenNodes {
  readonly loans: readonly WrittenLoan[];
  /** Image files that were made. */
  readonly images: readonly string[];
}

export const configFile = (stateDir: string): string => join(stateDir, "config.json");
const stateFile = (stateDir: string): string => join(stateDir, "state.json");
const nodesFile = (stateDir: string): string => join(stateDir, "nodes.json");

/** The graph as DIB's config.json has it: a list of maps with one key, children before what they stand on. */
export function formatConfig(nodes: readonly NodeConfig[]): readonly Readonly<Record<string, unknown>>[] {
  return nodes.map(({ type, name, base, values: { partitions, ...values } }) => ({
    [type]: {
      ...(base === undefined ? {} : { base }),
      name,
      ...values,
      ...(Array.isArray(partitions)
        ? { partitions: partitions.map((own: Readonly<Record<string, unknown>>) => ({ ...own, base })) }
        : {}),
    },
  }));
}

/** DIB's state.json. */
export function formatState(state: DiskState): Readonly<Record<string, unknown>> {
  const { blockdev, pvs, vgs, filesys, mount, mountOrder, fstab, crypttab } = state;
  const devices = [...blockdev].map(([name, { device, image, vgs: group, size, extents, opts, luksUuid }]) => [
    name,
    {
      device,
      ...(image === undefined ? {} : { image }),
      ...(group === undefined ? {} : { vgs: group, size: size ?? null, extents: extents ?? null, opts }),
      ...(luksUuid === undefined ? {} : { "luks-uuid": luksUuid }),
    },
  ]);
  const locks = [...crypttab].map(([name, { options, keyFile }]) => [name, { options, "key-file": keyFile }]);
  const lines = [...fstab].map(([mountName, { name, base, options, dumpFreq, fsckPassno }]) => [
    mountName,
    { name, base, options, "dump-freq": dumpFreq, "fsck-passno": fsckPassno },
  ]);
  return {
    blockdev: Object.fromEntries(devices) as unknown,
    filesys: Object.fromEntries(filesys),
    mount: Object.fromEntries(mount),
    mount_order: mountOrder,
    fstab: Object.fromEntries(lines) as unknown,
    ...(pvs.size === 0 ? {} : { pvs: Object.fromEntries(pvs), vgs: Object.fromEntries(vgs) }),
    ...(locks.length === 0 ? {} : { crypttab: Object.fromEntries(locks) as unknown }),
  };
}

export async function writeConfig(stateDir: string, nodes: readonly NodeConfig[]): Promise<void> {
  await mkdir(stateDir, { recursive: true });
  await writeFile(configFile(stateDir), JSON.stringify(formatConfig(nodes)));
}

export async function writeState(stateDir: string, state: DiskState): Promise<void> {
  await mkdir(stateDir, { recursive: true });
  await writeFile(stateFile(stateDir), JSON.stringify(formatState(state)));
  await chmod(stateFile(stateDir), 0o644); // `getval` needs no root, and root's umask may hide files
}

/** At once: what is borrowed after this statement must already be noted when the process ends in it. */
export function writeNodes(stateDir: string, nodes: WrittenNodes): void {
  const file = nodesFile(stateDir);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.new`, JSON.stringify(nodes), { flush: true });
  renameSync(`${file}.new`, file);
}

/** The written graph, as text. Throws BLOCK_DEVICE_STATE_MISSING. */
export const readConfig = (stateDir: string): string =>
  readOr(configFile(stateDir), "Block device config not found", "init");

/** Throws BLOCK_DEVICE_STATE_MISSING, with DIB's words. */
export function readState(stateDir: string): Pick<
  DiskState,
  "filesys" | "mount" | "mountOrder" | "fstab" | "crypttab"
> & {
  readonly blockdev: ReadonlyMap<
    string,
    { readonly device: string; readonly image?: string; readonly luksUuid?: string | undefined }
  >;
} {
  const written = parse(stateFile(stateDir), readOr(stateFile(stateDir), "State dump not found", "create"));
  const entries = (key: string) => Object.entries((written[key] ?? {}) as Record<string, never>);
  const fstab = entries("fstab").map(([mountName, line]) => {
    const { name, base, options, ...numbers } = line as Record<string, string>;
    const [dumpFreq, fsckPassno] = [Number(numbers["dump-freq"] ?? 0), Number(numbers["fsck-passno"] ?? 0)];
    return [mountName, { name: name ?? "", base: base ?? "", options: options ?? "", dumpFreq, fsckPassno }] as const;
  });
  const devices = entries("blockdev").map(([name, written]) => {
    const { device = "", image, "luks-uuid": luksUuid } = written as Record<string, string>;
    return [name, { device, ...(image === undefined ? {} : { image }), luksUuid }] as const;
  });
  const crypttab = entries("crypttab").map(([name, line]) => {
    const { options = "", "key-file": keyFile = "" } = line as Record<string, string>;
    return [name, { options, keyFile }] as const;
  });
  return {
    blockdev: new Map(devices),
    crypttab: new Map(crypttab),
    filesys: new Map(entries("filesys")),
    mount: new Map(entries("mount")),
    mountOrder: (written["mount_order"] ?? []) as string[],
    fstab: new Map(fstab),
  };
}

/** Undefined when nothing was ever made, or all is cleaned up. */
export function findNodes(stateDir: string): WrittenNodes | undefined {
  const text = readIfThere(nodesFile(stateDir));
  return text === undefined ? undefined : (parse(nodesFile(stateDir), text) as unknown as WrittenNodes);
}

/** Throws BLOCK_DEVICE_STATE_MISSING. DIB keeps a pickle of its nodes, and says so. */
export function readNodes(stateDir: string): WrittenNodes {
  const nodes = findNodes(stateDir);
  if (nodes !== undefined) return nodes;
  throw new BuildError("BLOCK_DEVICE_STATE_MISSING", {
    what: "Pickle file not found",
    file: nodesFile(stateDir),
    command: "create",
  });
}

function readOr(file: string, what: string, command: string): string {
  const text = readIfThere(file);
  if (text === undefined) throw new BuildError("BLOCK_DEVICE_STATE_MISSING", { what, file, command });
  return text;
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw broken(file, error);
  }
}

function parse(file: string, text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch (error) {
    throw broken(file, error);
  }
}

const broken = (file: string, error: unknown) =>
  new BuildError("BLOCK_DEVICE_STATE_BROKEN", { file, reason: reasonOf(error) }, { cause: error });
