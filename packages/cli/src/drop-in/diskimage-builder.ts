import { startCommand } from "../start.js";

await startCommand("drop-in/diskimage-builder.js", async (args) =>
  (await import("./definition/build.js")).buildDefinitions(args),
);
