import { runPartsProgram } from "../commands/run-parts.js";
import { childEnvironment } from "../child-environment.js";
import { openForeground } from "../foreground.js";
import { startCommand } from "../start.js";

await startCommand("drop-in/dib-run-parts.js", async (args) => {
  using foreground = openForeground();
  return await foreground.run("bash", ["--norc", runPartsProgram, ...args], childEnvironment());
});
