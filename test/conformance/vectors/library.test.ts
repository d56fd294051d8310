/** In a mount namespace for each, which takes along what a failing test leaves. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect } from "vitest";
import { runLibrary } from "../../support/shell-library.js";
import { vector } from "../../support/vectors.js";

let folder: string;
let target: string;

beforeAll(() => {
  folder = mkdtempSync("/var/tmp/dibjs test-");
  target = join(folder, "mnt");
  for (const name of ["proc", "dev", "sys", "boot", "home/boot"]) mkdirSync(join(target, name), { recursive: true });
  symlinkSync(target, join(folder, "link"));
});

afterAll(() => rmSync(folder, { recursive: true }));

const run = (script: string, env: Readonly<Record<string, string>> = {}) =>
  runLibrary(`target=$TMP_MOUNT_PATH\n${script}`, { inNamespace: true, env: { TMP_MOUNT_PATH: target, ...env } });

/** What is mounted below the target, by the names in it. */
const listMounts = `findmnt -rn -o TARGET | sed 's/\\\\x20/ /g' | sed -n "s|^$(readlink -e "$target")||p" | sort`;
const four = ["/dev", "/dev/pts", "/proc", "/sys"];

for (const at of ["mnt", "link"])
  vector(
    "library/four-mounts",
    () => {
      const env = { TMP_MOUNT_PATH: join(folder, at) };
      expect(run(`mount_proc_dev_sys; ${listMounts}`, env)).toEqual({ status: 0, lines: four, errors: "" });
    },
    at,
  );

for (const by of ["mnt", "link"])
  vector(
    "library/unmount",
    () => {
      const script = `mount_proc_dev_sys; unmount_dir "${folder}/${by}" >/dev/null; ${listMounts}; echo end`;
      expect(run(script)).toEqual({ status: 0, lines: ["end"], errors: "" });
    },
    by,
  );

vector("library/unmount-missing", () => {
  expect(run("unmount_dir /nowhere/at/all")).toEqual({
    status: 0,
    lines: ["*** /nowhere/at/all is not a directory"],
    errors: "",
  });
});

vector("library/unmount-but-disk", () => {
  const script = `for at in boot home/boot; do mount -t tmpfs none "$target/$at"; done; unmount_dir "$target"; ${listMounts}`;
  expect(run(script, { DIB_MOUNTPOINTS: "/|/boot" })).toEqual({
    status: 0,
    lines: [`Unmount ${target}/home/boot`, `Mountpoint ${target}/boot managed by block device; skipping`, "/boot"],
    errors: "",
  });
});
