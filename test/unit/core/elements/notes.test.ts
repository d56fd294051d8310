import { elementNotes } from "@dibjs/core/elements/notes.js";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { CoreCopy } from "@dibjs/core/elements/cores.js";

// What the copies of core in one process tell each other by.
const key = Symbol.for("@dibjs/core");
const shared = globalThis as { [key]?: readonly CoreCopy[] | undefined };
let before: readonly CoreCopy[] | undefined;
beforeEach(() => void (before = shared[key]));
afterEach(() => void (shared[key] = before));

const notesWith = (...copies: readonly CoreCopy[]) => {
  shared[key] = copies;
  const nothing = { refs: new Map(), providers: new Map(), unusable: [], places: [] };
  return elementNotes(nothing as never, { elements: [], askedBy: {}, provided: {} });
};

test("two versions of core in one process are told, with their folders and the cure", () => {
  expect(notesWith({ version: "1.0.0", folder: "/dib/core/" }, { version: "1.1.0", folder: "/project/core/" })).toEqual(
    [
      "@dibjs/core is loaded in several versions: 1.0.0 in /dib/core/, 1.1.0 in /project/core/. With @dibjs/cli in the project there is one for all.",
    ],
  );
});

test("two copies of one version are no news", () => {
  expect(notesWith({ version: "1.0.0", folder: "/dib/core/" }, { version: "1.0.0", folder: "/project/core/" })).toEqual(
    [],
  );
});
