import { startCommand } from "../start.js";

await startCommand("drop-in/disk-image-create.js", async (args) =>
  (await import("./image-create.js")).createImage("disk-image-create", args),
);
