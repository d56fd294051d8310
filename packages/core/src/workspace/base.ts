import { stat } from "node:fs/promises";
import { ensureDir, ensureFile } from "fs-extra/esm";
import type { BuildContext } from "../context.js";
import { mountKernelFileSystems, type DeviceNode } from "./kernel-file-systems.js";
import { bind, mount, unmountBelow } from "./mounts.js";
import { ResourceStack } from "./resource-stack.js";
import { resolveInRoot, type TargetFiles } from "./target.js";
import type { MountSet } from "./workspace.js";

/** A target that scripts can run in: kernel file systems and what `mount` taps added. */
export interface Base extends AsyncDisposable {
  /** Undoes every mount below the target, also what scripts mounted and left. Once; later calls do nothing. */
  leave(): Promise<void>;
}

/** What of the build's own disk a base has: nothing while there is no disk. */
export interface BaseDisk {
  readonly deviceNodes: readonly DeviceNode[];
  /** Absolute: where its file systems are mounted; they stay when the base is left. */
  readonly mountPaths: readonly string[];
}

export async function enterBase(target: TargetFiles, disk: BaseDisk, ctx: BuildContext): Promise<Base> {
  await using stack = new ResourceStack();
  await mountKernelFileSystems(target.path, disk.deviceNodes, stack, ctx);
  const set = mountSet(target, stack, ctx);
  await ctx.hooks.mount.run(set);
  // Newest, so that what scripts mounted on top of the kernel's file systems does not hold them.
  const stays = new Set(disk.mountPaths);
  stack.defer(`mounts below ${target.path}`, () => unmountBelow(target.path, ctx, stays));
  const held = stack.move();
  let isEntered = true;
  const leave = async () => {
    if (!isEntered) return;
    isEntered = false;
    try {
      await ctx.hooks.unmount.run(set);
    } finally {
      await held[Symbol.asyncDispose]();
    }
  };
  return { leave, [Symbol.asyncDispose]: leave };
}

function mountSet(target: TargetFiles, stack: ResourceStack, ctx: BuildContext): MountSet {
  return {
    target,
    async mount({ what, on, type, options }) {
      await target.makeFolder(on);
      await mount({ what, target: await resolveInRoot(target.path, on), type, options }, stack, ctx);
    },
    async bind(source, on, { readOnly = false } = {}) {
      const place = await resolveInRoot(target.path, on);
      const isFolder = (await stat(source)).isDirectory();
      await (isFolder ? ensureDir(place) : ensureFile(place));
      await bind(source, place, stack, ctx, readOnly);
    },
  };
}
