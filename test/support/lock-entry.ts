import type { Lock, LockEntry } from "@dibjs/core";

const digest = "a".repeat(64);

/** An image's entry with one thing in each part, and what a test changes in it. */
export const anEntry = (changes: Partial<LockEntry> = {}): LockEntry => ({
  arch: "amd64",
  elements: { motd: { version: "1.0.0", source: "package", package: "@acme/motd", integrity: "sha512-AAAA", digest } },
  files: { "https://example.org/file": { sizeBytes: 3, sha256: digest } },
  git: { "https://example.org/code main": "1".repeat(40) },
  apt: { "Debian bookworm": { date: "Mon, 01 Jan 2024 00:00:00 UTC", sha256: digest } },
  packages: { "bash:amd64": "5.2.15-2" },
  ...changes,
});

export const aLock = (entry: LockEntry = anEntry()): Lock => ({ version: 1, images: { image: entry } });
