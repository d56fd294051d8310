/**
 * A disk that is written to while the image it began with stays as it is: what is written goes into an image of QEMU's on top. The
 * storage daemon shows both as one raw file, through FUSE, and a loop device can stand on that.
 */
import { open, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { BuildContext } from "../context.js";
import { mustRun } from "../process/exec.js";
import { StorageDaemon } from "../process/storage-daemon.js";

/** An image file and its format, as QEMU calls it. */
export interface BaseImage {
  readonly file: string;
  readonly format: "raw" | "qcow2";
}

interface ChangesRequest {
  readonly base: BaseImage;
  /** Absolute: a qcow2 that lies on the base from the beginning. @default an empty one */
  readonly first?: string | undefined;
  /** Absolute: the image that is made for what is written. */
  readonly changes: string;
  /** Absolute: where the disk is seen as a raw image. */
  readonly raw: string;
}

/** Neither file is there before. What was made is gone again when this throws; afterwards only `raw` goes, when it is disposed. */
export async function layChanges(
  { base, first, changes, raw }: ChangesRequest,
  { exec }: Pick<BuildContext, "exec">,
): Promise<AsyncDisposable> {
  try {
    const below = ["-b", base.file, "-F", base.format];
    if (first !== undefined) await mustRun(exec, "cp", ["--reflink=auto", "--", first, changes]);
    // Only the name of what lies below is written.
    const make = first === undefined ? ["create", "-q", "-f", "qcow2"] : ["rebase", "-u", "-f", "qcow2"];
    await mustRun(exec, "qemu-img", [...make, ...below, changes]);
    await (await open(raw, "wx", 0o600)).close();
    const file = { driver: "file", filename: changes, discard: "unmap" };
    const disk = { driver: "qcow2", "node-name": "disk", discard: "unmap", file };
    const shown = { type: "fuse", id: "raw", "node-name": "disk", mountpoint: raw, writable: true };
    const daemon = await StorageDaemon.start(["--blockdev", JSON.stringify(disk), "--export", JSON.stringify(shown)]);
    return {
      async [Symbol.asyncDispose]() {
        try {
          await daemon[Symbol.asyncDispose]();
        } finally {
          await removeMountPoint(raw, exec);
        }
      },
    };
  } catch (error) {
    await removeMountPoint(raw, exec);
    await rm(changes, { force: true });
    throw error;
  }
}

/** A daemon that was killed leaves its mount. */
async function removeMountPoint(raw: string, exec: BuildContext["exec"]): Promise<void> {
  await rm(raw, { force: true }).catch(async () => {
    await exec("umount", ["-l", raw]);
    await rm(raw, { force: true });
  });
}

/** Whether this machine can: containers refuse FUSE in several ways, and the daemon is no part of qemu-img's package everywhere. */
export async function canLayChanges(folder: string, { exec }: Pick<BuildContext, "exec">): Promise<boolean> {
  const [base, changes, raw] = ["base", "changes", "raw"].map((name) => join(folder, `.try-${name}`)) as [
    string,
    string,
    string,
  ];
  const sizeBytes = 65_536;
  try {
    await using file = await open(base, "wx", 0o600);
    await file.truncate(sizeBytes);
    await using _disk = await layChanges({ base: { file: base, format: "raw" }, changes, raw }, { exec });
    return (await stat(raw)).size === sizeBytes;
  } catch {
    return false; // whatever it is: the disk is made as it is everywhere else
  } finally {
    for (const made of [base, changes]) await rm(made, { force: true });
  }
}
