// Makes a disk like the worker does, in a process that a test can kill. Arguments: tree, mount base, image folder, planned disk (JSON).
import { tapBlockNodes } from "../../packages/core/dist/block-device/built-in.js";
import { createDisk } from "../../packages/core/dist/block-device/create.js";
import { createHooks } from "../../packages/core/dist/hooks.js";
import { createExec } from "../../packages/core/dist/process/exec.js";
import { Stopwatch } from "../../packages/core/dist/report/stopwatch.js";

const [tree, mountBase, imageDir, planned] = process.argv.slice(2);
const hooks = createHooks();
tapBlockNodes(hooks);
const say = (line) => process.stdout.write(`${line}\n`);
const run = createExec();
const exec = (file, args, options) => {
  say(`run:${file}`);
  return run(file, args, options);
};
const ctx = {
  hooks,
  exec,
  signal: new AbortController().signal,
  emit: (event) => say(`${event.type}:${event.doing ?? ""}`),
};
const imageSizeBytes = 256 * 2 ** 20;
await createDisk({
  plan: undefined,
  planned: JSON.parse(planned),
  tree,
  mountBase,
  imageDir,
  imageSizeBytes,
  stopwatch: new Stopwatch(),
  ctx,
});
say("done");
setInterval(() => {}, 1000);
