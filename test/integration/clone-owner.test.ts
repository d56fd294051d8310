/** A clone of which parts were made with sudo: who owns them, and what is said when that went wrong. */
import { spawnSync } from "node:child_process";
import { chownSync, cpSync, linkSync, mkdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { root } from "../house/source.js";
import { otherUid } from "../support/other-user.js";
import { tempFolder } from "../support/temp-folder.js";

let clone: Awaited<ReturnType<typeof tempFolder>>;
beforeEach(async () => {
  clone = await tempFolder();
  mkdirSync(join(clone.path, "scripts"));
  for (const name of ["give-to-caller", "quickstart"])
    cpSync(join(root, "scripts", name), join(clone.path, "scripts", name));
  writeFileSync(join(clone.path, "scripts/setup"), "");
  chownSync(clone.path, otherUid, otherUid);
});
afterEach(() => clone[Symbol.asyncDispose]());

const ownerOf = (path: string) => statSync(join(clone.path, path)).uid;

function make(...files: readonly string[]): void {
  for (const file of files) {
    mkdirSync(join(clone.path, file, ".."), { recursive: true });
    writeFileSync(join(clone.path, file), "");
  }
}

const PATH = process.env["PATH"] ?? "";
const run = (command: readonly [string, ...string[]], env: Readonly<Record<string, string>> = {}) =>
  spawnSync(command[0], command.slice(1), { cwd: clone.path, env: { PATH, ...env }, encoding: "utf8" });

test("what sudo made of a clone is its owner's; what is a third's, or reached by a link, stays", () => {
  make("made/by-root", "made/by-third", "outside", "store/package");
  linkSync(join(clone.path, "store/package"), join(clone.path, "made/package"));
  chownSync(join(clone.path, "made/by-third"), 1234, 1234);
  symlinkSync("../outside", join(clone.path, "made/link"));
  const command = ["bash", "scripts/give-to-caller", "made"] as const;
  expect(run(command).status).toBe(0);
  expect(ownerOf("made")).toBe(0);
  expect(run(command, { SUDO_UID: String(otherUid), SUDO_GID: String(otherUid) })).toMatchObject({
    status: 0,
    stderr: "",
  });
  const owners = ["made", "made/by-root", "made/by-third", "outside", "store/package"].map(ownerOf);
  expect(owners).toEqual([otherUid, otherUid, 1234, 0, 0]);
});

test("the quickstart says whose out/ it can't clear, and what to do", () => {
  make("out/debian.qcow2");
  const asUser = ["setpriv", `--reuid=${otherUid}`, `--regid=${otherUid}`, "--clear-groups"] as const;
  const { status, stderr } = run([...asUser, "bash", "scripts/quickstart"]);
  expect(status).toBe(1);
  expect(stderr).toContain(`quickstart: ${clone.path}/out is not yours to write to`);
  expect(stderr).toContain("sudo chown -R");
});
