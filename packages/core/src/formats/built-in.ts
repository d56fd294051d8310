import type { Hooks } from "../hooks.js";
import type { ImageFormat } from "./format.js";
import { qcow2 } from "./qcow2.js";
import { raw } from "./raw.js";
import { squashfs } from "./squashfs.js";
import { tar, tgz } from "./tar.js";

/** The formats of core, registered like anybody's. */
export const builtInFormats: readonly ImageFormat[] = [tar, tgz, squashfs, qcow2, raw];

export function tapFormats(hooks: Hooks, formats: readonly ImageFormat[] = builtInFormats): void {
  for (const { name, write } of formats) {
    hooks.format.define(name);
    hooks.format.for(name).add({ name: "@dibjs/core", rank: -1, fn: write });
  }
}
