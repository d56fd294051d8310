/**
 * How scripts take part in what is fetched. They append a line for each thing to $DIB_FETCH_LOG, with tabs between:
 * `file URL SIZE SHA256` or `git URL REF COMMIT`; it is read after every step. In a build that must keep to a lock,
 * $DIB_LOCKED_FILES holds such lines for what may be used, and $DIB_LOCKED_PACKAGES a `NAME:ARCH VERSION` a line.
 */
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { BuildContext } from "../context.js";
import type { BuildPlaces } from "../plan/plan.js";
import type { Workspace } from "../workspace/workspace.js";
import type { Env } from "./phase-run.js";
import type { PhaseSetting } from "./run-phases.js";

const logOnHost = ({ buildDir }: Pick<Workspace, "buildDir">): string => join(buildDir, "fetch-log");
const logInTarget = "/tmp/.dib-fetch-log";

/** In the hook folder, which the chroot sees read-only. */
const lockedLists = { DIB_LOCKED_FILES: "locked-files", DIB_LOCKED_PACKAGES: "locked-packages" };

export const fetchVariables = (workspace: Workspace, { lock }: BuildPlaces): Env => ({
  DIB_FETCH_LOG: logOnHost(workspace),
  ...(lock === undefined ? {} : mapValues(lockedLists, (name) => join(workspace.hooksDir, name))),
});

/** The same things by the paths that the chroot has for them. */
export const fetchVariablesInside = (env: Env): Env => ({
  DIB_FETCH_LOG: logInTarget,
  ...(env.DIB_LOCKED_FILES === undefined ? {} : mapValues(lockedLists, (name) => join("/tmp/in_target.d", name))),
});

const mapValues = (map: Readonly<Record<string, string>>, change: (value: string) => string): Env =>
  Object.fromEntries(Object.entries(map).map(([key, value]) => [key, change(value)]));

/** Writes what scripts may know of the lock into the hook folder. */
export async function writeLockedLists(hooksDir: string, { lock }: BuildPlaces): Promise<void> {
  if (lock === undefined) return;
  const { files, packages } = lock.entry;
  const fileLines = Object.entries(files).map(([url, { sizeBytes, sha256 }]) =>
    ["file", url, sizeBytes, sha256].join("\t"),
  );
  const packageLines = Object.entries(packages).map(([name, version]) => `${name} ${version}`);
  await writeFile(join(hooksDir, lockedLists.DIB_LOCKED_FILES), textOf(fileLines));
  await writeFile(join(hooksDir, lockedLists.DIB_LOCKED_PACKAGES), textOf(packageLines));
}

const textOf = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join("");

/** Takes over what the step that ran last has written. Throws LOCK_MISMATCH, with what the step itself threw as its cause. */
export async function collectFetches({ workspace, sources, ctx }: PhaseSetting, cause?: unknown): Promise<void> {
  const { target } = workspace;
  const onHost = await readFile(logOnHost(workspace), "utf8").catch(() => ""); // most steps fetch nothing
  const inTarget = (await target.read(logInTarget)) ?? "";
  if (onHost === "" && inTarget === "") return;
  await rm(logOnHost(workspace), { force: true });
  await target.remove(logInTarget);
  for (const line of `${onHost}\n${inTarget}`.split("\n")) if (line !== "") takeLine(line, { sources, ctx }, cause);
}

function takeLine(line: string, { sources, ctx }: Pick<PhaseSetting, "sources" | "ctx">, cause: unknown): void {
  const [kind, url = "", second = "", third = ""] = line.split("\t");
  if (kind === "file" && /^\d+$/.test(second) && /^[0-9a-f]{64}$/.test(third))
    sources.addFile({ url, sizeBytes: Number(second), sha256: third }, cause);
  else if (kind === "git" && second !== "" && /^[0-9a-f]{40,64}$/.test(third))
    sources.addCommit({ url, ref: second, commit: third }, cause);
  else noteUnreadable(line, ctx);
}

const noteUnreadable = (line: string, { emit }: BuildContext): void =>
  emit({
    type: "note",
    level: "warning",
    text: `a script wrote a line to $DIB_FETCH_LOG that says nothing: ${line.slice(0, 200)}`,
  });
