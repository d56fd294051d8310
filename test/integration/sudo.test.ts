/** `dib` as an ordinary user: only its worker is root, by sudo. */
import { chownSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, afterEach, expect, test } from "vitest";
import { eventsOf, resultOf } from "../support/dib.js";
import { pathWithout } from "../support/hide-program.js";
import { leftOf, until } from "../support/left-of-build.js";
import { giveToOtherUser, otherUid, startAsOtherUser } from "../support/other-user.js";
import { outputOf, Project } from "../support/toy-os.js";

let project: Project;
beforeEach(() => {
  project = new Project();
  giveToOtherUser(project);
});
afterEach(() => project[Symbol.dispose]());

const startAsUser = (rule: string, args: readonly string[]) => startAsOtherUser(project, args, { rule });

const build = [
  ...["build", "toy-os", "subject", "-n", "--json", "-t", "tar,qcow2", "--checksum", "-o", "out/new/image"],
  ...["--elements-path", "elements", "--tmp-dir", "tmp"],
];

const ownersIn = (folder: string) =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => !name.includes(layers))
    .map((name) => statSync(join(folder, name)).uid);

/** Trees of images are in it, whose owners are those in the image: it is root's, and no user's to look into. */
const layers = "cache/dib/layers";

test("scripts run as root, and all that is left is the user's: images, sums, folders, cache, log; layers alone are root's", async () => {
  project.script("root.d/20-who", "id -u");
  project.script("root.d/21-folders", 'stat -c %u "$TMP_BUILD_DIR" "$TMP_IMAGE_DIR"');
  project.script("install.d/20-who", "id -u");
  project.script(
    "extra-data.d/20-cache",
    'mkdir "$DIB_IMAGE_CACHE/of-script"; touch "$DIB_IMAGE_CACHE/of-script/file"',
  );
  const events: Parameters<typeof outputOf>[0][number][] = [];
  const { exitCode, stderr } = await resultOf(startAsUser("NOPASSWD: ALL", build), (event) => void events.push(event));
  expect(exitCode, stderr).toBe(0);
  expect(outputOf(events, "20-who")).toEqual(["0", "0"]);
  expect(outputOf(events, "21-folders")).toEqual([String(otherUid), String(otherUid)]);
  expect(readdirSync(join(project.out, "new")).sort()).toEqual([
    "image.qcow2",
    "image.qcow2.md5",
    "image.qcow2.sha256",
    "image.report.json",
    "image.tar",
    "image.tar.md5",
    "image.tar.sha256",
  ]);
  expect(statSync(join(project.dir, "home/.cache/dib/layers"))).toMatchObject({ uid: 0, mode: 0o40700 });
  expect(readdirSync(join(project.dir, "home/.cache/dib/of-script"))).toEqual(["file"]);
  expect(new Set([...ownersIn(project.out), ...ownersIn(join(project.dir, "home"))])).toEqual(new Set([otherUid]));
  expect(readdirSync(join(project.dir, "tmp"))).toEqual([]);
});

test("dib.lock is the user's, and where the folder is not theirs a build only says that it can't be written", async () => {
  project.write("package.json", "{}");
  project.script("install.d/20-who", "id -u");
  const built = await resultOf(startAsUser("NOPASSWD: ALL", build));
  expect(built.exitCode, built.stderr).toBe(0);
  const notes = eventsOf(built).flatMap((event) => (event.type === "note" ? [event.text] : []));
  expect(notes.join("\n")).toMatch(/The lock .*dib\.lock can't be written: EACCES/);
  chownSync(project.dir, otherUid, otherUid);
  const update = ["lock", "toy-os", "subject", "--update", "-n", "--elements-path", "elements", "--tmp-dir", "tmp"];
  const updated = await resultOf(startAsUser("NOPASSWD: ALL", update));
  expect(updated, updated.stderr).toMatchObject({
    exitCode: 0,
    stdout: expect.stringMatching(/^image: as locked/) as string,
  });
  expect(statSync(join(project.dir, "dib.lock"))).toMatchObject({ uid: otherUid, gid: otherUid });
  expect(readdirSync(join(project.dir, "tmp"))).toEqual([]);
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

/** `dib block-device` as the user, on a folder where nothing has been made yet. */
async function blockDeviceAsUser(args: readonly string[], path?: string) {
  const parameters = { config: "config.yaml", "image-dir": "out", "mount-base": "mnt", "build-dir": "tmp" };
  project.write("config.yaml", "- local_loop: { name: image0 }\n");
  const params = project.write("params.yaml", JSON.stringify({ ...parameters, "image-size": "64MiB" }));
  const command = ["block-device", ...args, "--params", params, "cleanup"];
  return resultOf(startAsOtherUser(project, command, { rule: "NOPASSWD: ALL", path }));
}

test("dib block-device is raised as a whole, and answers once", async () => {
  const { exitCode, stdout, stderr } = await blockDeviceAsUser(["--json"]);
  expect(stdout.trim().split("\n"), stderr).toHaveLength(1);
  expect(JSON.parse(stdout)).toMatchObject({ status: "failed" });
  expect(exitCode).not.toBe(0);
});

test("dib block-device without sudo says what it lacks", async () => {
  const { exitCode, stderr } = await blockDeviceAsUser([], pathWithout("sudo", join(project.dir, "programs")));
  expect(exitCode).toBe(3);
  expect(stderr).toContain("HOST_PRIVILEGE_MISSING");
});
