/**
 * package-installs.{json,yaml}: which packages an element wants in which phase. Read on the host once the environment is
 * known (extra-data), kept in the target for the phases in the chroot, which then need no parser there.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { BuildError, type ElementApi, type PhaseName, type PhaseRun } from "@dibjs/core";
import { mapPackages, type PackageMap } from "./package-map.js";
import { parseMap, type Invalid } from "./parse-map.js";

type Env = Readonly<Record<string, string>>;
const installPhases = ["pre-install", "install", "post-install"] as const;
type InstallPhase = (typeof installPhases)[number];

/** A package and the element that wants it, whose pkg-map names it. */
type Wanted = readonly [packageName: string, element: string];
/** Keyed `install.d`, as DIB's /tmp/package-installs.json. */
export type PackageInstalls = Record<string, { install: Wanted[]; uninstall: Wanted[] }>;

const squashed = "/tmp/package-installs.json";
/** DIB's places: first of a phase, and last. */
const steps: Readonly<Record<InstallPhase, readonly [install: string, uninstall: string]>> = {
  "pre-install": ["10-package-installs", "99-package-uninstalls"],
  install: ["01-package-installs", "99-package-uninstalls"],
  "post-install": ["00-package-installs", "95-package-uninstalls"],
};

export function setUpPackageInstalls({ addScript }: ElementApi): void {
  addScript("extra-data", "99-squash-package-install", squash);
  for (const phase of installPhases) {
    const [install, uninstall] = steps[phase];
    addScript(phase, install, (run) => change(run, phase, "install"));
    addScript(phase, uninstall, (run) => change(run, phase, "uninstall"));
  }
}

async function squash({ elementFolders, env, target, log }: PhaseRun): Promise<void> {
  const installs: PackageInstalls = {};
  for (const [element, folder] of elementFolders) {
    for (const file of ["package-installs.json", "package-installs.yaml"]) {
      const text = await readIfThere(join(folder, file));
      if (text !== undefined) addPackageInstalls(installs, { element, file, text }, env, log);
    }
  }
  await target.write(squashed, JSON.stringify(installs), { mode: 0o600 });
}

interface InstallsFile {
  readonly element: string;
  readonly file: string;
  readonly text: string;
}

/** Adds what one file asks for. Throws ELEMENT_FILE_INVALID. */
export function addPackageInstalls(
  installs: PackageInstalls,
  { element, file, text }: InstallsFile,
  env: Env,
  log: (text: string) => void = () => {},
): void {
  const invalid = (reason: string) => new BuildError("ELEMENT_FILE_INVALID", { element, file, reason });
  const written = parseMap(text, invalid, (note) => log(`${element}: ${file}: ${note}`));
  for (const [name, items] of Object.entries(written)) {
    for (const item of [items ?? {}].flat()) {
      const rules: unknown = item === "" ? {} : item;
      if (typeof rules !== "object" || rules === null) throw invalid(`${name} must be empty or a map of rules`);
      addItem(installs, name, element, readRules(rules as Record<string, unknown>, name, invalid), env, invalid);
    }
  }
}

interface Rules {
  readonly phase: InstallPhase;
  readonly uninstall: boolean;
  readonly buildOnly: boolean;
  readonly installType: string | undefined;
  readonly arch: readonly string[] | undefined;
  readonly notArch: readonly string[] | undefined;
  readonly pythonVersion: string | undefined;
  readonly when: readonly string[];
}

const known = ["phase", "uninstall", "build-only", "installtype", "arch", "not-arch", "dib_python_version", "when"];

function readRules(written: Record<string, unknown>, name: string, invalid: Invalid): Rules {
  const odd = Object.keys(written).find((key) => !known.includes(key));
  if (odd !== undefined) throw invalid(`${name} has the unknown rule "${odd}" (there are: ${known.join(", ")})`);
  const text = (key: string) => (written[key] === undefined ? undefined : String(written[key]));
  // "false" in words, too: DIB takes the key's presence for yes, which nobody means who writes it out.
  const flag = (key: string) => key in written && String(written[key]).toLowerCase() !== "false";
  const list = (key: string) =>
    text(key)
      ?.split(",")
      .map((item) => item.trim());
  const phase = (text("phase") ?? "install.d").replace(/\.d$/, "");
  if (!isInstallPhase(phase))
    throw invalid(
      `${name}: phase must be one of ${installPhases.map((each) => `${each}.d`).join(", ")}, not "${phase}"`,
    );
  if ("arch" in written && "not-arch" in written) throw invalid(`${name}: arch and not-arch exclude each other`);
  return {
    phase,
    uninstall: flag("uninstall"),
    buildOnly: flag("build-only"),
    installType: text("installtype"),
    arch: list("arch"),
    notArch: list("not-arch"),
    pythonVersion: text("dib_python_version"),
    when: [written.when ?? []].flat().map(String),
  };
}

const isInstallPhase = (phase: string): phase is InstallPhase => installPhases.includes(phase as InstallPhase);

function addItem(
  installs: PackageInstalls,
  name: string,
  element: string,
  rules: Rules,
  env: Env,
  invalid: Invalid,
): void {
  if (!applies(rules, element, env, (reason) => invalid(`${name}: ${reason}`))) return;
  const lists = (installs[`${rules.phase}.d`] ??= { install: [], uninstall: [] });
  const has = (list: readonly Wanted[]) => list.some(([other]) => other === name);
  const wanted: Wanted = [name, element];
  if (!rules.uninstall && !rules.buildOnly) {
    // Somebody needs it: nobody's wish to remove it holds.
    lists.uninstall = lists.uninstall.filter(([other]) => other !== name);
    lists.install.push(wanted);
  } else if (has(lists.install) && !has(lists.uninstall)) {
    if (rules.buildOnly) lists.install.push(wanted);
  } else {
    if (rules.buildOnly) lists.install.push(wanted);
    lists.uninstall.push(wanted);
  }
}

function applies(rules: Rules, element: string, env: Env, invalid: Invalid): boolean {
  const { ARCH: arch = "" } = env;
  const installType = env[`DIB_INSTALLTYPE_${element.replaceAll("-", "_")}`] ?? env.DIB_DEFAULT_INSTALLTYPE ?? "source";
  return (
    (rules.installType === undefined || rules.installType === installType) &&
    (rules.arch === undefined || rules.arch.includes(arch)) &&
    !rules.notArch?.includes(arch) &&
    (rules.pythonVersion === undefined || rules.pythonVersion === (env.DIB_PYTHON_VERSION ?? "")) &&
    rules.when.every((condition) => holds(condition, env, invalid))
  );
}

/** `VAR = value` or `VAR != value`; the value is the rest of the line. */
function holds(condition: string, env: Env, invalid: Invalid): boolean {
  const [, name = "", operator = "", value = ""] = /^\s*(\w+)\s*(!=|=(?!=))\s*(.*)$/.exec(condition) ?? [];
  if (name === "") throw invalid(`when: "${condition}" must read "VARIABLE = value" or "VARIABLE != value"`);
  const actual = env[name];
  if (actual === undefined) throw invalid(`when: the variable ${name} is not set; give it a default in environment.d`);
  return (actual === value.trim()) === (operator === "=");
}

/** One transaction for all elements of a phase. */
async function change(run: PhaseRun, phase: InstallPhase, what: "install" | "uninstall"): Promise<void> {
  const installs = JSON.parse((await run.target.read(squashed)) ?? "{}") as PackageInstalls;
  const wanted = [...(installs[`${phase}.d`]?.[what] ?? []), ...(await listedInFiles(run, phase, what))];
  const names = new Set<string>();
  for (const [element, packages] of byElement(wanted)) {
    const text = await run.target.read(`/usr/share/pkg-map/${element}`);
    const map = text === undefined ? {} : (JSON.parse(text) as PackageMap);
    for (const name of mapPackages(packages, map, run.env)) names.add(name);
  }
  if (names.size === 0) return run.log(`nothing to ${what}`);
  await run.target.run("install-packages", [...(what === "uninstall" ? ["-e"] : []), ...[...names].sort()]);
}

function byElement(wanted: readonly Wanted[]): Map<string, string[]> {
  const grouped = new Map<string, string[]>();
  for (const [name, element] of wanted) grouped.set(element, [...(grouped.get(element) ?? []), name]);
  return grouped;
}

/** DIB's older form: `PHASE.d/package-installs-ELEMENT`, a name a line, `-name` to remove it at the end of the phase. */
async function listedInFiles(run: PhaseRun, phase: PhaseName, what: "install" | "uninstall"): Promise<Wanted[]> {
  const wanted: Wanted[] = [];
  const folder = join(run.workspace.hooksDir, `${phase}.d`);
  const prefix = "package-installs-";
  for (const file of (await namesIn(folder)).filter((name) => name.startsWith(prefix))) {
    const element = file.slice(prefix.length);
    const lines = (await readFile(join(folder, file), "utf8"))
      .split("\n")
      .map((line) => line.replace(/#.*/, "").trim())
      .filter(Boolean);
    for (const line of lines) {
      if (what === "install" || line.startsWith("-")) wanted.push([line.replace(/^-/, ""), element]);
    }
  }
  return wanted;
}

/** Sorted; none when there is no such folder. */
async function namesIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  return names.sort();
}

/** Undefined when there is no such file. */
export async function readIfThere(file: string): Promise<string | undefined> {
  return readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
}
