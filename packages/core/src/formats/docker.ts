import { rm } from "node:fs/promises";
import { dockerEngine, engineQuestion } from "../plan/host-tools.js";
import { containerConfig } from "./container-config.js";
import { defineFormat, type FormatRequest, type FormatResult } from "./format.js";
import { checkReference, imageReference } from "./image-reference.js";
import { umoci, writeArchive, writeLayout } from "./oci.js";
import { runForFormat } from "./run-for-format.js";
import { tarCommand, writeTar } from "./tar.js";

/**
 * An image in the docker engine, imported when all other outputs are whole. Without an engine that answers: what the
 * formats `oci` and `oci-dir` are, unless these were asked for, too.
 */
export const docker = defineFormat({
  name: "docker",
  from: "tree",
  extension: "docker",
  hostCommands: [
    tarCommand,
    { command: dockerEngine, or: [umoci.command], debian: "umoci", fedora: "umoci", opensuse: "umoci" },
  ],
  check: checkReference,
  async write(request) {
    const [program = "", ...args] = engineQuestion;
    const hasEngine = (await request.exec(program, args)).exitCode === 0;
    return hasEngine ? prepareImport(request) : writeInstead(request);
  },
});

async function prepareImport(request: FormatRequest): Promise<FormatResult> {
  const { plan, root, staged, note } = request;
  const target = imageReference(plan.settings.dockerTarget, plan.output);
  const { command, environment, architecture } = await containerConfig(plan.arch, root);
  const changes = [`CMD ${JSON.stringify(command)}`, ...environment.map((variable) => `ENV ${variable}`)];
  await writeTar(request);
  return {
    files: [],
    async finish() {
      const options = [`--platform=linux/${architecture}`, ...changes.flatMap((change) => ["--change", change])];
      await runForFormat(request, ["docker", "import", ...options, staged, target]);
      await rm(staged);
      note(`The docker engine has the image ${target}.`);
    },
  };
}

async function writeInstead(request: FormatRequest): Promise<FormatResult> {
  const asked = new Set(request.plan.outputs.map(({ format }) => format));
  request.note("No docker engine answers: the image is written as an OCI archive and an OCI layout.");
  return {
    files: asked.has("oci") ? [] : [await writeArchive(request)],
    folders: asked.has("oci-dir") ? [] : [await writeLayout(request)],
  };
}
