/** What came of a pair of builds. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { TreeEntry } from "@dibjs/testkit";
import type { ElementRequest, ElementResult } from "../../../scripts/docs/released-elements.mjs";
import { compareFacts, type Claim, type Facts } from "../../support/differences.js";
import type { Built } from "../../support/both-builds.js";
import type { Pair } from "./pair.js";

type EntryClaim = Claim<TreeEntry>;

/** Of these two builds of one program differ, too. */
const byChance: readonly (readonly [RegExp, string])[] = [
  [/^\/var\/log\//, "dates in logs"],
  [/^\/var\/cache\/(debconf|apt|ldconfig|man)\//, "caches with dates in them"],
  [/^\/var\/lib\/(apt|dpkg|systemd|ucf)\//, "what apt and dpkg note, in the order of the packages"],
  [/^\/boot\/initrd\.img-/, "dates in an archive"],
  [/\.pyc$/, "dates of the sources"],
  [/^\/etc\/iscsi\/initiatorname\.iscsi$/, "a name drawn by lot"],
  [/^\/etc\/(shadow|passwd|group|gshadow|subuid|subgid)-?$/, "numbers in the order of the packages"],
];

/** Only what is in a file may differ by chance. */
const sameButContent = (dib: TreeEntry | undefined, ours: TreeEntry | undefined): boolean =>
  dib?.kind === "file" && ours?.kind === "file" && dib.mode === ours.mode && dib.owner === ours.owner;

const isOfRoot = (entry: TreeEntry | undefined): boolean => entry?.kind === "folder" && entry.owner === "0:0";

const entryClaims: readonly EntryClaim[] = [
  { id: "tree-outputs", explains: (_dib, _ours, path) => /^\/(dev\/|proc$|sys$|lost\+found$)/.test(path) },
  // What is written when a disk is mounted, and the name of the Python that a script gets.
  { id: "no-disk-for-tar", explains: (dib, ours, path) => path === "/etc/fstab" && sameButContent(dib, ours) },
  {
    id: "python-exec",
    explains: (dib, ours, path) => path === "/etc/dib-manifests/dib_environment" && sameButContent(dib, ours),
  },
  // apt gives it to its own user, here in the overlay that the build alone sees.
  { id: "apt-get-clean", explains: (_dib, ours, path) => path === "/var/cache/apt/archives/partial" && isOfRoot(ours) },
  {
    id: "by chance",
    explains: (dib, ours, path) => byChance.some(([files]) => files.test(path)) && sameButContent(dib, ours),
  },
];

/** What is beside the image, and which scripts ran, in order. */
const textsOf = (built: Built): Facts<string> => ({
  ...Object.fromEntries(Object.entries(built.manifests()).map(([path, text]) => [`beside the image: ${path}`, text])),
  "scripts that ran": built.scripts().join("\n"),
});

const withoutDisk = (scripts = "") => scripts.replace(/^block-device\/.*\n/gm, "");

const textClaims: readonly Claim<string>[] = [
  { id: "python-exec", explains: (_dib, _ours, key) => key.endsWith("/dib_environment") },
  {
    id: "no-disk-for-tar",
    explains: (dib, ours, key) => key === "scripts that ran" && withoutDisk(dib) === withoutDisk(ours),
  },
];

const inLines = (text = "") => text.split("\n").sort().join("\n");

/** Of those elements alone whose request names the row. */
const claimsOnRequest = {
  // The file of the image is the one beside it, whose lines are looked at.
  entries: [
    {
      id: "element-order",
      explains: (dib, ours, path) => path === "/etc/dib-manifests/dib-element-manifest" && sameButContent(dib, ours),
    },
  ] satisfies EntryClaim[],
  texts: [
    {
      id: "element-order",
      explains: (dib, ours, key) => key.endsWith("/dib-element-manifest") && inLines(dib) === inLines(ours),
    },
  ] satisfies Claim<string>[],
};

/** The script where it failed, as the log has it last. */
const endedIn = (built: Built): string | undefined => (built.exitCode === 0 ? undefined : built.scripts().at(-1));

/** Files that name the file systems of the disk, each of which gets a UUID of its own. */
const drawnByLot = "boot/grub/grub.cfg";
const uuid = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}";

/** What a tar holds, unpacked and read by find and sha256sum: a tree has some 14000 entries. */
function entriesOf(built: Built): Facts<TreeEntry> {
  const tree = join(built.folder, "tree");
  mkdirSync(tree);
  execFileSync("tar", ["-C", tree, "--numeric-owner", "-xpf", `${built.image}.tar`]);
  const run = (command: string) =>
    execFileSync("sh", ["-c", command], { cwd: tree, encoding: "utf8", maxBuffer: 2 ** 28 });
  run(`for file in ${drawnByLot}; do [ ! -f "$file" ] || sed -Ei 's/${uuid}/UUID/g' "$file"; done`);
  const digests = new Map(
    run("find . -type f -print0 | xargs -0 sha256sum -z")
      .split("\0")
      .map((line) => [line.slice(68), line.slice(0, 64)] as const),
  );
  const lines = run("find . -mindepth 1 -printf '%P\\0%y\\0%m\\0%U:%G\\0%l\\0'").split("\0");
  const entries: Record<string, TreeEntry> = {};
  for (let at = 0; at + 4 < lines.length; at += 5) {
    const [path = "", kind = "", mode = "", owner = "", content = ""] = lines.slice(at, at + 5);
    const digest = digests.get(path);
    entries[`/${path}`] = {
      kind: kinds[kind] ?? "device",
      mode: parseInt(mode, 8),
      owner,
      ...(digest === undefined ? {} : { digest }),
      ...(content === "" ? {} : { content }),
    };
  }
  rmSync(tree, { recursive: true });
  return entries;
}

/** As find calls them. */
const kinds: Readonly<Record<string, TreeEntry["kind"]>> = {
  f: "file",
  d: "folder",
  l: "link",
  p: "fifo",
  s: "socket",
};

export function judge(pair: Pair, { differs }: ElementRequest, of: string): ElementResult {
  const [dib, ours] = [pair.dib.built, pair.ours.built];
  const told = { of, seconds: { dib: pair.dib.seconds, dibjs: pair.ours.seconds }, differ: {}, unexplained: [] };
  const ended = { dib: endedIn(dib), dibjs: endedIn(ours) };
  if (ours.exitCode !== 0) {
    const isSame = dib.exitCode !== 0 && ended.dib === ended.dibjs;
    return { ...told, result: isSame ? "fails in both" : "fails", "ended-in": ended };
  }
  if (dib.exitCode !== 0) return { ...told, result: "fails in DIB alone", "ended-in": ended };
  const entries = entriesOf(ours);
  const asked = ({ id }: Claim<never>) => differs.includes(id);
  const trees = compareFacts(entriesOf(dib), entries, [...entryClaims, ...claimsOnRequest.entries.filter(asked)]);
  const texts = compareFacts(textsOf(dib), textsOf(ours), [...textClaims, ...claimsOnRequest.texts.filter(asked)]);
  const lines = [...trees.unexplained, ...texts.unexplained].map(
    ({ key, dib, ours }) => `${key}: ${JSON.stringify(dib)} here ${JSON.stringify(ours)}`,
  );
  return {
    ...told,
    result: lines.length === 0 ? "passed" : "fails",
    entries: Object.keys(entries).length,
    differ: addUp(trees.explained, texts.explained),
    unexplained: lines.map((line) => line.slice(0, 1000)).slice(0, 50),
  };
}

/** A row may explain something of both. */
function addUp(one: Readonly<Record<string, number>>, other: Readonly<Record<string, number>>): Record<string, number> {
  const ids = [...new Set([...Object.keys(one), ...Object.keys(other)])];
  return Object.fromEntries(ids.map((id) => [id, (one[id] ?? 0) + (other[id] ?? 0)]));
}

/** The last lines of a log, without the folder of the test. */
export const endOfLog = ({ log }: Built, folder: string): string =>
  `${log.trimEnd().split("\n").slice(-30).join("\n").replaceAll(folder, "/folder")}\n`;

export const digestOf = (request: ElementRequest): string =>
  createHash("sha256").update(JSON.stringify(request)).digest("hex").slice(0, 8);
