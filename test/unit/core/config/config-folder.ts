import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { loadConfig, type LoadedConfig, type LoadRequest } from "@dibjs/core/config/load.js";
import type { Host } from "@dibjs/core/config/normalize.js";
import type { BuildConfig } from "@dibjs/core/config/schema.js";
import { isBuildError, type BuildError, type ErrorContext } from "@dibjs/core/errors.js";
import { onTestFinished } from "vitest";

export const host: Host = {
  arch: "amd64",
  caller: { uid: 1000, gid: 1000, user: "ada", home: "/home/ada" },
  userCacheDir: "/home/ada/.cache",
};

/** A folder with files in it, removed after the test. A package.json ends the search there, if none is given. */
export async function aFolder(files: Readonly<Record<string, string>> = {}): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "dib config "));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries({ "package.json": "{}", ...files })) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  return folder;
}

/** Loads with nothing of this machine: no variables, a host of its own. */
export async function load(
  files: Readonly<Record<string, string>>,
  request: Partial<LoadRequest> = {},
): Promise<LoadedConfig & { folder: string }> {
  const folder = await aFolder(files);
  return { ...(await loadConfig({ cwd: folder, env: {}, host, ...request })), folder };
}

/** Loads a dib.config.yaml that describes one image. */
export async function loadYaml(text: string, request: Partial<LoadRequest> = {}): Promise<BuildConfig> {
  return only((await load({ "dib.config.yaml": text }, request)).images);
}

/** Loads without a config file. */
export async function loadPlain(request: Partial<LoadRequest> = {}): Promise<BuildConfig> {
  return only((await load({}, request)).images);
}

export function only<T>(items: readonly T[]): T {
  const [item] = items;
  if (items.length !== 1 || item === undefined) throw new Error(`expected one, got ${items.length}`);
  return item;
}

/** The error that a promise is rejected with. */
export async function failureOf(promise: Promise<unknown>): Promise<BuildError> {
  const error = await promise.then(
    () => new Error("nothing was thrown"),
    (reason: unknown) => reason,
  );
  if (isBuildError(error)) return error;
  throw error;
}

/** The codes of an error, or of the findings it lists. */
export async function codesOf(promise: Promise<unknown>): Promise<readonly string[]> {
  const { code, context } = await failureOf(promise);
  return code === "SEVERAL_FINDINGS"
    ? (context as ErrorContext<"SEVERAL_FINDINGS">).findings.map((finding) => finding.code)
    : [code];
}
