import { startCommand } from "../start.js";

await startCommand("drop-in/element-info.js", async (args) =>
  (await import("./expanded-elements.js")).elementInfo(args),
);
