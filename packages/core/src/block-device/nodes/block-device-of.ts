import { BuildError } from "../../errors.js";
import type { BlockDevice, NodeRequest } from "../node.js";

/** What a node stands on. Throws BLOCK_DEVICE_NODE_FAILED. */
export function blockDeviceOf(
  base: string | undefined,
  doing: string,
  { node, state }: Pick<NodeRequest, "node" | "state">,
): BlockDevice {
  const found = state.blockdev.get(base ?? "");
  if (found !== undefined) return found;
  const reason = `${base} is no block device`;
  throw new BuildError("BLOCK_DEVICE_NODE_FAILED", { node: node.name, doing, reason });
}
