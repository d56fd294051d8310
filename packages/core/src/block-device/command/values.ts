/** What `getval` answers: facts of the layout, and of what was made of it. */
import { BuildError } from "../../errors.js";
import { formatDevices, loopUnderRoot } from "../create.js";
import { noRoot, type GraphFacts } from "../plan-disk.js";
import { readGraph } from "./layout.js";
import type { BlockDeviceParameters } from "./parameters.js";
import { configFile, readState } from "./state-files.js";

type Symbols = Readonly<Record<string, (parameters: BlockDeviceParameters) => string>>;

/** What `getval` can be asked for: the first four from the config, the rest of what was made. */
const symbols: Symbols = {
  "root-label": (parameters) => rootOf(parameters).rootLabel,
  "root-fstype": (parameters) => rootOf(parameters).rootFsType ?? "",
  "boot-label": (parameters) => readGraph(parameters).bootLabel,
  "mount-points": (parameters) => readGraph(parameters).mountPoints.join("|"),
  "image-path": (parameters) => rootDevice(parameters).image ?? "",
  "image-block-device": (parameters) => rootDevice(parameters).device,
  "image-block-devices": ({ stateDir }) => formatDevices(readState(stateDir).blockdev),
};

function rootOf(parameters: BlockDeviceParameters): GraphFacts {
  const graph = readGraph(parameters);
  if (graph.mountPoints.includes("/")) return graph;
  throw noRoot(configFile(parameters.stateDir));
}

function rootDevice(parameters: BlockDeviceParameters): { device: string; image?: string } {
  const { blockdev } = readState(parameters.stateDir);
  return blockdev.get(loopUnderRoot(readGraph(parameters))) ?? { device: "" };
}

/** Throws USAGE_INVALID for a symbol that there is not. */
export function getBlockDeviceValue(symbol: string, parameters: BlockDeviceParameters): string {
  const found = Object.hasOwn(symbols, symbol) ? symbols[symbol] : undefined;
  if (found !== undefined) return found(parameters);
  throw new BuildError("USAGE_INVALID", {
    reason: `Invalid symbol [${symbol}] for getval.`,
    hint: `Symbols: ${Object.keys(symbols).join(", ")}.`,
  });
}
