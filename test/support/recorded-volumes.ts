import type { BlockNodeType, DiskState, NodeConfig, NodeRequest } from "@dibjs/core/block-device/node.js";
import { ConfigPlaces } from "@dibjs/core/block-device/config-places.js";
import { flattenConfig } from "@dibjs/core/block-device/graph.js";
import { assembleGraph } from "@dibjs/core/block-device/plan-disk.js";
import type { Exec, ExecOptions, ExecResult } from "@dibjs/core/process/exec.js";
import { ResourceStack } from "@dibjs/core/workspace/resource-stack.js";
import { tempFolder } from "./temp-folder.js";
import { nodeTypes } from "./toy-disk.js";

export interface Ran {
  readonly created: readonly string[];
  readonly released: readonly string[];
  readonly state: DiskState;
  /** What creating threw. */
  readonly failure: unknown;
}

/** What a program answers; undefined is success and silence. */
export type Answer = (command: string, options?: ExecOptions) => Partial<ExecResult> | undefined;

/** In the order of creation. Unlike a build's layout, these need no file system at `/`: DIB's vectors have none. */
export function plannedNodes(config: readonly unknown[]): readonly NodeConfig[] {
  const places = new ConfigPlaces("the test");
  return assembleGraph(flattenConfig(config, nodeTypes, places), nodeTypes, places).ordered;
}

const isOfInterest = (command: string) => /^((pv|vg|lv)(create|change)|udevadm|cryptsetup) /.test(command);

export interface Recording {
  readonly answer?: Answer;
  readonly secrets?: NodeRequest["secrets"];
  /** Gets the name of each loan. */
  readonly onBorrow?: (loan: string) => void;
}

/** Creates the nodes of a type on partitions that are called /dev/fake/NAME, then releases them; programs only note how they were called. */
export async function runRecorded(
  { name, create }: BlockNodeType,
  nodes: readonly NodeConfig[],
  { answer = () => undefined, secrets = {}, onBorrow = () => {} }: Recording = {},
): Promise<Ran> {
  await using folder = await tempFolder();
  const commands: string[] = [];
  const exec: Exec = async (file, args, options) => {
    const command = [file, ...args].join(" ");
    if (isOfInterest(command)) commands.push(command);
    const usual = { exitCode: 0, signal: undefined, stdout: file === "blockdev" ? "0" : "", stderr: "" };
    return { ...usual, ...answer(command, options) };
  };
  const state = stateOn(nodes);
  const resources = new ResourceStack();
  const services = { exec, emit: () => {}, signal: new AbortController().signal };
  const shared = {
    ...{ graph: nodes, state, imageDir: folder.path, mountBase: folder.path, resources, secrets, ...services },
    ...{
      imageSizeBytes: 0,
      sectorSizeBytes: 512,
      sizeMultipleBytes: undefined,
      isVfatMountable: false,
      outlivesProcess: false,
      filling: undefined,
      existing: undefined,
    },
  };
  const borrow: NodeRequest["borrow"] = (loan, data) => {
    resources.defer(loan.label(data), () => loan.release(data, { ...services, images: [] }));
    onBorrow(loan.name);
  };
  let failure: unknown;
  try {
    for (const node of nodes.filter(({ type }) => type === name)) await create({ ...shared, node, borrow });
  } catch (error) {
    failure = error;
  }
  const created = commands.splice(0);
  await resources[Symbol.asyncDispose]();
  return { created, released: commands, state, failure };
}

function stateOn(nodes: readonly NodeConfig[]): DiskState {
  const partitions = nodes.filter(({ type }) => type === "partitioning");
  return {
    blockdev: new Map(
      partitions.map(({ name }) => [name, { device: `/dev/fake/${name}`, offsetBytes: 0, sizeBytes: 0 }]),
    ),
    ...{ pvs: new Map(), vgs: new Map(), filesys: new Map(), mount: new Map(), mountOrder: [] },
    ...{ fstab: new Map(), crypttab: new Map() },
  };
}
