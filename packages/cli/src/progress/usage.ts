import type { BuildEvent } from "@dibjs/core";
import { spellControls } from "./sanitise.js";
import { formatSize } from "./units.js";

/** What takes the room in an image, largest first. */
export const formatUsage = ({ isFirst, entries }: BuildEvent & { type: "image-usage" }): readonly string[] => [
  ...(isFirst ? ["room in the image:"] : []),
  ...entries.map(({ path, sizeBytes }) => `  ${formatSize(sizeBytes).padStart(10)}  ${spellControls(path)}`),
];
