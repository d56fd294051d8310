/**
 * A machine of its own for what the host's kernel may not know: device mapper, vfat, partition scanning, udev. It has
 * Debian's kernel, the programs that builds use, and the host's Node; this repository lies at its own path, read-only.
 *
 *     const { exitCode, stdout, stderr } = await runInGuest({ command: "dmsetup version", timeoutSeconds: 120 });
 *
 * It boots in half a minute of one core, without KVM. /var/tmp and /tmp are on a disk of their own; nothing of a guest is
 * kept but what it writes to a folder that it shares. The host's loopback is 10.0.2.2.
 */
import { existsSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { escapePath, startQemu } from "@dibjs/cli/boot/qemu.js";
import { guestImage, type GuestImage } from "./guest-image.js";

export interface GuestRun {
  /** A script for sh, run by root in /var/tmp; not with -e. */
  readonly command: string;
  /** Text files, by their names in /job. */
  readonly files?: Readonly<Record<string, string>>;
  /** Absolute folders of the host, each at its own path in the guest. */
  readonly share?: readonly { readonly folder: string; readonly isWritable: boolean }[];
  /** Runs systemd-udevd beside the command. @default false */
  readonly hasUdev?: boolean;
  /** Of all, the boot included. */
  readonly timeoutSeconds: number;
  /** Of the disk at /var/tmp. @default 16 */
  readonly diskGiB?: number;
  /** Absolute: a disk for /var/tmp that stays, and is made if it is missing. @default a new one, which goes with the guest */
  readonly disk?: string;
  /** Called once the guest runs, with what pulls its plug: it is killed with all it has not written. */
  readonly onStart?: (kill: () => void) => void;
  /** @default 2048 */
  readonly memoryMiB?: number;
}

export interface GuestResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Where this repository lies, on the host and in guests. */
export const repository = fileURLToPath(new URL("../../..", import.meta.url)).replace(/\/$/, "");

/** Where a guest finds what listens on the host's loopback, such as the apt proxy. */
export const urlInGuest = (url: string): string => url.replace("//127.0.0.1", "//10.0.2.2");

/** Boots a guest, runs the command, and powers off. Throws when it did not come to an end; then with its last console lines. */
export async function runInGuest(run: GuestRun): Promise<GuestResult> {
  const image = await guestImage();
  const work = await mkdtemp(join(tmpdir(), "dib-guest-"));
  try {
    await writeJob(join(work, "job"), run);
    const disk = run.disk ?? join(work, "disk");
    if (!existsSync(disk)) await truncateNew(disk, (run.diskGiB ?? 16) * 2 ** 30);
    return await boot(image, { work, disk }, run);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

interface Share {
  readonly tag: string;
  readonly folder: string;
  readonly isWritable: boolean;
}

const sharesOf = ({ share = [] }: GuestRun): readonly Share[] =>
  [{ folder: repository, isWritable: false }, ...share].map((one, index) => ({ ...one, tag: `share${index}` }));

async function writeJob(job: string, run: GuestRun): Promise<void> {
  await mkdir(job);
  await copyFile(fileURLToPath(new URL("guest-init.sh", import.meta.url)), join(job, "init"));
  const shares = sharesOf(run).map(
    ({ tag, folder, isWritable }) => `${tag} ${isWritable ? "rw,access=any" : "ro,cache=loose,access=any"} ${folder}\n`,
  );
  const files = { ...run.files, shares: shares.join(""), command: run.command, ...(run.hasUdev ? { udev: "" } : {}) };
  for (const [name, text] of Object.entries(files)) await writeFile(join(job, name), text);
}

async function truncateNew(file: string, bytes: number): Promise<void> {
  await writeFile(file, "");
  await truncate(file, bytes);
}

interface Places {
  readonly work: string;
  readonly disk: string;
}

async function boot(image: GuestImage, places: Places, run: GuestRun): Promise<GuestResult> {
  const { work } = places;
  const [job, console] = [join(work, "job"), join(work, "console")];
  const qemu = startQemu([...qemuCommand(image, places, run)], ["ignore", "ignore", "pipe"]);
  run.onStart?.(() => void qemu.kill());
  let complaint = "";
  qemu.child.stderr?.on("data", (chunk: Buffer) => (complaint += chunk.toString()));
  const timer = setTimeout(() => void qemu.kill(), run.timeoutSeconds * 1000);
  const how = await qemu.ended.finally(() => clearTimeout(timer));
  const read = (path: string) => readFile(path, "utf8").catch(() => "");
  const [stdout, stderr] = [await read(join(job, "stdout")), await read(join(job, "stderr"))];
  if (existsSync(join(job, "exit-code")))
    return { exitCode: Number(await read(join(job, "exit-code"))), stdout, stderr };
  const told = [complaint, (await read(console)).slice(-3000), stdout.slice(-3000), stderr.slice(-3000)];
  throw new Error(
    `the guest ended (${how}) before its command did, within ${run.timeoutSeconds} s:\n${told.join("\n")}`,
  );
}

function qemuCommand(
  { root, kernel, initramfs }: GuestImage,
  { work, disk }: Places,
  run: GuestRun,
): [string, ...string[]] {
  const shares = [{ tag: "job", folder: join(work, "job"), isWritable: true }, ...sharesOf(run)];
  return [
    "qemu-system-x86_64",
    ...["-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", String(run.memoryMiB ?? 2048)],
    ...["-kernel", kernel, "-initrd", initramfs, "-append", "console=ttyS0 quiet panic=-1 mitigations=off"],
    ...["-drive", `file=${escapePath(root)},format=raw,if=virtio,snapshot=on`],
    ...["-drive", `file=${escapePath(disk)},format=raw,if=virtio,cache=unsafe,discard=unmap`],
    ...shares.flatMap(({ tag, folder, isWritable }) => [
      "-virtfs",
      `local,path=${escapePath(folder)},mount_tag=${tag},security_model=passthrough,multidevs=remap${isWritable ? "" : ",readonly=on"}`,
    ]),
    ...["-nic", "user,model=virtio-net-pci", "-device", "virtio-rng-pci", "-no-reboot"],
    ...["-serial", `file:${escapePath(join(work, "console"))}`, "-monitor", "none"],
  ];
}
