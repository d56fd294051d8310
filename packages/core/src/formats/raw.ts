import { rename } from "node:fs/promises";
import { defineFormat } from "./format.js";
import { runForFormat } from "./run-for-format.js";

/** The raw image itself: moved where that is possible, else copied with its holes. */
export const raw = defineFormat({
  name: "raw",
  from: "disk",
  extension: "raw",
  consumesImage: true,
  hostCommands: [],
  async write(request) {
    const { image = "", staged } = request;
    await rename(image, staged).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== "EXDEV") throw error;
      await runForFormat(request, ["cp", "--sparse=always", "--", image, staged]);
    });
    return { files: [{ staged, extension: "raw" }] };
  },
});
