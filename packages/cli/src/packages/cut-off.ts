/** What a command does about a change of the packages that was cut off. */
import { createExec } from "@dibjs/core";
import type { Terminal } from "../terminal.js";
import { locateProject, openProject, type Project } from "./project.js";
import { findCutOff, restoreCutOff, restoredNote } from "./snapshot.js";

/** For a command that changes packages: it judges what there was before a change that was cut off. */
export async function openForChange({ err }: Terminal): Promise<Project> {
  const cwd = process.cwd();
  await restoreCutOff(await locateProject(cwd), createExec(), () => err.write(`${restoredNote}\n`));
  return openProject(cwd);
}

/** For a command that only reads. */
export async function warnOfCutOff({ err }: Terminal): Promise<void> {
  for (const folder of await findCutOff(await locateProject(process.cwd())))
    err.write(
      `${err.colours.yellow("warning:")} the packages of ${folder} are half changed: a change was cut off, or is not done yet. dib add, remove, update or approve PKG puts them back after one that was cut off.\n`,
    );
}
