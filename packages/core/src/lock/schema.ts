import { mapOf, matching, oneOf, record, text } from "../elements/shape.js";

/** What an assignment to a plain object would not keep as a key of its own, or would change the object by. */
const name = text((key) => !["", "__proto__", "constructor", "prototype"].includes(key), "not a name");
const sha256 = text((value) => /^[0-9a-f]{64}$/.test(value), "not a sha256");

const element = record(
  {
    version: text(),
    source: oneOf(["elements-path", "config", "package", "bundled", "hook"]),
    digest: sha256,
  },
  { package: text(), integrity: text() },
);
const sizeBytes = matching((value) => Number.isSafeInteger(value) && Number(value) >= 0, "not a size");
const commit = text((value) => /^[0-9a-f]{40,64}$/.test(value), "not a commit");

const entry = record({
  arch: text(),
  elements: mapOf(name, element),
  files: mapOf(name, record({ sizeBytes, sha256 })),
  git: mapOf(name, commit),
  apt: mapOf(name, record({ sha256, date: text() })),
  packages: mapOf(name, text()),
});

export const lockShape = record({ version: oneOf([1]), images: mapOf(name, entry) });
