/** An apt archive of two flat suites on loopback, each with at most one version of one package; it can move on. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createExec, mustRun } from "@dibjs/core/process/exec.js";
import { serveFolder } from "./file-server.js";
import { tempFolder } from "./temp-folder.js";

const exec = createExec();

export interface SmallArchive extends AsyncDisposable {
  /** Of apt's sources.list. */
  readonly sources: string;
  /** The version of the package `dib-test` that each suite has from now on. */
  offer(versions: { readonly main?: string; readonly security?: string }): Promise<void>;
  /** Changes a byte of each package from now on; the index says what it was. */
  spoil(): Promise<void>;
}

export async function openSmallArchive(): Promise<SmallArchive> {
  const folder = await tempFolder();
  const server = await serveFolder(folder.path);
  const suites = ["main", "security"] as const;
  return {
    sources: suites.map((suite) => `deb [trusted=yes] ${server.url}/${suite} ./\n`).join(""),
    async offer(versions) {
      for (const suite of suites) await fillSuite(join(folder.path, suite), suite, versions[suite]);
    },
    async spoil() {
      for (const name of await readdir(folder.path, { recursive: true }))
        if (name.endsWith(".deb")) await changeLastByte(join(folder.path, name));
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

async function changeLastByte(file: string): Promise<void> {
  const bytes = await readFile(file);
  bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
  await writeFile(file, bytes);
}

async function fillSuite(folder: string, suite: string, version: string | undefined): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const name of await readdir(folder)) await rm(join(folder, name));
  if (version !== undefined) await pack(folder, version);
  await writeFile(join(folder, "Packages"), await mustRun(exec, "apt-ftparchive", ["packages", "."], { cwd: folder }));
  const fields = ["-o", "APT::FTPArchive::Release::Label=Small", "-o", `APT::FTPArchive::Release::Suite=${suite}`];
  const release = await mustRun(exec, "apt-ftparchive", [...fields, "release", "."], { cwd: folder });
  await writeFile(join(folder, "Release"), release);
}

async function pack(folder: string, version: string): Promise<void> {
  const tree = await mkdtemp(join(folder, "pack-"));
  await mkdir(join(tree, "DEBIAN"), { mode: 0o755 });
  const fields = {
    Package: "dib-test",
    Version: version,
    Architecture: "all",
    Maintainer: "dibjs tests <root@localhost>",
  };
  const control = [...Object.entries(fields), ["Description", "made for tests"]].map(
    ([key, value]) => `${key}: ${value}\n`,
  );
  await writeFile(join(tree, "DEBIAN/control"), control.join(""));
  await mustRun(exec, "dpkg-deb", ["--root-owner-group", "--build", tree, join(folder, `dib-test_${version}_all.deb`)]);
  await rm(tree, { recursive: true });
}
