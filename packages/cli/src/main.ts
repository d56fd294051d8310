#!/usr/bin/env node
import { findProjectCli } from "./hand-over.js";

// A globally installed dib hands over to the project's own copy, so that there is one core.
const project = await findProjectCli(process.cwd());
if (project === undefined) {
  const { run } = await import("./program.js");
  process.exitCode = await run(process.argv.slice(2));
} else {
  await import(project);
}
