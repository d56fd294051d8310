import type { Hooks } from "../hooks.js";
import { aci } from "./aci.js";
import { docker } from "./docker.js";
import type { ImageFormat } from "./format.js";
import { iso } from "./iso.js";
import { oci, ociDir } from "./oci.js";
import { qcow2 } from "./qcow2.js";
import { raw } from "./raw.js";
import { squashfs } from "./squashfs.js";
import { tar, tgz } from "./tar.js";
import { vdi, vhdDynamic, vhdFixed, vhdx, vmdk } from "./virtual-disks.js";

/** The formats of core, registered like anybody's. */
export const builtInFormats: readonly ImageFormat[] = [
  ...[tar, tgz, squashfs, aci, oci, ociDir, docker, iso],
  ...[qcow2, raw, vhdDynamic, vhdFixed, vhdx, vmdk, vdi],
];

export function tapFormats(hooks: Hooks, formats: readonly ImageFormat[] = builtInFormats): void {
  for (const { name, write } of formats) {
    hooks.format.define(name);
    hooks.format.for(name).add({ name: "@dibjs/core", rank: -1, fn: write });
  }
}
