/** A script of block-device.d that makes the disk itself, and says so as it did before DIB had layouts. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Project } from "../support/toy-os.js";

let project: Project;
let before: string;

const run = (file: string, ...args: string[]) => execFileSync(file, args, { encoding: "utf8" });
/** Loops are the whole machine's, and other builds may run beside this. The kernel spells the space. */
const ownFolder = /dibjs(?: |\\040)test-/;

const hostState = () =>
  JSON.stringify({
    loops: run("losetup", "-l", "-n", "-O", "NAME,BACK-FILE")
      .split("\n")
      .filter((line) => ownFolder.test(line)),
    mounts: readFileSync("/proc/self/mountinfo", "utf8")
      .split("\n")
      .filter((line) => ownFolder.test(line)),
  });

beforeEach(() => {
  before = hostState();
  project = new Project();
});

afterEach(() => {
  expect(hostState()).toBe(before);
  project[Symbol.dispose]();
});

const attach = `
image=$TMP_IMAGE_DIR/own.raw
truncate -s "$((DIB_IMAGE_SIZE + 4096))K" "$image"
loop=$(losetup -f --show "$image")`;

const build = () => project.build({ flags: { formats: ["raw"] } });
const raw = () => join(project.out, "image.raw");

describe("a device that the script made for this build", () => {
  test("becomes the root as a whole", async () => {
    project.script("block-device.d/10-own", `${attach}\necho "IMAGE_BLOCK_DEVICE=$loop"`);
    const { report } = await build();
    expect(report.disk).toMatchObject({ origin: "block-device.d", mountPoints: ["/"], partitions: [] });
    expect(run("blkid", "-p", "-s", "LABEL", "-o", "value", raw())).toBe("cloudimg-rootfs\n");
    expect(run("debugfs", "-R", "cat /etc/os-release", raw())).toContain("ID=toy");
  });

  test("becomes the root as a partition, and later scripts know the whole disk", async () => {
    project.script(
      "block-device.d/10-own",
      `${attach}\necho 'start=2048, type=83, bootable' | sfdisk -q --no-reread --no-tell-kernel "$loop"\npartx -a "$loop"\necho "export IMAGE_BLOCK_DEVICE='\${loop}p1'"`,
    );
    project.script(
      "pre-finalise.d/10-look",
      'test "$(losetup -n -O BACK-FILE "$IMAGE_BLOCK_DEVICE")" = "$TMP_IMAGE_PATH"',
    );
    const { report } = await build();
    expect(report.disk?.partitions).toEqual([
      { name: "root", offsetBytes: 2 ** 20, sizeBytes: expect.any(Number) as number },
    ]);
    expect(run("sfdisk", "-d", raw())).toMatch(/start= +2048, .* type=83, bootable/);
    expect(run("blkid", "-p", "-O", String(2 ** 20), "-s", "TYPE", "-o", "value", raw())).toBe("ext4\n");
  });
});

describe("refused, with nothing touched and nothing left", () => {
  const refused = async () => expect(build()).rejects.toMatchObject({ code: "BLOCK_DEVICE_FOREIGN", kind: "element" });

  test.each(["/dev/sda", "/dev/loop0/../vda", "$(touch mark)"])("%s", async (device) => {
    project.script("block-device.d/10-own", `echo 'IMAGE_BLOCK_DEVICE=${device}'`);
    await refused();
    expect([raw(), join(project.dir, "mark")].filter((file) => existsSync(file))).toEqual([]);
  });

  test("a command after the device is not run", async () => {
    const mark = join(project.dir, "mark");
    project.script("block-device.d/10-own", `${attach}\necho "IMAGE_BLOCK_DEVICE=$loop; touch '${mark}'"`);
    await refused();
    expect(existsSync(mark)).toBe(false);
  });

  test.each([
    ["is of another device", 'mknod "${loop}p1" b 1 0'],
    ["is not there", "true"],
    ["is a link", 'ln -s /dev/ram0 "${loop}p1"'],
  ])("a partition whose node %s", async (_, make) => {
    project.script("block-device.d/10-own", `${attach}\n${make}\necho "IMAGE_BLOCK_DEVICE=\${loop}p1"`);
    const nodes = new Set(readdirSync("/dev"));
    try {
      await refused();
    } finally {
      for (const node of readdirSync("/dev")) if (!nodes.has(node) && node.endsWith("p1")) rmSync(join("/dev", node));
    }
  });

  test("a loop device over a file of somebody else, also by a link in the build's folder", async () => {
    const foreign = join(project.dir, "foreign.raw");
    writeFileSync(foreign, Buffer.alloc(2 ** 20, "x"));
    const loop = run("losetup", "-f", "--show", foreign).trim();
    try {
      project.script(
        "block-device.d/10-own",
        `ln -s '${foreign}' "$TMP_IMAGE_DIR/own.raw"\necho IMAGE_BLOCK_DEVICE=${loop}`,
      );
      await refused();
      expect(readFileSync(foreign).equals(Buffer.alloc(2 ** 20, "x"))).toBe(true);
    } finally {
      run("losetup", "-d", loop);
    }
  });
});

test("an empty answer, or one on standard error, is none: the disk is made from the layout", async () => {
  project.script("block-device.d/10-own", "echo IMAGE_BLOCK_DEVICE=\necho IMAGE_BLOCK_DEVICE=/dev/sda >&2");
  const { report } = await build();
  expect(report.disk?.origin).toBe("default");
});
