import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { isBuildError } from "@dibjs/core/errors.js";
import { createExec, type Exec } from "@dibjs/core/process/exec.js";
import { releaseDeadLoops } from "@dibjs/core/workspace/dead-loops.js";
import {
  createToyDisk,
  diskContext,
  eachInScratch,
  efiDisk,
  hostState,
  mbrDisk,
  plannedDisk,
  scratchFolder,
} from "../support/toy-disk.js";

let scratch: ReturnType<typeof scratchFolder>;
let before: ReturnType<typeof hostState>;
eachInScratch((made) => {
  scratch = made;
  before = hostState();
});

const run = (file: string, ...args: string[]) =>
  execFileSync(file, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });

/** Code of the BuildError that a promise is rejected with. */
const codeOf = (promise: Promise<unknown>): Promise<string | undefined> =>
  promise.then(
    () => undefined,
    (error: unknown) => (isBuildError(error) ? error.code : String(error)),
  );

/** Makes and unmounts an EFI disk with the nth program failing; says which one that was and how it ended. */
async function failOnce(nth: number): Promise<{ failed: string | undefined; code: string | undefined }> {
  const real = createExec();
  const own = scratchFolder();
  let [calls, failed]: [number, string | undefined] = [0, undefined];
  const exec: Exec = async (file, args, options) => {
    if (calls++ !== nth) return real(file, args, options);
    failed = file;
    return { exitCode: 1, signal: undefined, stdout: "", stderr: "injected" };
  };
  execFileSync("cp", ["-a", join(scratch.path, "tree"), own.path]);
  run("mkdir", "-p", join(own.path, "tree/boot/efi/EFI"));
  writeFileSync(join(own.path, "tree/boot/efi/EFI/loader"), "loader");
  const made = createToyDisk(efiDisk, own, diskContext(exec)).then(async ({ disk }) => {
    await using _ = disk;
    await disk.unmount();
  });
  const code = await codeOf(made);
  own.remove();
  return { failed, code };
}

test("whichever program fails, once, what was made before is gone again", async () => {
  const outcomes: string[] = [];
  for (let nth = 0; ; nth++) {
    const { failed, code } = await failOnce(nth);
    if (failed === undefined) break;
    outcomes.push(`${failed}: ${code ?? "went on"}`);
    expect(hostState(), `after a failing ${failed}`).toEqual(before);
  }
  const filler = readFileSync("/proc/filesystems", "utf8").includes("vfat") ? [] : ["mmd", "mcopy"];
  const wanted = ["flock", "losetup", "sfdisk", "mkfs.vfat", "mkfs.ext4", "cp", "sync", ...filler].map(
    (file) => `${file}: BLOCK_DEVICE_NODE_FAILED`,
  );
  expect(outcomes).toEqual(
    expect.arrayContaining([...wanted, "mount: MOUNT_FAILED", "partx: went on", "fstrim: went on", "umount: went on"]),
  );
});

test("a partition that the kernel never takes is told, and what was made before is gone again", async () => {
  const real = createExec();
  const exec: Exec = async (file, args, options) =>
    file === "partx" && args[0] === "-a"
      ? { exitCode: 1, signal: undefined, stdout: "", stderr: "injected" }
      : real(file, args, options);
  const attempt = createToyDisk(mbrDisk, scratch, diskContext(exec));
  await expect(attempt).rejects.toMatchObject({
    code: "BLOCK_DEVICE_NODE_FAILED",
    message: expect.stringContaining("adding the partition failed: injected") as string,
  });
});

test("an image that is too small for its tree is refused with the size it needs, before anything is converted", async () => {
  execFileSync("sh", ["-c", `head -c 60M /dev/urandom > "$1"`, "sh", join(scratch.path, "tree/var/big")]);
  const attempt = createToyDisk(mbrDisk, scratch, diskContext(), { imageSizeGiB: 40 / 1024 });
  await expect(attempt).rejects.toMatchObject({ code: "IMAGE_TOO_SMALL", context: { sizeBytes: 40 * 2 ** 20 } });
});

test("a full file system under the image is told apart from an image that is too small", async () => {
  execFileSync("sh", ["-c", `head -c 60M /dev/urandom > "$1"`, "sh", join(scratch.path, "tree/var/big")]);
  run("mount", "-t", "tmpfs", "-o", "size=30M", "tmpfs", scratch.make("images"));
  try {
    const attempt = createToyDisk(mbrDisk, scratch, diskContext()).then(async ({ disk }) => {
      await using _ = disk;
      await disk.unmount();
    });
    expect(await codeOf(attempt)).toBe("SPACE_EXHAUSTED");
  } finally {
    run("umount", join(scratch.path, "images"));
  }
});

const homeDisk = mbrDisk.replace("size: 100%", "size: 40MiB").concat(`
      - name: home
        flags: [primary]
        size: 100%
        mkfs: { type: ext4, mount: { mount_point: /home, fstab: { options: defaults } } }
`);

test("what a script wrote to another file system than the root's, and the image has no room for, is told", async () => {
  run("mount", "-t", "tmpfs", "-o", "size=60M", "tmpfs", scratch.make("images"));
  try {
    const { disk, mountBase } = await createToyDisk(homeDisk, scratch, diskContext(), { imageSizeGiB: 0.2 });
    await using _ = disk;
    run("sync", "-f", mountBase);
    execFileSync("sh", ["-c", `head -c 80M /dev/urandom > "$1"`, "sh", join(mountBase, "home/big")]);
    expect(await codeOf(disk.unmount())).toBe("SPACE_EXHAUSTED");
  } finally {
    run("umount", join(scratch.path, "images"));
  }
});

test("an interrupt while the disk is made frees everything", async () => {
  const controller = new AbortController();
  const real = createExec();
  const exec: Exec = (file, args, options) => {
    if (file === "cp") setTimeout(() => controller.abort("SIGINT"), 5);
    return real(file, args, options);
  };
  execFileSync("sh", ["-c", `head -c 200M /dev/zero | tr '\\0' x > "$1"`, "sh", join(scratch.path, "tree/var/big")]);
  await expect(createToyDisk(mbrDisk, scratch, diskContext(exec, controller.signal))).rejects.toBe("SIGINT");
});

test("a mount that a script left on the disk does not keep it from being freed", async () => {
  const { disk, mountBase } = await createToyDisk(mbrDisk, scratch, diskContext());
  await using _ = disk;
  run("mount", "-t", "tmpfs", "tmpfs", join(mountBase, "tmp"));
  await disk.unmount();
});

test("a disk that something still uses is RELEASE_FAILED, with all else that it held freed or named", async () => {
  const { disk, mountBase } = await createToyDisk(mbrDisk, scratch, diskContext());
  const user = await open(join(mountBase, "etc/hostname"));
  await expect(disk.unmount()).rejects.toMatchObject({ code: "RELEASE_FAILED" });
  await user.close();
  run("umount", mountBase);
});

test("a loop device that a build left attached when it was killed is freed by its image's folder, no other is", async () => {
  const [dead, alive] = [scratch.make("dib image.dead"), scratch.make("dib image.dead2")];
  const devices = [dead, alive].map((folder) => {
    run("truncate", "-s", "1M", join(folder, "image0.raw"));
    return run("losetup", "-f", "--show", join(folder, "image0.raw")).trim();
  });
  try {
    expect(await releaseDeadLoops(dead, diskContext())).toEqual([devices[0]]);
    expect(hostState().loops.map((name) => `/dev/${name}`)).toEqual([devices[1]]);
  } finally {
    await releaseDeadLoops(alive, diskContext());
  }
});

const child = fileURLToPath(new URL("../support/disk-child.mjs", import.meta.url));

test.each(["run:sfdisk", "disk:partitioning", "run:mkfs.ext4", "run:cp", "done"])(
  "kill -9 of the process at %s leaves no loop, no partition, no mount",
  async (moment) => {
    const planned = JSON.stringify(plannedDisk(mbrDisk));
    const args = [
      "--mount",
      "--propagation",
      "slave",
      process.execPath,
      child,
      join(scratch.path, "tree"),
      scratch.make("mnt"),
      scratch.make("images"),
      planned,
    ];
    const victim = spawn("unshare", args, { stdio: ["ignore", "pipe", "inherit"] });
    const ended = once(victim, "exit");
    const lines: string[] = [];
    for await (const line of createInterface(victim.stdout)) {
      lines.push(line);
      if (line === moment) victim.kill("SIGKILL");
    }
    expect(await ended).toEqual([null, "SIGKILL"]);
    expect(lines).toContain(moment);
    // A program of the dead process may still hold the device for a moment.
    await expect.poll(() => hostState(), { timeout: 2000 }).toEqual(before);
    expect(readdirSync(join(scratch.path, "mnt"))).toEqual([]);
  },
);
