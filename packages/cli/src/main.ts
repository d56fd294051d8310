#!/usr/bin/env node
import { startCommand } from "./start.js";

await startCommand("main.js", async (args) => {
  if (args.join(" ") !== "--version") return (await import("./program.js")).run(args);
  // Scripts ask this before anything else: it needs no parser.
  const { version } = await import("./version.js");
  console.log(version);
  return 0;
});
