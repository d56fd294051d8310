/** Container images by the rules of the Open Container Initiative: one layer that is the root, put together by umoci. */
import { rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { BuildPlan } from "../plan/plan.js";
import { defineFormat, type FormatRequest, type StagedOutput } from "./format.js";
import { checkReference, imageReference } from "./image-reference.js";
import { containerConfig } from "./container-config.js";
import { checkOutput, runForFormat } from "./run-for-format.js";
import { tarCommand, writeTar } from "./tar.js";

export const umoci = { command: "umoci", debian: "umoci", fedora: "umoci", opensuse: "umoci" } as const;

/** The layout in one file, which podman, skopeo and docker (since 25) load. */
export const oci = defineFormat({
  name: "oci",
  from: "tree",
  extension: "oci.tar",
  hostCommands: [tarCommand, umoci],
  check: checkReference,
  async write(request) {
    return { files: [await writeArchive(request)] };
  },
});

/** The layout as a folder. */
export const ociDir = defineFormat({
  name: "oci-dir",
  from: "tree",
  extension: "oci",
  isFolder: true,
  hostCommands: [tarCommand, umoci],
  check: checkReference,
  async write(request) {
    return { files: [], folders: [await writeLayout(request)] };
  },
});

const layoutOf = ({ staged, plan }: FormatRequest): string => join(dirname(staged), `${basename(plan.output)}.oci`);

/** Several formats have the same layout: the first of them makes it. */
export async function writeLayout(request: FormatRequest): Promise<StagedOutput> {
  const layout = layoutOf(request);
  const isMade = await stat(layout).then(
    () => true,
    () => false,
  );
  if (!isMade) await makeLayout(request, layout);
  return { staged: layout, extension: "oci" };
}

export async function writeArchive(request: FormatRequest): Promise<StagedOutput> {
  const { staged: layout } = await writeLayout(request);
  const staged = join(dirname(layout), `${basename(request.plan.output)}.oci.tar`);
  const owner = ["--owner=0", "--group=0", "--numeric-owner", "--mode=u=rwX,go=rX", `--mtime=@0`];
  const members = ["index.json", "oci-layout", "blobs"]; // in front: who reads a stream wants them first
  await runForFormat({ ...request, staged }, ["tar", "--sort=name", ...owner, "-cf", staged, "-C", layout, ...members]);
  await checkOutput({ ...request, staged }, ["tar", "-tf", staged]);
  if (!isWanted(request.plan)) await rm(layout, { recursive: true, force: true });
  return { staged, extension: "oci.tar" };
}

const isWanted = ({ outputs }: BuildPlan): boolean =>
  outputs.some(({ format }) => format === "oci-dir" || format === "docker");

const epoch = "1970-01-01T00:00:00Z";

/** umoci splits what it is given at the first colon, so it works on a folder of a name of ours and then that is renamed. */
async function makeLayout(request: FormatRequest, layout: string): Promise<void> {
  const { plan, root } = request;
  const [folder, parts] = [dirname(layout), { layout: "dib-oci-layout", layer: "dib-oci-layer.tar" }];
  const reference = imageReference(plan.settings.dockerTarget, plan.output);
  const image = ["--image", `${parts.layout}:${reference}`];
  const layer = { ...request, staged: join(folder, parts.layer) };
  const run = (...args: string[]) => runForFormat({ ...layer, cwd: folder }, ["umoci", ...args]);
  await rm(join(folder, parts.layout), { recursive: true, force: true });
  await writeTar(layer);
  await run("init", "--layout", parts.layout);
  await run("new", ...image);
  const created = ["--history.created", epoch, "--history.created_by", "dib"];
  await run("raw", "add-layer", ...image, ...created, parts.layer);
  await rm(layer.staged);
  const { command, environment, architecture } = await containerConfig(plan.arch, root);
  await run(
    "config",
    ...[...image, "--no-history", "--created", epoch, "--os", "linux", "--architecture", architecture],
    ...environment.flatMap((variable) => ["--config.env", variable]),
    ...command.flatMap((word) => ["--config.cmd", word]),
  );
  await run("gc", "--layout", parts.layout);
  await checkOutput({ ...layer, staged: layout, cwd: folder }, ["umoci", "stat", ...image, "--json"]);
  await rename(join(folder, parts.layout), layout);
}
