/** A project whose packages dib changes, with a real client and a registry. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { anElement, type PackageFixture } from "./build-fixture.js";
import { runDib, type DibResult } from "./dib.js";
import type { Client } from "./package-managers.js";
import type { Registry } from "./registry.js";
import { tempFolder } from "./temp-folder.js";
import { snapshotTree, type Tree } from "@dibjs/testkit";

export interface PackageProject extends AsyncDisposable {
  readonly folder: string;
  dib(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<DibResult>;
  /** Everything in the folder. */
  tree(): Promise<Tree>;
  json(file: string): Promise<Record<string, unknown>>;
  write(file: string, content: string | object): Promise<void>;
}

/** `client` goes into the field packageManager. */
export async function packageProject({ env }: Pick<Registry, "env">, client?: Client): Promise<PackageProject> {
  const temp = await tempFolder();
  const folder = join(temp.path, "project");
  await mkdir(folder);
  const write = (file: string, content: string | object) =>
    writeFile(join(folder, file), typeof content === "string" ? content : `${JSON.stringify(content, null, 2)}\n`);
  if (client !== undefined) {
    const versions = { npm: "11.0.0", pnpm: "10.34.9", yarn: "1.22.22" };
    await write("package.json", { private: true, packageManager: `${client}@${versions[client]}` });
  }
  return {
    folder,
    dib: (args, more = {}) => runDib(args, { cwd: folder, env: { ...env, ...more } }),
    tree: () => snapshotTree(folder),
    json: async (file) => JSON.parse(await readFile(join(folder, file), "utf8")) as Record<string, unknown>,
    write,
    [Symbol.asyncDispose]: () => temp[Symbol.asyncDispose](),
  };
}

/** An element of one script, as a package. */
export async function publishElement(
  registry: Pick<Registry, "publish">,
  name: string,
  written: PackageFixture = {},
): Promise<void> {
  await using work = await tempFolder();
  await registry.publish(anElement(name).script(`install.d/50-${name}`).writeAsPackage(work.path, written));
}

/** Codes of the errors in an envelope. */
export const codesOf = ({ stdout }: Pick<DibResult, "stdout">): readonly string[] =>
  (JSON.parse(stdout) as { errors: { code: string }[] }).errors.map(({ code }) => code);
