/** The disk with the tree in it is kept as a compressed image, and a build whose last phases alone have changed begins with it. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { layChanges } from "@dibjs/core/block-device/changes.js";
import type { FormatRequest } from "@dibjs/core/formats/format.js";
import { qcow2 } from "@dibjs/core/formats/qcow2.js";
import { createExec } from "@dibjs/core/process/exec.js";
import { forecastImage, planImage, type BuildEvent } from "@dibjs/core";
import { describe, expect, test } from "vitest";
import { hostState, mbrDisk, scratchFolder, toyPlan } from "../support/toy-disk.js";
import { Project } from "../support/toy-os.js";

const exec = createExec();
const sh = (script: string, ...args: string[]): string =>
  execFileSync("bash", ["--norc", "-euc", script, "bash", ...args], { encoding: "utf8" });

describe("an image that is written as what was converted before and what has changed since", () => {
  const mib = 2 ** 20;
  /** Text, what no program can compress, holes and text again; the end is in the middle of a cluster. */
  const writeBase = (file: string): void =>
    void sh(
      `yes text | head -c 20M > "$1"; head -c 9M /dev/urandom >> "$1"; truncate -s 600M "$1"; yes more | head -c 3M >> "$1"; truncate -s 640128K "$1"`,
      file,
    );
  /** Pieces of clusters and whole ones, over text, over noise, in holes, and given back. */
  const change = (raw: string): void =>
    void sh(
      `put() { dd of="$raw" bs=1K seek="$1" conv=notrunc iflag=fullblock status=none; }; raw=$1
yes other | head -c 300K | put 1000; head -c 70K /dev/urandom | put 5000; yes x | head -c 1M | put 22000; yes y | head -c 5M | put 300000
printf end | put 640127; fallocate -p -o 10M -l 4M "$raw"; fallocate -p -o 25M -l 700K "$raw"; fallocate -p -o 400M -l 1M "$raw"`,
      raw,
    );

  test.each(["zstd", "zlib"] as const)("%s: it says the same, is whole, dense, and the same each time", async (how) => {
    const scratch = scratchFolder();
    const before = hostState();
    try {
      const at = (name: string) => join(scratch.path, name);
      writeBase(at("base.raw"));
      const plan = toyPlan(undefined);
      const request: FormatRequest = {
        ...{ format: "qcow2", root: "", exec, signal: new AbortController().signal, note: () => undefined },
        plan: { ...plan, settings: { ...plan.settings, qcow2Compression: how } },
        image: at("base.raw"),
        staged: at("converted.qcow2"),
      };
      await qcow2.write(request);
      const base = { file: at("base.raw"), format: "raw" } as const;
      {
        await using _disk = await layChanges({ base, changes: at("changes"), raw: at("raw") }, { exec });
        expect(statSync(at("raw")).size).toBe(640128 * 1024);
        change(at("raw"));
        sh(`cp --sparse=always "$1" "$2"`, at("raw"), at("wanted.raw"));
      }
      const changed = { converted: at("converted.qcow2"), changes: at("changes") };
      for (const name of ["one", "two"]) await qcow2.write({ ...request, staged: at(name), changed });
      await qcow2.write({ ...request, staged: at("whole"), image: at("wanted.raw") });
      sh(`qemu-img compare -f raw -F qcow2 "$1" "$2"; cmp "$2" "$3"`, at("wanted.raw"), at("one"), at("two"));
      expect(JSON.parse(sh(`qemu-img check --output=json "$1"`, at("one")))).not.toHaveProperty("leaks");
      expect(statSync(at("one")).size).toBeLessThan(statSync(at("whole")).size + 2 * mib);
      expect(hostState()).toEqual(before);
    } finally {
      scratch.remove();
    }
  });

  const flaws: Readonly<Record<string, { flaw: (file: string) => void; says: string }>> = {
    "that is none": { flaw: (file) => writeFileSync(file, "none"), says: "qemu-img" },
    "of another size": {
      flaw: (file) => void sh(`qemu-img create -q -f qcow2 -o compression_type=zstd,cluster_size=256k "$1" 2M`, file),
      says: "size",
    },
    "that is cut short": {
      flaw: (file) => {
        sh(`qemu-img create -q -f qcow2 -o compression_type=zstd,cluster_size=256k "$1" 1M`, file);
        sh(`qemu-io -f qcow2 -c "write -P 7 0 512k" "$1" > /dev/null; truncate -s 1M "$1"`, file);
      },
      says: "before what it tells of",
    },
  };
  test.each(Object.keys(flaws))("what was converted is a file %s: the disk is compressed as a whole", async (what) => {
    const scratch = scratchFolder();
    try {
      const at = (name: string) => join(scratch.path, name);
      const notes: string[] = [];
      flaws[what]?.flaw(at("none.qcow2"));
      sh(
        `yes text | head -c 1M > "$2"; qemu-img create -q -f qcow2 -b "$2" -F raw "$1"; qemu-io -f qcow2 -c "write -P 9 640k 64k" "$1" > /dev/null`,
        ...[at("changes"), at("base.raw")],
      );
      const request: FormatRequest = {
        ...{ format: "qcow2", root: "", exec, signal: new AbortController().signal, note: (text) => notes.push(text) },
        ...{ plan: toyPlan(undefined), staged: at("image.qcow2") },
        changed: { converted: at("none.qcow2"), changes: at("changes") },
      };
      await qcow2.write(request);
      expect(notes).toEqual([expect.stringContaining(flaws[what]?.says ?? "")]);
      sh(`qemu-img compare "$1" "$2"`, at("changes"), at("image.qcow2"));
      expect(readdirSync(scratch.path).sort()).toEqual(["base.raw", "changes", "image.qcow2", "none.qcow2"]);
    } finally {
      scratch.remove();
    }
  });
});

describe("a build to qcow2 alone", () => {
  const flags = { formats: ["qcow2"], overwriteOldImage: true };
  const disk = (size: string): Record<string, string> => ({
    DIB_BLOCK_DEVICE_CONFIG: mbrDisk.replace("100%", size),
  });
  const isRestored = (events: readonly BuildEvent[]): boolean =>
    events.some((event) => event.type === "phase-restored" && event.phase === "block-device");
  const warnings = (events: readonly BuildEvent[]): string[] =>
    events.flatMap((event) => (event.type === "note" && event.level === "warning" ? [event.text] : []));
  const isMade = (events: readonly BuildEvent[]): boolean => !isRestored(events);

  /** Every file of the image with its mode, owner, links and content; the file system is sound. */
  function listing(image: string): string {
    return sh(
      `raw=$(mktemp -p "$(dirname "$1")"); at=$(mktemp -d); trap 'rm -rf "$raw" "$at"' EXIT
qemu-img check -q "$1"; qemu-img convert -O raw "$1" "$raw"; e2fsck -fn "$raw?offset=1048576" > /dev/null 2>&1
unshare -m bash --norc -euc 'mount -o ro,noload,loop,offset=1048576 "$1" "$2"; cd "$2"; find . -path ./lost+found -prune -o -printf "%P %m %U %G %n %y %l\\n" | sort
find . -type f -print0 | sort -z | xargs -0 sha256sum' bash "$raw" "$at"`,
      image,
    );
  }
  const uuidOf = ({ report }: Awaited<ReturnType<Project["build"]>>): string | undefined =>
    report.disk?.fileSystems[0]?.uuid;

  function toyProject(): Project {
    const project = new Project();
    project.script(
      "install.d/10-x",
      "cat /bin/bash /bin/cat > /etc/programs; ln /etc/programs /etc/same; echo one > /etc/one",
    );
    project.script("finalise.d/10-x", "echo one > /etc/late; rm /etc/one");
    return project;
  }

  test("whose last script alone has changed makes no file system, and the image is that of a build from nothing", async () => {
    using project = toyProject();
    const image = join(project.out, "image.qcow2");
    const first = await project.build({ flags, env: disk("100%") });
    project.script("finalise.d/10-x", "echo two > /etc/late; rm /etc/same");
    const second = await project.build({ flags, env: disk("100%") });
    const restored = listing(image);
    expect([isMade(first.events), isRestored(second.events)]).toEqual([true, true]);
    expect(second.report.stages).not.toHaveProperty("mkfs");
    const third = await project.build({ flags: { ...flags, layers: "none" }, env: disk("100%") });
    expect(listing(image)).toBe(restored);
    expect(uuidOf(second)).toBe(uuidOf(first));
    expect(uuidOf(third)).not.toBe(uuidOf(first));
    expect([first, second, third].map(({ events }) => warnings(events))).toEqual([[], [], []]);
  });

  test("that failed in its last script begins with the disk of the build before", async () => {
    using project = toyProject();
    await project.build({ flags, env: disk("100%") });
    project.script("finalise.d/10-x", "exit 1");
    await expect(project.build({ flags, env: disk("100%") })).rejects.toMatchObject({ code: "SCRIPT_FAILED" });
    project.script("finalise.d/10-x", "echo two > /etc/late");
    expect(isRestored((await project.build({ flags, env: disk("100%") })).events)).toBe(true);
  });

  const changes: Readonly<Record<string, (project: Project) => object>> = {
    "another tree": (project) => (project.script("install.d/10-x", "echo two > /etc/one; echo > /etc/same"), {}),
    "another layout": () => ({ env: disk("99%") }),
    "a larger disk": () => ({ flags: { ...flags, imageSizeGiB: 1 } }),
    "another compression": () => ({ flags: { ...flags, qcow2Compression: "zlib" } }),
    "another image": ({ out }) => ({ flags: { ...flags, output: join(out, "other") } }),
    "another format beside it": () => ({ flags: { ...flags, formats: ["qcow2", "raw"] } }),
    "a script that may change the tree before": (project) => (project.script("block-device.d/10-x", "true"), {}),
  };
  test.each(Object.keys(changes))("%s: the disk is made", async (what) => {
    using project = toyProject();
    await project.build({ flags, env: disk("100%") });
    const changed = changes[what]?.(project);
    const { events } = await project.build({ flags, env: disk("100%"), ...changed });
    expect([isMade(events), warnings(events)]).toEqual([true, []]);
  });

  test("is told beforehand whether the disk is taken, and why not", async () => {
    using project = toyProject();
    await project.build({ flags, env: disk("100%") });
    project.script("finalise.d/10-x", "echo two > /etc/late");
    // extra-data, which sees all scripts, runs before.
    const forecast = async (size: string) =>
      (await forecastImage(await planImage(await project.config(undefined, flags, disk(size))))).at(-1);
    expect(await forecast("100%")).toMatchObject({ phase: "block-device", state: "assumed" });
    expect(await forecast("99%")).toMatchObject({ state: "runs", reasons: ["disk layout has changed"] });
  });

  test("finds a kept disk that was changed, says so, and makes it anew", async () => {
    using project = toyProject();
    await project.build({ flags, env: disk("100%") });
    const store = join(project.dir, "cache/layers");
    const [kept = ""] = readdirSync(store, { recursive: true, encoding: "utf8" }).filter((name) =>
      name.endsWith("output.qcow2"),
    );
    truncateSync(join(store, kept), 100_000);
    project.script("finalise.d/10-x", "echo two > /etc/late");
    const { events } = await project.build({ flags, env: disk("100%") });
    expect([isMade(events), warnings(events)]).toEqual([true, [expect.stringContaining("result of block-device")]]);
    expect(listing(join(project.out, "image.qcow2"))).toContain("etc/late");
  });

  test("that can't keep its disk says so, and gives the image", async () => {
    using project = toyProject();
    project.script("cleanup.d/10-x", `rm -r "${project.dir}/cache/layers/locks"`);
    const { events } = await project.build({ flags, env: disk("100%") });
    expect(warnings(events)).toContainEqual(expect.stringContaining("result of block-device is not cached"));
    expect(listing(join(project.out, "image.qcow2"))).toContain("etc/late");
  });

  test("takes the disk of another machine by way of a folder", async () => {
    using project = toyProject();
    const shared = join(project.dir, "shared");
    mkdirSync(shared);
    await project.build({ flags: { ...flags, cacheTo: shared }, env: disk("100%") });
    rmSync(join(project.dir, "cache"), { recursive: true });
    project.script("finalise.d/10-x", "echo two > /etc/late");
    const { events } = await project.build({ flags: { ...flags, cacheFrom: shared }, env: disk("100%") });
    expect(isRestored(events)).toBe(true);
    expect(listing(join(project.out, "image.qcow2"))).toContain("etc/late");
  });
});
