import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createDisk } from "@dibjs/core/block-device/create.js";
import { isBuildError } from "@dibjs/core/errors.js";
import { createToyDisk, diskContext, hostState, makeTree, mbrDisk, scratchFolder } from "../support/toy-disk.js";

let scratch: ReturnType<typeof scratchFolder>;
let before: ReturnType<typeof hostState>;

beforeEach(() => {
  scratch = scratchFolder();
  makeTree(scratch.make("tree"));
  before = hostState();
});
afterEach(() => {
  expect(hostState()).toEqual(before);
  scratch.remove();
});

const run = (file: string, ...args: string[]) => execFileSync(file, args, { encoding: "utf8" });

test("an MBR disk holds the tree with everything that a copy can lose, and nothing is left on the host afterwards", async () => {
  const { disk, mountBase } = await createToyDisk(mbrDisk, scratch, diskContext());
  await using _ = disk;
  const format = "%P %y %m %U %G %l";
  const list = (root: string) =>
    run("sh", "-c", `cd "$1" && find . -mindepth 1 -path ./lost+found -prune -o -path ./etc/fstab -prune -o \\( -type d -printf '${format}\\n' -o -printf '${format} %n %s %t\\n' \\) | LC_ALL=C sort`, "sh", root);
  expect(list(mountBase)).toBe(list(join(scratch.path, "tree")));
  expect(run("getcap", join(mountBase, "usr/bin/twin"))).toContain("cap_net_raw=ep");
  expect(statSync(join(mountBase, "var/log/sparse")).blocks).toBeLessThan(100);
  expect(readFileSync(join(mountBase, "etc/fstab"), "utf8")).toBe("LABEL=cloudimg-rootfs / ext4 defaults,noatime 0 1\n");
  expect(disk.environment.IMAGE_BLOCK_DEVICE).toMatch(/^\/dev\/loop\d+$/);
  expect(disk.deviceNodes).toHaveLength(2);
  await disk.unmount();
  expect(run("sfdisk", "--json", disk.image)).toContain('"bootable": true');
  expect(run("e2fsck", "-fn", `${disk.image}?offset=1048576`)).toContain("cloudimg-rootfs");
});
