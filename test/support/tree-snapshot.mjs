/**
 * A plugin of the worker: writes what the target held after the root phase and after the last one to
 * $DIB_TEST_SNAPSHOTS/before.json and after.json.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { snapshotTree } from "@dibjs/testkit";

export default function tapSnapshots(hooks) {
  const write = (name) => async (run) => {
    const file = join(run.env["DIB_TEST_SNAPSHOTS"], `${name}.json`);
    await writeFile(file, JSON.stringify(await snapshotTree(run.target.path)));
  };
  hooks.afterPhase.for("root").tapPromise(write("before"));
  hooks.afterPhase.for("cleanup").tapPromise(write("after"));
}
