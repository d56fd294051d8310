import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect } from "vitest";
import { tapBlockNodes } from "@dibjs/core/block-device/built-in.js";
import { createDisk, type Disk } from "@dibjs/core/block-device/create.js";
import { planDisk, type DiskSettings } from "@dibjs/core/block-device/plan-disk.js";
import { builtInBlockNodes } from "@dibjs/core/block-device/built-in.js";
import { computeImageSize } from "@dibjs/core/block-device/sizes.js";
import type { BuildContext } from "@dibjs/core/context.js";
import { tapFormats } from "@dibjs/core/formats/built-in.js";
import { createHooks, sealHooks } from "@dibjs/core/hooks.js";
import type { BuildPlan, PlannedDisk } from "@dibjs/core/plan/plan.js";
import { createExec, type Exec } from "@dibjs/core/process/exec.js";
import type { BuildEvent } from "@dibjs/core/report/events.js";
import { Stopwatch } from "@dibjs/core/report/stopwatch.js";

export const nodeTypes = new Map(builtInBlockNodes.map((type) => [type.name, type]));

export const diskSettings: DiskSettings = {
  imageSizeGiB: undefined,
  imageExtraSizeMiB: undefined,
  mkfsOptions: "",
  mkfsJournalSizeMiB: 8,
  maxOnlineResize: undefined,
  rootLabel: undefined,
  fsType: "ext4",
  sectorSizeBytes: undefined,
};

export const mbrDisk = `
- local_loop:
    name: image0
- partitioning:
    base: image0
    label: mbr
    partitions:
      - name: root
        flags: [boot, primary]
        size: 100%
        mkfs:
          mount:
            mount_point: /
            fstab: { options: "defaults,noatime", fsck-passno: 1 }
`;

export const efiDisk = `
- local_loop:
    name: image0
- partitioning:
    base: image0
    label: gpt
    partitions:
      - name: ESP
        type: EF00
        size: 64MiB
        mkfs:
          type: vfat
          mount:
            mount_point: /boot/efi
            fstab: { options: defaults, fsck-passno: 2 }
      - name: BSP
        type: EF02
        size: 8MiB
      - name: root
        type: 8300
        size: 100%
        mkfs:
          type: ext4
          mount:
            mount_point: /
            fstab: { options: defaults, fsck-passno: 1 }
`;

export const plannedDisk = (config: string, settings: Partial<DiskSettings> = {}): PlannedDisk =>
  planDisk({ config, origin: "the test" }, { ...diskSettings, ...settings }, nodeTypes);

/** Core's own services with real programs; `exec` may be wrapped. */
export function diskContext(
  exec: Exec = createExec(),
  signal = new AbortController().signal,
): BuildContext & { events: BuildEvent[] } {
  const events: BuildEvent[] = [];
  const hooks = createHooks();
  tapBlockNodes(hooks);
  tapFormats(hooks);
  sealHooks(hooks);
  return { hooks, exec, signal, emit: (event) => void events.push(event), events };
}

const scratchPrefix = `/var/tmp/dib-test-${process.pid}-`;

/** A folder of its own below the temporary folder, for work folders and outputs. */
export function scratchFolder(): { path: string; make: (name: string) => string; remove: () => void } {
  const path = mkdtempSync(scratchPrefix);
  const make = (name: string) => {
    mkdirSync(join(path, name), { recursive: true });
    return join(path, name);
  };
  return { path, make, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Gives each test a scratch folder with a `tree` in it; `use` may add to it. Afterwards the host is as it was. */
export function eachInScratch(use: (scratch: ReturnType<typeof scratchFolder>) => void): void {
  let scratch: ReturnType<typeof scratchFolder>;
  let before: ReturnType<typeof hostState>;
  beforeEach(() => {
    scratch = scratchFolder();
    makeTree(scratch.make("tree"));
    use(scratch);
    before = hostState();
  });
  afterEach(() => {
    expect(hostState()).toEqual(before);
    scratch.remove();
  });
}

/** A small tree with what a copy can lose: dotfiles, hard links, holes, attributes, capabilities, owners, odd names. */
export function makeTree(root: string): void {
  for (const folder of ["etc", "dev", "proc", "sys", "usr/bin", "home/user", "boot", "var/log", "tmp"])
    mkdirSync(join(root, folder), { recursive: true });
  writeFileSync(join(root, "etc/hostname"), "toy\n");
  writeFileSync(join(root, ".hidden"), "dot\n");
  writeFileSync(join(root, "usr/bin/tool"), "#!/bin/sh\necho tool\n", { mode: 0o755 });
  const shell = `cd "$1"; ln usr/bin/tool usr/bin/twin; ln -s tool usr/bin/link; truncate -s 64M var/log/sparse; chown 1000:1000 home/user; chmod 4755 usr/bin/tool; chmod 1777 tmp
setfattr -n user.note -v kept usr/bin/tool 2>/dev/null || true; setcap cap_net_raw+ep usr/bin/tool 2>/dev/null || true; mknod dev/null c 1 3; mkfifo home/user/pipe; printf odd > "$(printf 'home/user/\\377 \\nname')"; touch -d 2001-02-03 etc/hostname`;
  execFileSync("sh", ["-c", shell, "sh", root]);
}

export interface ToyDisk {
  readonly disk: Disk;
  readonly planned: PlannedDisk;
  readonly mountBase: string;
}

export async function createToyDisk(
  config: string,
  scratch: ReturnType<typeof scratchFolder>,
  ctx: BuildContext,
  settings: Partial<DiskSettings> = {},
): Promise<ToyDisk> {
  const planned = plannedDisk(config, settings);
  const tree = join(scratch.path, "tree");
  const [mountBase, imageDir] = [scratch.make("mnt"), scratch.make("images")];
  const imageSizeBytes = await computeImageSize(planned, tree, ctx);
  const disk = await createDisk({
    plan: toyPlan(planned),
    planned,
    tree,
    mountBase,
    imageDir,
    imageSizeBytes,
    stopwatch: new Stopwatch(),
    ctx,
  });
  return { disk, planned, mountBase };
}

export function toyPlan(disk: PlannedDisk | undefined, more: Partial<BuildPlan> = {}): BuildPlan {
  const settings = {
    useTmpfs: false,
    minTmpfsGiB: 2,
    qcow2Compression: "zstd",
    qemuImgOptions: "",
    offline: false,
    breaks: [],
    shellOnError: false,
    debugTrace: 0,
    overwriteOldImage: false,
    keep: false,
  } as const;
  const lists = {
    asked: [],
    elements: [],
    hookFiles: [],
    environmentFiles: [],
    phases: [],
    network: [],
    environment: [],
    packages: [],
    outputs: [],
    checksums: [],
    hostCommands: [],
  };
  return {
    version: 1,
    image: "image",
    output: "toy",
    arch: "amd64",
    result: "image",
    ...lists,
    disk,
    settings,
    ...more,
  };
}

/** What this process' tests hold of the build host: loop devices with partitions, and mounts. Other builds may run beside us. */
export function hostState(): { loops: string[]; partitions: string[]; mounts: string[] } {
  const backing = (loop: string): string => {
    try {
      return readFileSync(`/sys/block/${loop}/loop/backing_file`, "utf8");
    } catch {
      return ""; // the device is free
    }
  };
  const loops = readdirSync("/sys/block").filter(
    (name) => name.startsWith("loop") && backing(name).includes(scratchPrefix),
  );
  const partitions = readdirSync("/sys/class/block").filter((name) => {
    const loop = /^(loop\d+)p\d+$/.exec(name)?.[1];
    return loop !== undefined && (backing(loop) === "" || loops.includes(loop));
  });
  const mounts = readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .filter((line) => line.includes(scratchPrefix));
  return { loops, partitions, mounts };
}
