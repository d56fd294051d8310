// Loaded before a command by NODE_OPTIONS: disk-image-create and ramdisk-image-create are not run, but written down in the
// file that STAND_IN_LOG names, and end as STAND_IN_EXITS says, one number for each; `wait` waits for a signal.
import { appendFileSync, readFileSync } from "node:fs";
import { basename } from "node:path";

const name = basename(process.argv[1] ?? "", ".js");
if (name === "disk-image-create" || name === "ramdisk-image-create") {
  const log = process.env.STAND_IN_LOG;
  appendFileSync(log, `${JSON.stringify({ name, args: process.argv.slice(2), env: process.env })}\n`);
  const exits = (process.env.STAND_IN_EXITS ?? "").split(" ");
  const exit = exits[readFileSync(log, "utf8").split("\n").length - 2] ?? "0";
  if (exit === "wait") {
    for (const signal of ["SIGINT", "SIGTERM"])
      process.on(signal, () => {
        appendFileSync(log, `${JSON.stringify({ signal })}\n`);
        setTimeout(() => process.exit(signal === "SIGINT" ? 130 : 143), 200); // a second one would be seen
      });
    console.log("waiting");
    await new Promise(() => setInterval(() => {}, 1000));
  }
  process.exit(Number(exit));
}
