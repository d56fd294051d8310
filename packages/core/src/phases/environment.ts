/**
 * The environment of scripts: DIB's variables, what the plan allows, and what environment.d makes of them.
 * environment.d is evaluated by bash once per phase and place, in bytewise order, under `set -eu -o pipefail`; its
 * result is read back with `env -0`, so that each script can be a process of its own.
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { BuildContext } from "../context.js";
import { imageElementArray, imageElementYaml } from "../elements/image-elements.js";
import { BuildError } from "../errors.js";
import { declareVariables } from "../plan/declared.js";
import type { BuildPlaces, BuildPlan } from "../plan/plan.js";
import { shellWord } from "../process/shell-word.js";
import type { Workspace } from "../workspace/workspace.js";
import { fetchVariables, fetchVariablesInside } from "./fetch-log.js";
import { compareBytes, isEnvironmentFileName } from "./order.js";
import type { Env } from "./phase-run.js";
import type { PhaseInfo } from "./table.js";

const insidePath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** What every outside script sees before environment.d (DIB: what disk-image-create exports). */
export function hostEnvironment(
  plan: BuildPlan,
  places: BuildPlaces,
  workspace: Workspace,
  pathPrefix: string | undefined,
): Env {
  const elements = plan.elements.map(({ name }) => ({ name, folder: places.elements[name]?.folder ?? "" }));
  const asked = Object.fromEntries(
    plan.environment.flatMap(({ name, value }) => (value === undefined ? [] : [[name, value]])),
  );
  const secrets = plan.environment.flatMap(({ name }) => {
    const value = Object.hasOwn(places.secrets, name) ? places.secrets[name] : undefined;
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    ...places.runEnvironment,
    ...asked,
    ...Object.fromEntries(secrets),
    LC_ALL: "C",
    PATH: [pathPrefix, places.path].filter(Boolean).join(":"),
    HOME: places.caller.home,
    USER: places.caller.user,
    ARCH: plan.arch,
    IMAGE_NAME: plan.output,
    IMAGE_TYPE: "qcow2", // DIB exports this whatever is asked for
    FS_TYPE: plan.disk?.rootFsType ?? "ext4",
    IMAGE_ELEMENT: elements.map(({ name }) => name).join(" "),
    IMAGE_ELEMENT_YAML: imageElementYaml(elements),
    "BASH_FUNC_get_image_element_array%%": `() {  echo ${shellWord(imageElementArray(elements))}\n}`,
    ...bashFunctions,
    ELEMENTS_PATH: places.elementsPath,
    DIB_ARGS: places.args,
    DIB_ENV: places.dibEnv ?? declared(plan),
    DIB_DEBUG_TRACE: String(plan.settings.debugTrace),
    DIB_IMAGE_CACHE: places.cacheDir,
    DIB_LOCKFILES: places.lockDir,
    ...(plan.settings.breaks.length === 0 ? {} : { break: plan.settings.breaks.join(",") }),
    ...(plan.result === "ramdisk" ? { IS_RAMDISK: "1" } : {}),
    DIB_OFFLINE: plan.settings.offline ? "1" : "",
    DIB_CHECKSUM: plan.checksums.length > 0 ? plan.checksums.join(",") : "0",
    DIB_NO_TMPFS: plan.settings.useTmpfs ? "0" : "1",
    DIB_MIN_TMPFS: String(plan.settings.minTmpfsGiB),
    DIB_PYTHON_EXEC: asked.DIB_PYTHON_EXEC ?? join(workspace.libDir, "dib-python-exec"),
    _LIB: workspace.libDir,
    TMP_BUILD_DIR: workspace.buildDir,
    TMP_IMAGE_DIR: workspace.imageDir,
    TMP_IMAGE_PATH: join(workspace.imageDir, `${loopName(plan)}.raw`),
    OUT_IMAGE_PATH: "", // DIB sets it from a path that is not known yet
    TMP_HOOKS_PATH: workspace.hooksDir,
    TMP_MOUNT_PATH: workspace.mountDir,
    TARGET_ROOT: workspace.mountDir,
    ...fetchVariables(workspace, places),
    DIB_ROOT_LABEL: plan.disk?.rootLabel ?? "",
    DIB_ROOT_FSTYPE: plan.disk?.rootFsType ?? "",
    DIB_BOOT_LABEL: plan.disk?.bootLabel ?? "",
    DIB_MOUNTPOINTS: plan.disk?.mountPoints.join("|") ?? "/",
  };
}

/** What disk-image-create exports beside `get_image_element_array`: `die`, and what `set -x` writes before a line, file:line:function. */
const bashFunctions: Env = {
  "BASH_FUNC_die%%": '() {  set +o xtrace\n echo "$*" >&2\n exit 1\n}',
  "BASH_FUNC__ps4%%":
    '() {  local file=${BASH_SOURCE[1]:-}\n printf "%-80s " "${file#"${TMP_HOOKS_PATH:-}/"}:${BASH_LINENO[0]}:${FUNCNAME[1]:-main}"\n}',
  PS4: "+ $(_ps4):   ",
};

/** The raw image is called after its loop device; of several, the one under the root is told when the disk is there. */
const loopName = ({ disk }: BuildPlan): string =>
  disk?.nodes.find(({ type }) => type === "local_loop")?.name ?? "image0";

const ofTheHost = new Set(["TMPDIR", "VIRTUAL_ENV", "TARGET_ROOT"]);

/** What a script in the chroot sees: the host's paths and the caller's identity do not go in. */
export function chrootEnvironment(env: Env): Env {
  const kept = Object.entries(env).filter(([name]) => !ofTheHost.has(name));
  const hasOwnPython = env.DIB_PYTHON_EXEC?.startsWith(`${env._LIB}/`) !== true;
  return {
    ...Object.fromEntries(kept),
    ...(hasOwnPython ? {} : { DIB_PYTHON_EXEC: "/usr/bin/python3" }), // the stand-in lies outside
    ...fetchVariablesInside(env),
    PATH: insidePath,
    HOME: "/root",
    USER: "root",
    LOGNAME: "root",
  };
}

/** DIB_ENV of what the plan has, without secrets. */
const declared = (plan: BuildPlan): string =>
  declareVariables(
    Object.fromEntries(
      plan.environment.flatMap(({ name, value, secret }) =>
        name.startsWith("DIB_") && !secret ? [[name, value ?? ""]] : [],
      ),
    ),
  );

/** Regular files whose names DIB would source, in its order: bytewise, not by number. */
export async function environmentFiles(hooksDir: string): Promise<string[]> {
  const entries = await readdir(join(hooksDir, "environment.d"), { withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => !entry.isDirectory() && isEnvironmentFileName(entry.name))
    .map(({ name }) => name)
    .sort(compareBytes);
}

/** Where and how environment.d is evaluated. */
export interface EnvironmentPlace {
  readonly phase: PhaseInfo;
  /** Of environment.d, as seen from where it is sourced. */
  readonly folder: string;
  /** A command line put in front, for example `chroot ROOT`. */
  readonly wrap: (file: string, args: readonly string[]) => readonly [string, ...string[]];
  readonly shell: string;
}

const begin = "dib-environment-file ";

/** The names go to standard error as markers, to say which file failed; nothing is traced, since values may be secret. */
const source = `
strict=$1; shift
set -eu; if [ "$strict" = pipefail ]; then set -o pipefail; fi
{ for file in "$@"; do echo "${begin}$file" >&2; . "$file"; done; } >&2
unset file strict
exec env -0
`;

/** Throws ENVIRONMENT_FAILED with the file. Output of the files is dropped unless they fail. */
export async function evaluateEnvironment(
  env: Env,
  files: readonly string[],
  place: EnvironmentPlace,
  ctx: BuildContext,
): Promise<Env> {
  if (files.length === 0) return env;
  const isBash = place.shell.endsWith("bash");
  const paths = files.map((file) => join(place.folder, file));
  const shellArgs = [
    ...(isBash ? ["--norc"] : []),
    "-c",
    source,
    "environment.d",
    isBash ? "pipefail" : "plain",
    ...paths,
  ];
  const [file, ...args] = place.wrap(place.shell, shellArgs);
  const { exitCode, stdout, stderr } = await ctx.exec(file, args, { env, signal: ctx.signal });
  ctx.signal.throwIfAborted();
  if (exitCode !== 0) throw failed(files, place.phase.name, exitCode ?? 1, stderr);
  return parseEnv(stdout);
}

function failed(files: readonly string[], phase: string, exitCode: number, stderr: string): BuildError {
  const lines = stderr.split("\n");
  const last = lines.findLastIndex((line) => line.startsWith(begin));
  const name = lines[last]?.slice(begin.length).split("/").at(-1) ?? files[0] ?? "";
  return new BuildError("ENVIRONMENT_FAILED", {
    file: name,
    phase,
    exitCode,
    tail: lines
      .slice(last + 1)
      .join("\n")
      .trim(),
  });
}

const ofTheShell = new Set(["_", "SHLVL", "PWD", "OLDPWD"]);

function parseEnv(text: string): Env {
  const pairs = text
    .split("\0")
    .filter(Boolean)
    .map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)] as const);
  return Object.fromEntries(pairs.filter(([name]) => !ofTheShell.has(name)));
}
