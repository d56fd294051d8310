import { basename, join } from "node:path";
import type { ElementApi, PhaseRun } from "@dibjs/core";

/** First of the clean-up, last of the image: the manifests are complete, and a copy is to appear beside the image. */
export function setUpManifests({ addScript }: ElementApi): void {
  addScript("cleanup", "01-copy-manifests-dir", copyManifests);
}

async function copyManifests({ env, run, stageFolder, target }: PhaseRun): Promise<void> {
  const { DIB_MANIFEST_IMAGE_DIR: inImage = "", DIB_MANIFEST_SAVE_DIR: saved = "" } = env;
  if (!(await target.exists(inImage))) throw new Error(`${inImage} is gone from the image; an element removed it`);
  // DIB_ENV holds no secret: the engine leaves them out.
  await target.write(join(inImage, "dib_environment"), `${env.DIB_ENV ?? ""}\n`);
  await target.write(join(inImage, "dib_arguments"), `${env.DIB_ARGS ?? ""}\n`);

  const inside = join(target.path, inImage);
  const beside = await stageFolder(join(saved, basename(inImage)));
  await run("cp", ["--recursive", "--no-target-directory", inside, beside]);
  await run("chown", ["--recursive", "root:root", inside]);
  await run("find", [inside, "-type", "f", "-exec", "chmod", "0600", "{}", "+"]);
}
