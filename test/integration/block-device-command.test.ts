import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  cleanUpBlockDevice,
  createBlockDevice,
  deleteBlockDevice,
  initBlockDevice,
  unmountBlockDevice,
} from "@dibjs/core";
import { createExec, type Exec } from "@dibjs/core/process/exec.js";
import { describe, expect, test } from "vitest";
import { BlockDeviceFolder } from "../support/block-device-folder.js";

const bin = (name: string) => fileURLToPath(new URL(`../../packages/cli/bin/${name}.js`, import.meta.url));
const disk = `
- local_loop: { name: image0 }
- partitioning:
    base: image0
    label: gpt
    partitions:
      - { name: root, size: 100%, mkfs: { mount: { mount_point: /, fstab: {} } } }
`;

const run = (file: string, ...args: readonly string[]) => execFileSync(file, args, { encoding: "utf8" });

/** Runs \`dib-block-device\` on a folder. */
function dibBlockDevice(folder: BlockDeviceFolder, ...args: readonly string[]) {
  const env = { ...process.env, DIB_BLOCK_DEVICE_PARAMS_YAML: folder.paramsFile, NO_COLOR: "1" };
  const command = [process.execPath, bin("dib-block-device"), ...args];
  return spawnSync("sh", ["-c", 'umask 077; exec "$@"', "sh", ...command], { encoding: "utf8", env });
}

test("each command is a process of its own, and what is written between create and umount is in the image", () => {
  using folder = new BlockDeviceFolder(disk);
  const done = (...args: readonly string[]) => {
    const { status, stdout, stderr } = dibBlockDevice(folder, ...args);
    expect({ args, status, stderr: status === 0 ? "" : stderr }).toEqual({ args, status: 0, stderr: "" });
    return stdout.trimEnd();
  };
  done("init");
  expect(done("getval", "root-label")).toBe("cloudimg-rootfs");
  done("create");
  expect(statSync(join(folder.stateDir, "state.json")).mode & 0o777).toBe(0o644); // getval needs no root
  const image = done("getval", "image-path");
  expect(done("getval", "image-block-devices")).toMatch(/^ \[image0\]=\/dev\/loop\d+ {2}\[root\]=\/dev\/loop\d+p1$/);
  writeFileSync(join(folder.path, "build/mnt/hello"), "world");
  done("writefstab");
  done("umount");
  expect(folder.held()).toEqual([]);
  done("cleanup");
  const { stdout } = spawnSync("debugfs", ["-R", "cat /hello", `${image}?offset=${2 ** 20}`], { encoding: "utf8" });
  expect(stdout).toBe("world");
  expect(existsSync(folder.stateDir)).toBe(false);
});

test("dib block-device is the same command, with an envelope on request", () => {
  using folder = new BlockDeviceFolder(disk);
  const dib = (...args: readonly string[]) =>
    spawnSync(process.execPath, [bin("dib"), "block-device", "--params", folder.paramsFile, ...args], {
      encoding: "utf8",
    });
  expect(dib("init").status).toBe(0);
  expect(JSON.parse(dib("--json", "getval", "mount-points").stdout)).toMatchObject({
    data: { symbol: "mount-points", value: "/" },
  });
  expect(dib("getval", "nothing")).toMatchObject({ status: 2, stdout: "" });
});

test("a create that is killed can be undone: what it borrowed is written down before it goes on", async () => {
  using folder = new BlockDeviceFolder(disk);
  expect(dibBlockDevice(folder, "init").status).toBe(0);
  const env = { ...process.env, DIB_BLOCK_DEVICE_PARAMS_YAML: folder.paramsFile };
  const victim = spawn(process.execPath, [bin("dib-block-device"), "create"], {
    env,
    stdio: ["ignore", "ignore", "pipe"],
  });
  const ended = once(victim, "exit");
  victim.stderr.on("data", (text: Buffer) => {
    if (text.includes("partitioning: root")) victim.kill("SIGKILL");
  });
  expect(await ended).toEqual([null, "SIGKILL"]);
  expect(folder.held()).not.toEqual([]);
  expect(dibBlockDevice(folder, "create")).toMatchObject({
    status: 1,
    stderr: expect.stringContaining("BLOCK_DEVICE_HELD") as string,
  });
  expect(dibBlockDevice(folder, "delete").status).toBe(0);
  expect([folder.held(), readdirSync(join(folder.path, "images"))]).toEqual([[], []]);
});

test("an interrupted create undoes what it made", async () => {
  using folder = new BlockDeviceFolder(disk);
  expect(dibBlockDevice(folder, "init").status).toBe(0);
  const env = { ...process.env, DIB_BLOCK_DEVICE_PARAMS_YAML: folder.paramsFile };
  const child = spawn(process.execPath, [bin("dib-block-device"), "create"], {
    env,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.on("data", (text: Buffer) => {
    said += text.toString();
    if (text.includes("partitioning: root")) child.kill("SIGTERM");
  });
  expect(await once(child, "exit")).toEqual([1, null]);
  expect(said).toContain("BUILD_INTERRUPTED");
  expect([folder.held(), readdirSync(join(folder.path, "images"))]).toEqual([[], []]);
});

/** A disk of somebody else: a loop device with one partition, which is mounted. */
class ForeignDisk implements Disposable {
  readonly loop: string;
  readonly partition: string;
  readonly mounted: string;

  constructor({ path }: BlockDeviceFolder) {
    const image = join(path, "foreign.raw");
    run("truncate", "-s", "16M", image);
    this.loop = run("losetup", "-P", "-f", "--show", image).trim();
    this.partition = `${this.loop}p1`;
    this.mounted = join(path, "foreign");
    run("sh", "-c", `echo start=2048 | sfdisk -q --no-reread --no-tell-kernel ${this.loop} && partx -a ${this.loop}`);
    run("mkfs.ext4", "-q", this.partition);
    run("mkdir", this.mounted);
    run("mount", this.partition, this.mounted);
  }

  /** What it has of the host, and the content of its partition. */
  facts = () => ({
    mounts: readFileSync("/proc/self/mounts", "utf8").includes(` ${this.mounted} `),
    partitions: [existsSync(`/sys/class/block/${basename(this.partition)}`), existsSync(this.partition)],
    isAttached: existsSync(`/sys/block/${basename(this.loop)}/loop`),
  });

  [Symbol.dispose](): void {
    run("umount", this.mounted);
    run("losetup", "-d", this.loop); // its partition goes with it
  }
}

describe("what was borrowed has gone, and its names are those of somebody else's disk by now", () => {
  const note = (
    folder: BlockDeviceFolder,
    { loop, partition, mounted }: ForeignDisk,
    more: readonly unknown[] = [],
  ) => {
    const image = join(folder.path, "images/image0.raw");
    writeFileSync(image, "");
    const mount = { path: mounted, device: partition, mountPoint: "/", fstype: "ext4", imageDir: folder.path };
    const loans = [
      { loan: "loop", data: { device: loop, image } },
      { loan: "partition", data: { path: partition, device: loop, number: 1 } },
      { loan: "node", data: { path: partition, device: loop } },
      { loan: "mount", data: mount },
      ...more,
    ];
    writeFileSync(join(folder.stateDir, "nodes.json"), JSON.stringify({ loans, images: [image] }));
  };

  test.each(["umount", "cleanup", "delete"])("%s leaves it alone, and says so", (command) => {
    using folder = new BlockDeviceFolder(disk);
    expect(dibBlockDevice(folder, "init").status).toBe(0);
    using foreign = new ForeignDisk(folder);
    const before = foreign.facts();
    note(folder, foreign);
    const { status, stderr } = dibBlockDevice(folder, command);
    expect({ status, facts: foreign.facts() }).toEqual({ status: 0, facts: before });
    for (const what of [`mount ${foreign.mounted}`, `partition ${foreign.partition}`, `node ${foreign.partition}`])
      expect(stderr).toContain(`${what}`);
    expect(stderr).toContain("is left alone");
  });

  test("files that were gathered for its file system are not copied into it", () => {
    using folder = new BlockDeviceFolder(disk);
    expect(dibBlockDevice(folder, "init").status).toBe(0);
    using foreign = new ForeignDisk(folder);
    const path = join(folder.path, "gathered");
    run("mkdir", path);
    writeFileSync(join(path, "file"), "of the image");
    note(folder, foreign, [{ loan: "gathered-files", data: { path, device: foreign.partition, node: "mount_ESP" } }]);
    const { status, stderr } = dibBlockDevice(folder, "umount");
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: expect.stringContaining("BLOCK_DEVICE_NODE_FAILED") as string,
    });
    expect(stderr).toContain(`${foreign.partition} does not lie on an image of this disk any more`);
    expect(existsSync(join(path, "file"))).toBe(true);
  });
});

test("an umount that failed half-way is done again, and what was done before is not", async () => {
  using folder = new BlockDeviceFolder(disk);
  const [parameters, ran] = [await folder.read(), [] as string[]];
  const real = createExec();
  const exec: Exec = async (file, args, options) => {
    ran.push(file);
    if (isBusy && file === "umount") throw new Error("target is busy");
    return await real(file, args, options);
  };
  let isBusy = true;
  await initBlockDevice(parameters);
  await createBlockDevice(parameters, folder.services());
  await expect(unmountBlockDevice(parameters, folder.services(exec))).rejects.toMatchObject({ code: "RELEASE_FAILED" });
  expect(ran).toContain("sync");
  isBusy = false;
  ran.splice(0);
  expect(await unmountBlockDevice(parameters, folder.services(exec))).toBe(true);
  expect(ran.filter((file) => ["sync", "fstrim"].includes(file))).toEqual([]);
  expect(folder.held()).toEqual([]);
});

test("two creates at once: one makes the disk, the other is told and takes nothing away", async () => {
  using folder = new BlockDeviceFolder(disk);
  const parameters = await folder.read();
  await initBlockDevice(parameters);
  const outcomes = await Promise.allSettled([1, 2].map(() => createBlockDevice(parameters, folder.services())));
  const codes = outcomes.map((outcome) =>
    outcome.status === "fulfilled" ? "made" : (outcome.reason as { code?: string }).code,
  );
  expect(codes.sort()).toEqual(["BLOCK_DEVICE_HELD", "made"]);
  expect(existsSync(join(folder.path, "images/image0.raw"))).toBe(true);
  await deleteBlockDevice(parameters, folder.services());
  expect([folder.held(), readdirSync(join(folder.path, "images"))]).toEqual([[], []]);
});

test("while another command is at work, nothing is begun", async () => {
  using folder = new BlockDeviceFolder(disk);
  const parameters = await folder.read();
  await initBlockDevice(parameters);
  const exec: Exec = async () => ({ exitCode: 1, signal: undefined, stdout: "", stderr: "" });
  await expect(createBlockDevice(parameters, folder.services(exec))).rejects.toMatchObject({
    code: "BLOCK_DEVICE_BUSY",
  });
  expect(readdirSync(folder.stateDir)).toEqual(["config.json"]);
});

test.each([
  ["cleanup", cleanUpBlockDevice],
  ["delete", deleteBlockDevice],
])("%s gives back nothing that another command has meanwhile", async (_, end) => {
  using folder = new BlockDeviceFolder(disk);
  const [parameters, real] = [await folder.read(), createExec()];
  await initBlockDevice(parameters);
  await createBlockDevice(parameters, folder.services(real));
  const started: string[] = [];
  const exec: Exec = async (file, args, options) => {
    if (file !== "flock") started.push(file);
    else await cleanUpBlockDevice(parameters, folder.services(real)); // it had the lock until now
    return await real(file, args, options);
  };
  await expect(end(parameters, folder.services(exec))).rejects.toMatchObject({ code: "BLOCK_DEVICE_STATE_MISSING" });
  expect([started, folder.held()]).toEqual([[], []]);
});

test("an image that somebody else makes meanwhile stays, and only what was made is taken away", async () => {
  using folder = new BlockDeviceFolder(`${disk}\n- local_loop: { name: image1 }\n`);
  const [parameters, real] = [await folder.read(), createExec()];
  const other = join(folder.path, "images/image1.raw");
  const exec: Exec = async (file, args, options) => {
    if (args.includes(join(folder.path, "images/image0.raw")) && args.includes("losetup"))
      writeFileSync(other, "precious");
    return await real(file, args, options);
  };
  await initBlockDevice(parameters);
  await expect(createBlockDevice(parameters, folder.services(exec))).rejects.toMatchObject({
    code: "BLOCK_DEVICE_IMAGE_EXISTS",
    context: { image: other },
  });
  expect(readdirSync(join(folder.path, "images"))).toEqual(["image1.raw"]);
  expect([readFileSync(other, "utf8"), folder.held()]).toEqual(["precious", []]);
});

const answers = [
  [[], 2, "A command is missing"],
  [["mkfs"], 2, 'There is no command "mkfs"'],
  [["getval"], 2, "getval needs a symbol"],
  [["init", "more"], 2, 'init takes no "more"'],
  [["--size", "1", "init"], 2, "Unknown option"],
  [["--params", "", "init"], 2, "DIB_BLOCK_DEVICE_PARAMS_YAML or --params not set"],
  [["--params", "/nowhere.yaml", "init"], 1, "BLOCK_DEVICE_PARAMETERS_INVALID"],
  [["getval", "image-block-partition"], 1, "Invalid symbol [image-block-partition] for getval"],
  [["getval", "image-path"], 1, "State dump not found"],
  [["cleanup"], 1, "Pickle file not found"],
  [["delete"], 1, "Pickle file not found"],
] as const;

test("exit codes: 2 for what can't be asked, 1 for what fails", () => {
  using folder = new BlockDeviceFolder(disk);
  expect(dibBlockDevice(folder, "init").status).toBe(0);
  for (const [args, status, message] of answers)
    expect({ args, ...dibBlockDevice(folder, ...args) }).toMatchObject({
      args,
      status,
      stdout: "",
      stderr: expect.stringContaining(message) as string,
    });
  expect(folder.held()).toEqual([]);
});

const refusals: readonly (readonly [string, Readonly<Record<string, unknown>>, string])[] = [
  ["a mount without mount-base", { "mount-base": undefined }, "Mount default config needs 'mount-base'"],
  ["no size for the image", { "image-size": undefined }, "image-size is missing"],
  ["a size that is none", { "image-size": "lots" }, 'image-size "lots" is not a size'],
];
test.each(refusals)("create refuses %s, and makes nothing", (_, more, message) => {
  using folder = new BlockDeviceFolder(disk, more);
  expect(dibBlockDevice(folder, "init").status).toBe(0);
  expect(dibBlockDevice(folder, "create")).toMatchObject({
    status: 1,
    stderr: expect.stringContaining(message) as string,
  });
  expect([folder.held(), readdirSync(join(folder.path, "images"))]).toEqual([[], []]);
});

test("create writes over no file, and removes none that it did not make", () => {
  using folder = new BlockDeviceFolder(disk);
  const file = join(folder.path, "images/image0.raw");
  writeFileSync(file, "precious");
  dibBlockDevice(folder, "init");
  expect(dibBlockDevice(folder, "create")).toMatchObject({
    status: 1,
    stderr: expect.stringContaining("BLOCK_DEVICE_IMAGE_EXISTS") as string,
  });
  expect(readFileSync(file, "utf8")).toBe("precious");
});

test("init refuses a config with the place in it", () => {
  using folder = new BlockDeviceFolder(`${disk}\n- mkfs: { base: root, name: twice, type: 123, label: 0x83 }\n`);
  const { status, stderr } = dibBlockDevice(folder, "init");
  expect({ status, stderr }).toMatchObject({
    status: 1,
    stderr: expect.stringMatching(/config\.yaml:9:\d+\).*type "123" is not a file system/) as string,
  });
});

test("a state that was cut short is told by its file, and nothing is done", () => {
  using folder = new BlockDeviceFolder(disk);
  expect(dibBlockDevice(folder, "init").status).toBe(0);
  const state = join(folder.stateDir, "state.json");
  writeFileSync(state, '{ "blockdev": ');
  const { status, stderr } = spawnSync(
    process.execPath,
    [bin("dib"), "block-device", "--params", folder.paramsFile, "getval", "image-path"],
    { encoding: "utf8", env: { ...process.env, NO_COLOR: "1" } },
  );
  expect([status, stderr]).toEqual([3, expect.stringContaining("BLOCK_DEVICE_STATE_BROKEN")]);
  expect(stderr).toContain(state);
});
