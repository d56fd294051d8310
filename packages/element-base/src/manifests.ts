import { basename, join } from "node:path";
import type { ElementApi, PhaseRun } from "@dibjs/core";

export function setUpManifests({ addScript }: ElementApi): void {
  // Early: elements put their manifests there from now on.
  addScript("extra-data", "20-manifest-dir", async ({ env, target }) =>
    target.makeFolder(await folderInImage(env, target)),
  );
  // First of the clean-up, last of the image: the manifests are complete, and a copy is to appear beside the image.
  addScript("cleanup", "01-copy-manifests-dir", copyManifests);
}

export function setUpElementManifest({ addScript }: ElementApi): void {
  // Not in extra-data, as DIB has it: images that differ in their elements could share no phase after it.
  addScript("post-root", "75-inject-element-manifest", async ({ env, target }) => {
    const file = env.DIB_ELEMENT_MANIFEST_PATH || join(await folderInImage(env, target), "dib-element-manifest");
    await target.write(file, `${valueOf(env, "IMAGE_ELEMENT").replaceAll(" ", "\n")}\n`);
  });
}

async function copyManifests({ env, run, stageFolder, target }: PhaseRun): Promise<void> {
  const inImage = await folderInImage(env, target);
  const saved = valueOf(env, "DIB_MANIFEST_SAVE_DIR");
  if (!(await target.exists(inImage))) throw new Error(`${inImage} is gone from the image; an element removed it`);
  // DIB_ENV holds no secret: the engine leaves them out.
  await target.write(join(inImage, "dib_environment"), `${env.DIB_ENV ?? ""}\n`);
  await target.write(join(inImage, "dib_arguments"), `${env.DIB_ARGS ?? ""}\n`);

  const inside = await target.resolve(inImage); // programs of the host would follow a link of the image
  const beside = await stageFolder(join(saved, basename(inImage)));
  await run("cp", ["--recursive", "--no-target-directory", inside, beside]);
  await run("chown", ["--recursive", "--no-dereference", "root:root", inside]);
  await run("find", [inside, "-type", "f", "-exec", "chmod", "0600", "{}", "+"]);
}

/** All in it becomes root's alone, so it must not be the image itself. */
async function folderInImage(env: PhaseRun["env"], target: PhaseRun["target"]): Promise<string> {
  const folder = valueOf(env, "DIB_MANIFEST_IMAGE_DIR");
  if ((await target.resolve(folder)) === target.path)
    throw new Error(`DIB_MANIFEST_IMAGE_DIR=${folder} is the whole image`);
  return folder;
}

function valueOf(env: PhaseRun["env"], name: string): string {
  const value = env[name];
  if (value === undefined || value === "") throw new Error(`${name} is empty`);
  return value;
}
