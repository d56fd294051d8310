/** The layout as the commands of `dib block-device` keep it between them. */
import { existsSync } from "node:fs";
import { BuildError, reasonOf } from "../../errors.js";
import { readYamlText } from "../../yaml-text.js";
import { builtInBlockNodes } from "../built-in.js";
import { ConfigPlaces } from "../config-places.js";
import { flattenConfig } from "../graph.js";
import { parseBlockDeviceConfig } from "../parse-config.js";
import { assembleGraph, describeGraph, mergeRootParameters, type GraphFacts } from "../plan-disk.js";
import { needParameter, type BlockDeviceParameters } from "./parameters.js";
import { configFile, readConfig, writeConfig } from "./state-files.js";

const types = new Map(builtInBlockNodes.map((type) => [type.name, type]));

/** Reads and checks the config, and writes its graph down. May be repeated. Throws BLOCK_DEVICE_CONFIG_INVALID. */
export async function initBlockDevice(parameters: BlockDeviceParameters): Promise<void> {
  const file = needParameter(parameters.config, "config is missing", parameters);
  const text = await readYamlText(file).catch((error: unknown) => {
    throw new BuildError("BLOCK_DEVICE_CONFIG_INVALID", { place: file, reason: reasonOf(error) }, { cause: error });
  });
  const places = new ConfigPlaces(file);
  const { rootFsType: type, rootFsOpts: opts, rootLabel: label } = parameters;
  const root = { type, label, opts: opts === undefined ? undefined : () => opts };
  const nodes = mergeRootParameters(flattenConfig(parseBlockDeviceConfig(text, places), types, places), root);
  assembleGraph(nodes, types, places);
  await writeConfig(parameters.stateDir, nodes);
}

/** Throws BLOCK_DEVICE_STATE_MISSING before there is one. */
export function readGraph({ stateDir }: BlockDeviceParameters): GraphFacts {
  const places = new ConfigPlaces(configFile(stateDir));
  const nodes = flattenConfig(parseBlockDeviceConfig(readConfig(stateDir), places), types, places);
  return describeGraph(assembleGraph(nodes, types, places));
}

/** Names of the environment's variables that `create` needs for this layout; empty when nothing is planned yet. */
export function blockDeviceVariables(parameters: BlockDeviceParameters): readonly string[] {
  if (!existsSync(configFile(parameters.stateDir))) return [];
  const places = readGraph(parameters).nodes.flatMap((node) => types.get(node.type)?.secrets?.(node) ?? []);
  return places.flatMap((place) => ("variable" in place ? [place.variable] : []));
}
