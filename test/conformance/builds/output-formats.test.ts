/** Every type of output, alone and all at once, by the command that DIB has for it: root only. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { expect } from "vitest";
import { anElement } from "../../support/build-fixture.js";
import { runDropIn } from "../../support/drop-in.js";
import { vector } from "../../support/vectors.js";

/** As in DIB's own test: folders, and enough of nothing for a file system. No program is in it, not even a shell. */
const fakeOs = () =>
  anElement("fake-os")
    .provides("operating-system")
    .script(
      "root.d/10-fake-os",
      `cd "$TARGET_ROOT"; sudo mkdir -p etc mnt proc dev sys tmp; head -c 42M /dev/zero > zeros`,
    );

const docker = (...args: readonly string[]): number | null => spawnSync("docker", args, { stdio: "ignore" }).status;
const hasEngine = docker("version") === 0;

/** Builds into a folder of its own, whose name is that of the container image. */
async function build(types: readonly string[]): Promise<{ log: string; exitCode: number | null; files: string[] }> {
  const folder = mkdtempSync("/var/tmp/dib-test-");
  const target = `${basename(folder).toLowerCase()}/image`;
  try {
    const [elements, out] = [join(folder, "elements"), join(folder, "out")];
    for (const made of [elements, out]) mkdirSync(made);
    fakeOs().writeTo(elements);
    const typed = types.length === 0 ? [] : ["-t", types.join(",")];
    const args = ["-x", ...typed, `--docker-target=${target}`, "-o", join(out, "image"), "-n", "fake-os"];
    const env = { ELEMENTS_PATH: elements, USER: "root" };
    const { exitCode, stdout, stderr } = await runDropIn("disk-image-create", args, { cwd: folder, env });
    const isImported = hasEngine && docker("image", "inspect", target) === 0;
    const files = existsSync(out) ? readdirSync(out).filter((name) => name !== "image.report.json") : [];
    return { exitCode, log: stdout + stderr, files: [...files, ...(isImported ? ["docker"] : [])] };
  } finally {
    if (hasEngine) docker("rmi", target);
    rmSync(folder, { recursive: true, force: true });
  }
}

const dockerFiles = hasEngine ? ["docker"] : ["image.oci", "image.oci.tar"];
const all = ["tar", "tgz", "squashfs", "raw", "qcow2", "docker", "aci"];

for (const [id, types, expected] of [
  ["output/tar", ["tar"], ["image.tar"]],
  ["output/tgz", ["tgz"], ["image.tgz"]],
  ["output/raw", ["raw"], ["image.raw"]],
  ["output/qcow2", ["qcow2"], ["image.qcow2"]],
  ["output/qcow2", [], ["image.qcow2"]],
  ["output/squashfs", ["squashfs"], ["image.squashfs"]],
  ["output/docker", ["docker"], dockerFiles],
  [
    "output/all",
    all,
    ["tar", "tgz", "squashfs", "raw", "qcow2", "aci"].map((type) => `image.${type}`).concat(dockerFiles),
  ],
  [
    "output/all",
    all.toReversed(),
    ["tar", "tgz", "squashfs", "raw", "qcow2", "aci"].map((type) => `image.${type}`).concat(dockerFiles),
  ],
] as const)
  vector(
    id,
    async () => {
      const { exitCode, log, files } = await build(types);
      expect({ exitCode, files: files.toSorted() }, log.slice(-3000)).toEqual({
        exitCode: 0,
        files: [...expected].toSorted(),
      });
    },
    types.join(),
  );
