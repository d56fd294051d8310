/**
 * DIB's folders can't say what they need of the host. Most of what they run there is the shell and what a phase's scripts
 * find by themselves; Python with PyYAML is what a bare host lacks, and what fails only in the middle of a build. A
 * package says itself what it needs.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { isScriptName } from "../phases/order.js";
import { phases } from "../phases/table.js";
import type { ElementFile, HostProgram } from "./element.js";

const outside = phases.filter(({ place }) => place === "host").map(({ name }) => `${name}.d/`);
const shebang = /^#!.*\bpython3?\b/;
const usesYaml = /^\s*(import|from) yaml\b/m;

/** Python when a script of a phase on the host is written in it or runs it; PyYAML when that, or a program beside it, imports it. */
export async function pythonOf(files: readonly ElementFile[], folder: string): Promise<HostProgram[]> {
  const read = async (wanted: (file: ElementFile) => boolean) =>
    Promise.all(files.filter(wanted).map(async ({ path, from = path }) => readFile(join(folder, from), "utf8")));
  const scripts = (await read(isOutsideScript)).filter(
    (text) => shebang.test(text) || text.includes("DIB_PYTHON_EXEC"),
  );
  if (scripts.length === 0) return [];
  const programs = (await read(({ path, kind }) => kind === "file" && path.startsWith("bin/"))).filter((text) =>
    shebang.test(text),
  );
  const called = scripts.some((text) => text.includes("/bin/")) ? programs : [];
  const modules = [...scripts, ...called].some((text) => usesYaml.test(text)) ? ["yaml"] : [];
  return [{ command: "python3", debian: "python3", fedora: "python3", opensuse: "python3", modules }];
}

const isOutsideScript = ({ path, kind, executable }: ElementFile): boolean =>
  kind === "file" &&
  executable &&
  outside.some((phase) => path.startsWith(phase) && isScriptName(path.slice(phase.length)));
