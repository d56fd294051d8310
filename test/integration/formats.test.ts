import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { builtInFormats } from "@dibjs/core/formats/built-in.js";
import { exportDisk, exportTree, joinExported, type Exported } from "@dibjs/core/formats/export.js";
import { createExec, type Exec } from "@dibjs/core/process/exec.js";
import { Hashing } from "@dibjs/core/publish/hashing.js";
import { digestAlgorithms, publishBuild } from "@dibjs/core/publish/publish.js";
import type { BuildPlan } from "@dibjs/core/plan/plan.js";
import type { BuildReport } from "@dibjs/core/report/report.js";
import { Stopwatch } from "@dibjs/core/report/stopwatch.js";
import { SideFolders } from "@dibjs/core/workspace/side-folders.js";
import type { scratchFolder } from "../support/toy-disk.js";
import { createToyDisk, diskContext, eachInScratch, mbrDisk, toyPlan } from "../support/toy-disk.js";

let scratch: ReturnType<typeof scratchFolder>;
eachInScratch((made) => {
  scratch = made;
  // Content that does not shrink, for a tree and an image of their own.
  run(
    "sh",
    "-c",
    `head -c 8M /dev/urandom > "$1"; cp "$1" "$2/big"`,
    "sh",
    join(scratch.path, "image.raw"),
    join(scratch.path, "tree"),
  );
});

const run = (file: string, ...args: string[]) =>
  execFileSync(file, args, { encoding: "utf8", maxBuffer: 2 ** 26, stdio: ["ignore", "pipe", "pipe"] });
const shell = (script: string, ...args: string[]) => run("bash", "-euc", script, "bash", ...args).trim();

/** As a plan has them, in this order. */
const outputsOf = (names: readonly string[]) =>
  names.flatMap((wanted) =>
    builtInFormats
      .filter(({ name }) => name === wanted)
      .map(({ name, from, extension, consumesImage = false }) => ({ format: name, from, extension, consumesImage })),
  );
const formatNames = builtInFormats.map(({ name }) => name);
const others = (...names: string[]) => formatNames.filter((name) => !names.includes(name));

/** No engine, whatever the host has. */
const withoutEngine: Exec = (file, args, options) =>
  file === "docker"
    ? Promise.resolve({ exitCode: 1, signal: undefined, stdout: "", stderr: "Cannot connect" })
    : createExec()(file, args, options);

/** Gives what was written its names, as a build does, and tells their formats. */
async function publish(exported: Exported, plan: BuildPlan, staging: string, output: string): Promise<string[]> {
  const ctx = diskContext();
  const caller = { uid: 1000, gid: 1000, user: "user", home: "/" };
  const sideFolders = new SideFolders(staging, { caller });
  sideFolders.addOutputs(exported.folders, output);
  const { report } = await publishBuild({
    ...{ plan, places: { output, caller }, staging, staged: exported.files, ctx },
    sideFolders: await sideFolders.settle(ctx),
    sideFiles: [],
    hashing: new Hashing(digestAlgorithms(plan)),
    describe: (artifacts) => ({ artifacts }) as unknown as BuildReport,
  });
  return report.artifacts.map(({ format }) => format);
}

test("one disk becomes every format, in the worst order, each readable by others, with sums that verify", async () => {
  const ctx = diskContext(withoutEngine);
  const { disk, planned, mountBase } = await createToyDisk(mbrDisk, scratch, ctx);
  await using _ = disk;
  // raw is asked for first and takes the image away: it has to be written last all the same.
  const asked = ["raw", ...others("iso", "docker", "raw").reverse()];
  const plan = toyPlan(planned, { outputs: outputsOf(asked), checksums: ["md5", "sha256"] });
  const [staging, out] = [scratch.make("out/.dib-test"), join(scratch.path, "out")];
  const request = { plan, staging, stopwatch: new Stopwatch(), ctx };
  const fromTree = await exportTree({ ...request, root: mountBase });
  await disk.unmount();
  const fromDisk = await exportDisk({ ...request, image: disk.image });
  const published = await publish(joinExported([fromTree, fromDisk]), plan, staging, join(out, "toy"));

  expect(published.toSorted()).toEqual(asked.filter((name) => name !== "oci-dir").toSorted());
  const endings = [
    "aci",
    "fixed.vhd",
    "oci.tar",
    "qcow2",
    "raw",
    "squashfs",
    "tar",
    "tgz",
    "vdi",
    "vhd",
    "vhdx",
    "vmdk",
  ];
  expect(readdirSync(out).sort()).toEqual(
    endings
      .flatMap((ending) => ["", ".md5", ".sha256"].map((sum) => `toy.${ending}${sum}`))
      .concat(".dib-test", "toy.report.json", "toy.oci")
      .sort(),
  );
  const owners = `cd "$1"; sha256sum -c --quiet *.sha256; md5sum -c --quiet *.md5; find . -mindepth 1 ! -name .dib-test -printf '%U\\n' | sort -u`;
  expect(shell(owners, out)).toBe("1000");
  expect(JSON.parse(run("qemu-img", "info", "--output=json", join(out, "toy.qcow2")))).toMatchObject({
    format: "qcow2",
    "cluster-size": 262144,
    "format-specific": { data: { "compression-type": "zstd" } },
  });
  expect(
    run("qemu-img", "compare", "-f", "raw", "-F", "qcow2", join(out, "toy.raw"), join(out, "toy.qcow2")),
  ).toContain("identical");
  for (const [type, ending] of [
    ["VHD", "vhd"],
    ["VHD", "fixed.vhd"],
    ["VHDX", "vhdx"],
    ["VDI", "vdi"],
  ] as const)
    expect(shell(`7z e "-t$1" -so "$2" | cmp - "$3"`, type, join(out, `toy.${ending}`), join(out, "toy.raw"))).toBe("");
  // 7z reads no compressed VMDK, so qemu-img itself gives the disk back.
  expect(
    shell(
      `qemu-img convert -f vmdk -O raw "$1" "$2/back"; cmp "$2/back" "$3"; qemu-img info "$1"`,
      ...[join(out, "toy.vmdk"), staging, join(out, "toy.raw")],
    ),
  ).toContain("create type: streamOptimized");
});

test("archives keep the kernel's folders empty, leave out host devices and lost+found, and keep attributes", async () => {
  const ctx = diskContext();
  const { disk, planned, mountBase } = await createToyDisk(mbrDisk, scratch, ctx);
  await using _ = disk;
  const plan = toyPlan(planned, { outputs: outputsOf(["tar", "tgz", "squashfs"]) });
  await exportTree({ plan, staging: scratch.make("staging"), stopwatch: new Stopwatch(), ctx, root: mountBase });
  await disk.unmount();
  const folder = join(scratch.path, "staging");
  const names = run("tar", "-tf", join(folder, "toy.tar")).split("\n");
  expect(names.filter((name) => /^\.\/(dev|proc|sys|lost\+found)/.test(name))).toEqual(["./dev/", "./proc/", "./sys/"]);
  expect(names).toContain("./.hidden");
  expect(run("tar", "-tzf", join(folder, "toy.tgz")).split("\n")).toEqual(names);
  expect(run("unsquashfs", "-l", "-d", "", join(folder, "toy.squashfs"))).not.toMatch(/dev\/null|lost\+found/);
  run("tar", "--xattrs", "--xattrs-include=*", "-xf", join(folder, "toy.tar"), "-C", scratch.make("unpacked"));
  expect(Number(run("stat", "-c", "%b", join(scratch.path, "unpacked/var/log/sparse")))).toBeLessThan(100);
  expect(run("getcap", join(scratch.path, "unpacked/usr/bin/tool"))).toContain("cap_net_raw=ep");
  expect(run("stat", "-c", "%h", join(scratch.path, "unpacked/usr/bin/twin")).trim()).toBe("2");
});

/** Exports a folder in these formats, into a folder that may be a small file system, with programs that may be replaced. */
async function exportFolder(
  formats: readonly string[],
  staging: string,
  exec: Exec = withoutEngine,
  settings: Partial<BuildPlan["settings"]> = {},
): Promise<Exported> {
  const image = join(scratch.path, "image.raw");
  const plan = toyPlan(undefined, { outputs: outputsOf(formats) });
  const request = {
    ...{ plan: { ...plan, settings: { ...plan.settings, ...settings } }, staging },
    ...{ stopwatch: new Stopwatch(), ctx: diskContext(exec) },
  };
  const fromTree = await exportTree({ ...request, root: join(scratch.path, "tree") });
  return joinExported([fromTree, await exportDisk({ ...request, image })]);
}

const namesOf = ({ files, folders }: Exported) => [...files, ...folders].map(({ staged }) => staged).toSorted();

/** What a live medium takes from a tree. */
function makeBootable(tree: string): void {
  mkdirSync(join(tree, "lib/live/boot"), { recursive: true });
  const files = { "boot/vmlinuz-6.9": "old", "boot/initrd.img-6.9": "old", "boot/vmlinuz-6.10": "kernel" };
  for (const [file, text] of Object.entries({ ...files, "boot/initrd.img-6.10": "initramfs", "lib/live/boot/x": "x" }))
    writeFileSync(join(tree, file), text);
  writeFileSync(join(tree, "etc/fstab"), "LABEL=cloudimg-rootfs / ext4 defaults 0 1\n");
}

/** Ways to get at the tree of each format, with another program than the one that wrote it where there is one. */
const unpack: Readonly<Record<string, string>> = {
  tar: `$tar -f "$1/toy.tar" -C "$2"`,
  tgz: `gzip -dc "$1/toy.tgz" | $tar -C "$2"`,
  squashfs: `unsquashfs -quiet -no-progress -f -d "$2" "$1/toy.squashfs"`,
  aci: `$tar -f "$1/toy.aci" -C "$2" --strip-components=1 rootfs`,
  oci: `skopeo copy -q "oci-archive:$1/toy.oci.tar" "docker-archive:$1/by-skopeo.tar"; tar -xOf "$1/by-skopeo.tar" --wildcards '*.tar' | $tar -C "$2"`,
  "oci-dir": `umoci unpack --keep-dirlinks --image "$1/toy.oci:toy:latest" "$1/bundle"; cp -a "$1/bundle/rootfs/." "$2"`,
  iso: `xorriso -osirrox on -indev "$1/toy.iso" -extract /live/filesystem.squashfs "$1/live"; unsquashfs -quiet -no-progress -f -d "$2" "$1/live"`,
};

test("all formats of the tree have the same tree", async () => {
  makeBootable(join(scratch.path, "tree"));
  const staging = scratch.make("staging");
  await exportFolder(Object.keys(unpack), staging);
  const trees = new Map<string, string[]>();
  for (const [format, script] of Object.entries(unpack)) {
    const folder = scratch.make(`unpacked-${format}`);
    shell(`tar="tar --xattrs --xattrs-include=* -xp"; ${script}`, staging, folder);
    trees.set(format, listTree(folder));
  }
  const { tar = [], iso, ...others } = Object.fromEntries(trees);
  expect(tar.length).toBeGreaterThan(20);
  expect(tar.join("\n")).toMatch(/tool cap_net_raw=ep/);
  for (const [format, tree] of Object.entries(others)) expect(tree, format).toEqual(tar);
  expect(iso).toEqual(tar.filter((line) => !line.includes("etc/fstab")));
}, 60_000);

/** All that a copy can lose, an entry a line, sorted: kinds, modes, owners, sizes, times, links, content, attributes. */
const listTree = (folder: string): string[] =>
  shell(
    `cd "$1"
    find . ! -type d -printf '%y %m %U:%G %n %s %Ts %l %P\\0' | tr '\\n\\0' '?\\n'
    find . -mindepth 1 -type d -printf '%y %m %U:%G %Ts %P\\n'
    find . -type f -exec sha256sum {} +
    getcap -r .`,
    folder,
  )
    .split("\n")
    .toSorted();

test("an iso has the newest kernel, with its initramfs, for a BIOS and for UEFI", async () => {
  makeBootable(join(scratch.path, "tree"));
  const staging = scratch.make("staging");
  await exportFolder(["iso"], staging);
  const medium = join(staging, "toy.iso");
  expect(run("xorriso", "-indev", medium, "-report_el_torito", "plain")).toMatch(/BIOS[^]*UEFI/);
  shell(
    `xorriso -osirrox on -indev "$1" -extract /live "$2/live" -extract /boot/grub/grub.cfg "$2/grub"`,
    medium,
    staging,
  );
  expect(["live/vmlinuz", "live/initrd"].map((file) => readFileSync(join(staging, file), "utf8"))).toEqual([
    "kernel",
    "initramfs",
  ]);
  expect(readFileSync(join(staging, "grub"), "utf8")).toMatch(/linux \/live\/vmlinuz boot=live .*ttyS0/);
});

test("what the links of an image lead to on an iso is the image's own", async () => {
  makeBootable(join(scratch.path, "tree"));
  shell(
    `cd "$1/tree"; mv boot lib/modules; ln -s /lib/modules boot; mv lib/live srv; ln -s /srv lib/live
    ln -sf /lib/modules/vmlinuz-6.9 lib/modules/vmlinuz-6.10`,
    scratch.path,
  );
  const staging = scratch.make("staging");
  await exportFolder(["iso"], staging);
  shell(`xorriso -osirrox on -indev "$1/toy.iso" -extract /live "$1/live"`, staging);
  expect(readFileSync(join(staging, "live/vmlinuz"), "utf8")).toBe("old");
});

test.each([
  ["a kernel", "rm boot/*"],
  ["a kernel but a link to a file of the host", `rm boot/*; touch boot/initrd.img-1; ln -s "$1/host/vmlinuz-1" boot`],
  ["a kernel but a folder of the host", `rm -r boot; ln -s "$1/host" boot`],
  ["a kernel but a device without an end", "rm boot/*; mknod boot/vmlinuz-1 c 1 5; touch boot/initrd.img-1"],
  ["a kernel but a pipe", "rm boot/*; mkfifo boot/vmlinuz-1; touch boot/initrd.img-1"],
  ["an initramfs", "rm boot/initrd*"],
  ["live-boot", "rm -r lib/live"],
  ["live-boot but a folder of the host", `rm -r lib/live; ln -s "$1/host" lib/live`],
])("an iso of a tree without %s is FORMAT_FAILED", async (_, spoil) => {
  makeBootable(join(scratch.path, "tree"));
  shell(`mkdir -p "$1/host/boot"; touch "$1/host/vmlinuz-1" "$1/host/initrd.img-1" "$1/host/boot/x"`, scratch.path);
  shell(`cd "$1/tree"; ${spoil}`, scratch.path);
  await expect(exportFolder(["iso"], scratch.make("staging"))).rejects.toMatchObject({
    code: "FORMAT_FAILED",
    hint: expect.stringContaining("-p live-boot") as string,
  });
});

test.each([
  "tar",
  "tgz",
  "squashfs",
  "aci",
  "oci",
  "oci-dir",
  "qcow2",
  "raw",
  "vhd",
  "vhd-fixed",
  "vhdx",
  "vmdk",
  "vdi",
])("%s onto a file system that is too small is SPACE_EXHAUSTED", async (format) => {
  const staging = scratch.make("small");
  run("mount", "-t", "tmpfs", "-o", "size=2M", "tmpfs", staging);
  try {
    await expect(exportFolder([format], staging)).rejects.toMatchObject({
      code: "SPACE_EXHAUSTED",
      context: { path: staging },
    });
  } finally {
    run("umount", staging);
  }
});

test.each<[format: string, program: string, option: string]>([
  ["tar", "tar", "-tf"],
  ["tgz", "gzip", "-t"],
  ["squashfs", "unsquashfs", "-s"],
  ["aci", "tar", "-tf"],
  ["oci", "tar", "-tf"],
  ["qcow2", "qemu-img", "check"],
  ...["vhd", "vhd-fixed", "vhdx", "vmdk", "vdi"].map((format): [string, string, string] => [
    format,
    "qemu-img",
    "compare",
  ]),
])("a %s output that does not read back is ARTIFACT_CHECK_FAILED", async (format, program, option) => {
  const real = createExec();
  const exec: Exec = async (file, args, options) => {
    // What was written is damaged right before it is checked.
    if (file === program && args[0] === option) truncateSync(args.at(-1) ?? "", 1000);
    return real(file, args, options);
  };
  await expect(exportFolder([format], scratch.make("staging"), exec)).rejects.toMatchObject({
    code: "ARTIFACT_CHECK_FAILED",
  });
});

test.each([
  ["qcow2", "qemu-img"],
  ["vmdk", "qemu-img"],
  ["aci", "tar"],
  ["oci", "umoci"],
])("a %s whose program %s fails is FORMAT_FAILED with what it said", async (format, program) => {
  const exec: Exec = async (file, args, options) =>
    file === program
      ? { exitCode: 1, signal: undefined, stdout: "", stderr: "no such option" }
      : createExec()(file, args, options);
  await expect(exportFolder([format], scratch.make("staging"), exec)).rejects.toMatchObject({
    code: "FORMAT_FAILED",
    context: { format, reason: "no such option" },
  });
});

test("two exports of one tree and one image are the same bytes", async () => {
  const sums = async (staging: string) => {
    await exportFolder(["tar", "tgz", "aci", "oci", "qcow2"], staging);
    return run("sh", "-c", `cd "$1" && sha256sum *.*`, "sh", staging);
  };
  expect(await sums(scratch.make("first"))).toBe(await sums(scratch.make("second")));
});

test.each([
  [["tgz", "tar"]],
  [["vhd", "qcow2"]],
  [["raw", "tgz", "vmdk", "tar", "qcow2", "vhd"]],
  [["oci-dir", "docker", "oci"]],
  [["oci", "oci-dir", "aci"]],
  [["squashfs", "vdi", "oci", "raw"]],
])("%j is what each of them is alone", async (formats) => {
  const together = scratch.make("together");
  const exported = await exportFolder(
    [...formats].filter((name) => name !== "raw"),
    together,
  );
  const alone = await Promise.all(
    formats
      .filter((name) => name !== "raw" && name !== "docker")
      .map(async (name) => namesOf(await exportFolder([name], scratch.make(`alone-${name}`)))),
  );
  const short = (name: string) => name.slice(name.lastIndexOf("/") + 1);
  expect(namesOf(exported).map(short)).toEqual(alone.flat().map(short).toSorted());
  // Those without identifiers of their own are the same bytes.
  for (const file of alone.flat().filter((name) => /\.(tar|tgz|aci|qcow2|squashfs)$/.test(name)))
    expect(shell(`cmp "$1" "$2" && echo same`, file, join(together, short(file))), file).toBe("same");
});

test("qcow2 is compressed beside a format that is not", async () => {
  shell(`yes text | head -c 1M >> "$1"`, join(scratch.path, "image.raw"));
  const staging = scratch.make("staging");
  await exportFolder(["vhd", "qcow2"], staging);
  const clusters = JSON.parse(run("qemu-img", "check", "--output=json", join(staging, "toy.qcow2"))) as object;
  expect(clusters).toMatchObject({ "compressed-clusters": expect.any(Number) as number });
});

test("QEMU_IMG_OPTIONS reaches the formats that it fits", async () => {
  const staging = scratch.make("staging");
  await exportFolder(["qcow2", "vdi", "vmdk"], staging, withoutEngine, {
    qemuImgOptions: "cluster_size=65536,subformat=monolithicSparse",
  });
  const info = (format: string) =>
    JSON.parse(run("qemu-img", "info", "--output=json", join(staging, `toy.${format}`))) as unknown;
  expect(info("qcow2")).toMatchObject({ "cluster-size": 65536 });
  expect(info("vmdk")).toMatchObject({ "format-specific": { data: { "create-type": "monolithicSparse" } } });
});

test("docker: the tree is imported when all is whole, under its target, and no file is left", async () => {
  const calls: (readonly string[])[] = [];
  const exec: Exec = async (file, args, options) => {
    if (file !== "docker") return createExec()(file, args, options);
    calls.push(args);
    if (args[0] === "import") run("tar", "-tf", args.at(-2) ?? "");
    return { exitCode: 0, signal: undefined, stdout: "", stderr: "" };
  };
  const staging = scratch.make("staging");
  const exported = await exportFolder(["docker"], staging, exec, { dockerTarget: "team/image:1" });
  expect(calls.map(([command]) => command)).toEqual(["version"]);
  for (const finish of exported.finish) await finish();
  expect(calls.at(-1)).toEqual([
    "import",
    "--platform=linux/amd64",
    ...["--change", `CMD ["/bin/sh"]`],
    ...["--change", "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
    ...[join(staging, "toy.docker"), "team/image:1"],
  ]);
  expect([namesOf(exported), readdirSync(staging)]).toEqual([[], []]);
});

test("docker: an engine that refuses is FORMAT_FAILED", async () => {
  const exec: Exec = async (file, args, options) =>
    file === "docker"
      ? { exitCode: args[0] === "import" ? 1 : 0, signal: undefined, stdout: "", stderr: "disk quota of the engine" }
      : createExec()(file, args, options);
  const { finish } = await exportFolder(["docker"], scratch.make("staging"), exec);
  await expect(finish[0]?.()).rejects.toMatchObject({ code: "FORMAT_FAILED", context: { format: "docker" } });
});

test("docker without an engine is an OCI archive and an OCI layout", async () => {
  const staging = scratch.make("staging");
  expect(namesOf(await exportFolder(["docker"], staging))).toEqual(
    ["toy.oci", "toy.oci.tar"].map((name) => join(staging, name)),
  );
  const inspected = JSON.parse(
    run("skopeo", "inspect", "--config", `oci-archive:${join(staging, "toy.oci.tar")}`),
  ) as object;
  expect(inspected).toMatchObject({
    created: "1970-01-01T00:00:00Z",
    architecture: "amd64",
    os: "linux",
    config: { Cmd: ["/bin/sh"], Env: [expect.stringMatching(/^PATH=/)] },
  });
  const index = JSON.parse(readFileSync(join(staging, "toy.oci/index.json"), "utf8")) as { manifests: unknown[] };
  expect(index.manifests).toMatchObject([{ annotations: { "org.opencontainers.image.ref.name": "toy:latest" } }]);
});

test("an aci has the manifest that was given, else a plain one, in front", async () => {
  const staging = scratch.make("staging");
  const manifest = () => JSON.parse(run("tar", "-xOf", join(staging, "toy.aci"), "manifest")) as unknown;
  await exportFolder(["aci"], staging);
  expect(manifest()).toMatchObject({
    acKind: "ImageManifest",
    name: "toy",
    labels: [{ value: "linux" }, { value: "amd64" }],
  });
  const aciManifest = `{ "acKind": "ImageManifest", "name": "mine" }`;
  await exportFolder(["aci"], staging, withoutEngine, { aciManifest });
  expect(manifest()).toEqual(JSON.parse(aciManifest));
  const [first = "", ...members] = run("tar", "-tf", join(staging, "toy.aci")).trim().split("\n");
  expect([first, members.filter((name) => !name.startsWith("rootfs/"))]).toEqual(["manifest", []]);
  expect(run("tar", "-tvf", join(staging, "toy.aci"))).toMatch(/rootfs\/usr\/bin\/link -> tool\n/);
});

test("a tgz is made by DIB_GZIP_BIN, with its options", async () => {
  const staging = scratch.make("staging");
  const program = join(scratch.path, "compress");
  writeFileSync(program, `#!/bin/sh\necho "$@" > ${scratch.path}/called\nexec gzip -1\n`, { mode: 0o755 });
  await exportFolder(["tgz"], staging, withoutEngine, { gzipProgram: `${program} --fast` });
  expect(readFileSync(join(scratch.path, "called"), "utf8")).toBe("--fast -9\n");
});

test("an older output is kept aside, a folder like a file", async () => {
  const out = scratch.make("out");
  for (const _ of ["first", "second"]) {
    const staging = scratch.make("out/.dib-test");
    const exported = await exportFolder(["aci", "oci-dir", "vhd"], staging);
    await publish(exported, toyPlan(undefined), staging, join(out, "toy"));
  }
  const kept = readdirSync(out).filter((name) => /^toy-\d{4}\.\d\d\.\d\d-\d\d\.\d\d\.\d\d\.(aci|oci|vhd)$/.test(name));
  expect(kept.map((name) => name.slice(name.lastIndexOf("."))).toSorted()).toEqual([".aci", ".oci", ".vhd"]);
  expect(existsSync(join(out, "toy.oci/index.json"))).toBe(true);
});
