import { startCommand } from "../start.js";

await startCommand("drop-in/ramdisk-image-create.js", async (args) =>
  (await import("./image-create.js")).createImage("ramdisk-image-create", args),
);
