/**
 * What a tree holds, as data. Loaded by the worker as a plugin too: it then writes what the target held after the root
 * phase and after the last one to $DIB_TEST_SNAPSHOTS/before.json and after.json.
 */
import { createHash } from "node:crypto";
import { lstat, readdir, readFile, readlink, writeFile } from "node:fs/promises";
import { join } from "node:path";

const typeOf = (stat) =>
  ["File", "Directory", "SymbolicLink", "CharacterDevice", "BlockDevice", "FIFO", "Socket"].find((type) =>
    stat[`is${type}`](),
  );

async function contentOf(path, stat) {
  if (stat.isSymbolicLink()) return { content: await readlink(path) };
  if (stat.isFile())
    return {
      content: createHash("sha256")
        .update(await readFile(path))
        .digest("hex"),
    };
  return stat.rdev === 0 ? {} : { content: `device ${stat.rdev}` };
}

/** Path in the tree → entry; what is mounted below is left out. */
export async function snapshotTree(root) {
  const { dev } = await lstat(root);
  const entries = {};
  const walk = async (folder) => {
    for (const name of await readdir(join(root, folder))) {
      const path = `${folder}/${name}`;
      const stat = await lstat(join(root, path));
      const mode = (stat.mode & 0o7777).toString(8).padStart(4, "0");
      entries[path] = {
        type: typeOf(stat),
        mode,
        owner: `${stat.uid}:${stat.gid}`,
        ...(await contentOf(join(root, path), stat)),
      };
      if (stat.isDirectory() && stat.dev === dev) await walk(path);
    }
  };
  await walk("");
  return entries;
}

export default function tapSnapshots(hooks) {
  const write = (name) => async (run) => {
    const file = join(run.env["DIB_TEST_SNAPSHOTS"], `${name}.json`);
    await writeFile(file, JSON.stringify(await snapshotTree(run.target.path)));
  };
  hooks.afterPhase.for("root").tapPromise(write("before"));
  hooks.afterPhase.for("cleanup").tapPromise(write("after"));
}
