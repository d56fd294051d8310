import { properties } from "./properties.js";

/** What `diskimage-builder --help` prints. */
export const helpText = (): string =>
  [
    "Usage: diskimage-builder [--dry-run] [--stop-on-failure] FILE...",
    "",
    "Builds the images that YAML files define, one after the other.",
    "",
    "  --dry-run           show the commands on standard error, and run none",
    "  --stop-on-failure   do not go on with the next image when one failed",
    "  -h, --help          show this",
    "",
    "Each FILE is a list of maps. Entries with the same imagename, in whatever file, are one image: lists are",
    "appended, maps joined, other values replaced; an entry without imagename goes into the one before it. The keys:",
    "",
    ...properties.flatMap(({ key, about, expected }) => [key, "-".repeat(key.length), about, `(${expected})`, ""]),
  ].join("\n");
