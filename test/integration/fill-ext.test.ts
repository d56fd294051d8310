/** The root's ext file system is made of the tree itself, with nothing lost; where that can't be, the tree is copied in. */
import { execFileSync } from "node:child_process";
import { lstatSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createExec } from "@dibjs/core/process/exec.js";
import { digestTree } from "@dibjs/core/layers/tree-digest.js";
import type { scratchFolder } from "../support/toy-disk.js";
import { createToyDisk, diskContext, eachInScratch, efiDisk, mbrDisk } from "../support/toy-disk.js";

let scratch: ReturnType<typeof scratchFolder>;
let tree: string;
/** Programs that ran. */
let programs: string[];
const exec = createExec();
const ctx = () =>
  diskContext((file, args, options) => {
    programs.push(file);
    return exec(file, args, options);
  });

eachInScratch((made) => {
  scratch = made;
  tree = join(scratch.path, "tree");
  sh("touch -d 2001-02-03 home/user/*name", tree); // a line break in a name is all right where the time needs no debugfs
  programs = [];
});

const sh = (script: string, folder: string): string =>
  execFileSync("sh", ["-eu", "-c", `cd "$1"; ${script}`, "sh", folder], { encoding: "latin1" });

/** Times to the nanosecond, of all but what a disk adds. */
const timesIn = (folder: string): string =>
  sh(
    `find . -path ./lost+found -prune -o -path ./etc/fstab -prune -o -path ./etc -o -printf '%P %T@\\n' | sort`,
    folder,
  );

async function digestWithout(folder: string): Promise<string> {
  sh("rm -rf lost+found etc/fstab", folder);
  return digestTree(folder, exec);
}

test("attributes, ACLs, capabilities, links, holes, devices, names and times are those of the tree, and nothing is copied", async () => {
  sh(
    `setfattr -n user.root -v top .; chmod 0751 .; setfacl -m u:1000:rx,d:u:1000:r usr/bin; setfacl -m g:7:w etc/hostname
mkdir -m 0 var/none; chown 12:34 var/none; chown -h 5:6 usr/bin/link; touch -h -d '2001-02-03 04:05:06.789012345' usr/bin/link
touch -d '2040-01-02 03:04:05.000000007' var/none; touch -d '1960-01-02 03:04:05.5' boot; touch -d '2026-01-02 03:04:05.123456789' 'home/user' .`,
    tree,
  );
  const wanted = { times: timesIn(tree), digest: await digestTree(tree, exec) };
  const { disk, mountBase } = await createToyDisk(mbrDisk, scratch, ctx());
  await using _ = disk;
  expect(programs).not.toContain("cp");
  expect(timesIn(mountBase)).toBe(wanted.times);
  expect(statSync(join(mountBase, "var/log/sparse")).blocks).toBeLessThan(100);
  expect(await digestWithout(mountBase)).toBe(wanted.digest);
  await disk.unmount();
  sh(`e2fsck -fn "${disk.image}?offset=${2 ** 20}" 2>&1`, tree);
});

test("a folder of many names has the index that the kernel gives one", async () => {
  sh("mkdir many; cd many; seq -f 'a-name-of-some-length-%g' 2000 | xargs touch", tree);
  const { disk } = await createToyDisk(mbrDisk, scratch, ctx());
  await using _ = disk;
  await disk.unmount();
  const shown = sh(`debugfs -R "htree_dump /many" "${disk.image}?offset=${2 ** 20}"`, tree);
  expect(shown).toContain("Root node dump");
});

test.each([
  "a socket",
  "a symbolic link of two names",
  "a line break in a name",
  "more names in a folder than mke2fs is quick with",
])("%s: the tree is copied through a mount, which is said", async (what) => {
  const server = createServer();
  if (what === "a socket") await new Promise<void>((resolve) => server.listen(join(tree, "tmp/socket"), resolve));
  else if (what === "a symbolic link of two names") sh("ln usr/bin/link usr/bin/twin-link", tree);
  else if (what === "a line break in a name") sh("touch home/user/*name", tree);
  else sh("mkdir many; cd many; seq 10001 | xargs touch", tree);
  const context = ctx();
  try {
    const { disk, mountBase } = await createToyDisk(mbrDisk, scratch, context, { imageExtraSizeMiB: 64 });
    await using _ = disk;
    expect(programs).toContain("cp");
    expect(timesIn(mountBase)).toBe(timesIn(tree));
    if (what === "a socket") expect(lstatSync(join(mountBase, "tmp/socket")).isSocket()).toBe(true);
  } finally {
    server.close();
  }
  const notes = context.events.flatMap((event) => (event.type === "note" ? [event.text] : []));
  expect(notes).toEqual([expect.stringMatching(/^The tree is copied through a mount of mkfs_root: /)]);
});

test("what lies where another file system is mounted goes there", async () => {
  sh("mkdir -p boot/efi/EFI; echo loader > boot/efi/EFI/loader", tree);
  const { disk, mountBase } = await createToyDisk(efiDisk, scratch, ctx());
  await using _ = disk;
  expect(programs).toContain("cp");
  expect(sh("cat boot/efi/EFI/loader", mountBase)).toBe("loader\n");
});

test("with an empty folder for the other file system, the tree is not copied", async () => {
  sh("mkdir -p boot/efi", tree);
  const { disk, mountBase } = await createToyDisk(efiDisk, scratch, ctx());
  await using _ = disk;
  expect(programs).not.toContain("cp");
  expect(timesIn(mountBase).replace(/^boot(\/efi)? .*\n/gm, "")).toBe(
    timesIn(tree).replace(/^boot(\/efi)? .*\n/gm, ""),
  );
});
