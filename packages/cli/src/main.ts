#!/usr/bin/env node
import { findProjectCli } from "./hand-over.js";

// A globally installed dib hands over to the project's own copy, so that there is one core.
const project = await findProjectCli(process.cwd());
const args = process.argv.slice(2);
if (project !== undefined) {
  await import(project);
} else if (args.join(" ") === "--version") {
  // Scripts ask this before anything else: it needs no parser.
  const { version } = await import("./version.js");
  console.log(version);
} else {
  const { run } = await import("./program.js");
  const hungUp = 129; // 128 + SIGHUP
  process.exitCode = await run(args);
  // With the terminal gone Node aborts at its exit, when it resets it. Ended by the signal itself, nothing is reset.
  if (process.exitCode === hungUp) process.kill(process.pid, "SIGHUP");
  // A plugin may have left a timer or a socket open; nothing of ours is.
  setTimeout(() => process.exit(), 1000).unref();
}
