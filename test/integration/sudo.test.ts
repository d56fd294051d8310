/** `dib` as an ordinary user: only its worker is root, by sudo. */
import { spawn, type ChildProcess } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeEach, afterEach, expect, test } from "vitest";
import { eventsOf, resultOf } from "../support/dib.js";
import { leftOf, until } from "../support/left-of-build.js";
import { outputOf, Project } from "../support/toy-os.js";

const uid = 4242;
const repository = fileURLToPath(new URL("../..", import.meta.url));

let project: Project;
beforeEach(() => {
  project = new Project();
  chmodSync(project.dir, 0o755);
  for (const name of ["home", "out", "tmp"]) {
    mkdirSync(join(project.dir, name), { recursive: true });
    chownSync(join(project.dir, name), uid, uid);
  }
  for (const name of ["dibjs", "etc"]) mkdirSync(join(project.dir, name));
});
afterEach(() => project[Symbol.dispose]());

/**
 * A user and a rule of sudo that only this process and its children see: /etc is an overlay in a mount namespace of its
 * own. The clone is seen from a place that everybody may read.
 */
const asUser = `
set -eu
cd "$1"; shift
mount -t tmpfs tmpfs etc
mkdir etc/upper etc/work
mount -t overlay -o lowerdir=/etc,upperdir=etc/upper,workdir=etc/work overlay /etc
echo "dibber:x:${uid}:${uid}::$PWD/home:/bin/sh" >> /etc/passwd
echo "dibber:x:${uid}:" >> /etc/group
echo "dibber:*:20000::::::" >> /etc/shadow
install -m 440 /dev/stdin /etc/sudoers.d/dibber <<< "dibber ALL=(ALL) $RULE"
mount --bind "$REPOSITORY" dibjs
exec env -i "PATH=$PATH" "HOME=$PWD/home" setpriv --reuid=${uid} --regid=${uid} --clear-groups "$@"
`;

function startAsUser(rule: string, args: readonly string[]): ChildProcess {
  const program = join(project.dir, "dibjs/packages/cli/dist/main.js");
  const command = ["bash", "-c", asUser, "bash", project.dir, process.execPath, program, ...args];
  return spawn("unshare", ["--mount", ...command], {
    env: { PATH: process.env.PATH ?? "", RULE: rule, REPOSITORY: repository },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

const build = [
  ...["build", "toy-os", "subject", "-n", "--json", "-t", "tar,qcow2", "--checksum", "-o", "out/new/image"],
  ...["--elements-path", "elements", "--tmp-dir", "tmp"],
];

const ownersIn = (folder: string) =>
  readdirSync(folder, { recursive: true, encoding: "utf8" }).map((name) => statSync(join(folder, name)).uid);

test("scripts run as root, and all that is left is the user's: images, sums, folders, cache, log", async () => {
  project.script("root.d/20-who", "id -u");
  project.script("install.d/20-who", "id -u");
  const events: Parameters<typeof outputOf>[0][number][] = [];
  const { exitCode, stderr } = await resultOf(startAsUser("NOPASSWD: ALL", build), (event) => void events.push(event));
  expect(exitCode, stderr).toBe(0);
  expect(outputOf(events, "20-who")).toEqual(["0", "0"]);
  expect(readdirSync(join(project.out, "new")).sort()).toEqual([
    "image.qcow2",
    "image.qcow2.md5",
    "image.qcow2.sha256",
    "image.report.json",
    "image.tar",
    "image.tar.md5",
    "image.tar.sha256",
  ]);
  expect(new Set([...ownersIn(project.out), ...ownersIn(join(project.dir, "home"))])).toEqual(new Set([uid]));
  expect(readdirSync(join(project.dir, "tmp"))).toEqual([]);
});

test("dib.lock is the user's, and where the folder is not theirs a build only says that it can't be written", async () => {
  project.write("package.json", "{}");
  project.script("install.d/20-who", "id -u");
  const built = await resultOf(startAsUser("NOPASSWD: ALL", build));
  expect(built.exitCode, built.stderr).toBe(0);
  const notes = eventsOf(built).flatMap((event) => (event.type === "note" ? [event.text] : []));
  expect(notes.join("\n")).toMatch(/The lock .*dib\.lock can't be written: EACCES/);
  chownSync(project.dir, uid, uid);
  const update = ["lock", "toy-os", "subject", "--update", "-n", "--elements-path", "elements", "--tmp-dir", "tmp"];
  const updated = await resultOf(startAsUser("NOPASSWD: ALL", update));
  expect(updated, updated.stderr).toMatchObject({
    exitCode: 0,
    stdout: expect.stringMatching(/^image: as locked/) as string,
  });
  expect(statSync(join(project.dir, "dib.lock"))).toMatchObject({ uid, gid: uid });
  expect(readdirSync(join(project.dir, "tmp"))).toEqual([]);
});

test("a sudo that would ask for a password is HOST_PRIVILEGE_MISSING, and leaves no folder", async () => {
  project.script("install.d/10-never", "exit 1");
  const { exitCode, stdout } = await resultOf(startAsUser("PASSWD: ALL", build));
  expect(exitCode).toBe(3);
  expect(JSON.parse(stdout.trim().split("\n").at(-1) ?? "")).toMatchObject({
    errors: [{ code: "HOST_PRIVILEGE_MISSING" }],
  });
  expect(readdirSync(project.out)).toEqual([]);
});

test("killed, within 2 s nothing of the root's part is left", async () => {
  project.script("install.d/10-wait", "sleep 60");
  const child = startAsUser("NOPASSWD: ALL", build);
  let id = "";
  await resultOf(child, (event) => {
    if (event.type === "workspace") id = event.buildDir.split(".").at(-1) ?? "";
    if (event.type === "script-start" && event.script === "10-wait") child.kill("SIGKILL");
  });
  expect(id).toMatch(/^\w{8}$/);
  await until(() => leftOf(id).length === 0, 2000);
  expect(leftOf(id)).toEqual([]);
});
