import { formatDifference } from "@dibjs/core";
import { compareChosen, compareGathered } from "@dibjs/core/lock/compare.js";
import type { LockedElement, LockEntry } from "@dibjs/core/lock/lock.js";
import { describe, expect, test } from "vitest";
import { anEntry } from "../../../support/lock-entry.js";

const differences = (now: Partial<LockEntry>, locked: Partial<LockEntry> = {}) =>
  [
    ...compareChosen(anEntry(locked), anEntry({ ...locked, ...now })),
    ...compareGathered(anEntry(locked), anEntry({ ...locked, ...now })),
  ].map(formatDifference);

const element = anEntry().elements["motd"] as LockedElement;
const motd = (changes: Partial<LockedElement>) => ({ elements: { motd: { ...element, ...changes } } });
const [a, b] = ["a".repeat(64), "b".repeat(64)];
const suite = anEntry().apt["Debian bookworm"];

describe("a difference is named by what it is of, with both values", () => {
  test.each<[string, Partial<LockEntry>, string[]]>([
    ["nothing", {}, []],
    ["the architecture", { arch: "arm64" }, ["architecture: amd64 in the lock, arm64 now"]],
    [
      "a version, whose digest differs, too",
      motd({ version: "1.1.0", digest: b, integrity: "sha512-BBBB" }),
      ["element motd: 1.0.0 in the lock, 1.1.0 now"],
    ],
    [
      "an element from another place",
      motd({ source: "elements-path", package: undefined }),
      ["element motd: package @acme/motd in the lock, package none now"],
    ],
    [
      "an integrity",
      motd({ integrity: "sha512-BBBB" }),
      ["element motd: integrity sha512-AAAA in the lock, integrity sha512-BBBB now"],
    ],
    ["a content", motd({ digest: b }), [`element motd: digest ${a} in the lock, digest ${b} now`]],
    ["an integrity that is not known now", motd({ integrity: undefined }), []],
    ["an element that is gone", { elements: {} }, ["element motd: 1.0.0 in the lock, gone now"]],
    [
      "a new element",
      { elements: { motd: element, vm: { ...element, version: "2.0.0" } } },
      ["element vm: not in the lock, 2.0.0 now"],
    ],
    [
      "a file",
      { files: { "https://example.org/file": { sizeBytes: 3, sha256: b } } },
      [`file https://example.org/file: sha256 ${a} in the lock, sha256 ${b} now`],
    ],
    ["a file that was not fetched", { files: {} }, []],
    [
      "a commit",
      { git: { "https://example.org/code main": "2".repeat(40) } },
      [`git https://example.org/code main: ${"1".repeat(40)} in the lock, ${"2".repeat(40)} now`],
    ],
    [
      "a repository that is gone",
      { git: {} },
      [`git https://example.org/code main: ${"1".repeat(40)} in the lock, gone now`],
    ],
    [
      "a package",
      { packages: { "bash:amd64": "5.2.15-3" } },
      ["package bash:amd64: 5.2.15-2 in the lock, 5.2.15-3 now"],
    ],
  ])("%s", (_, now, expected) => {
    expect(differences(now)).toEqual(expected);
  });
});

describe("a suite that has moved on", () => {
  const moved = { "Debian bookworm": { date: "Thu, 01 Feb 2024 00:00:00 UTC", sha256: b } };
  const named = `suite Debian bookworm: ${suite?.date} (sha256 ${a}) in the lock, ${moved["Debian bookworm"].date} (sha256 ${b}) now`;

  test("is none while the packages are the locked ones", () => {
    expect(differences({ apt: moved })).toEqual([]);
  });

  test("is one beside the packages that it changed, and where packages are not known", () => {
    expect(differences({ apt: moved, packages: {} })).toEqual([
      named,
      "package bash:amd64: 5.2.15-2 in the lock, gone now",
    ]);
    expect(differences({ apt: moved }, { packages: {} })).toEqual([named]);
  });

  test("that is new or gone is always one", () => {
    expect(differences({ apt: {} })).toEqual([
      `suite Debian bookworm: ${suite?.date} (sha256 ${a}) in the lock, gone now`,
    ]);
  });
});

test("names that objects have by themselves are names like others", () => {
  expect(differences({ packages: { "bash:amd64": "5.2.15-2", toString: "1" } })).toEqual([
    "package toString: not in the lock, 1 now",
  ]);
});
