/** What came of a pair of builds. */
import { createHash } from "node:crypto";
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
  [/^\/etc\/(shadow|passwd|group|gshadow|subuid|subgid)-?$/, "numbers in the order of the packages"],
];

/** Only what is in a file may differ by chance. */
const sameButContent = (dib: TreeEntry | undefined, ours: TreeEntry | undefined): boolean =>
  dib?.kind === "file" && ours?.kind === "file" && dib.mode === ours.mode && dib.owner === ours.owner;

const entryClaims: readonly EntryClaim[] = [
  { id: "tree-outputs", explains: (_dib, _ours, path) => /^\/(dev\/|proc$|sys$|lost\+found$)/.test(path) },
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

/** The script where it failed, as the log has it last. */
const endedIn = (built: Built): string | undefined => (built.exitCode === 0 ? undefined : built.scripts().at(-1));

const entriesOf = async (built: Built): Promise<Facts<TreeEntry>> => Object.fromEntries(await built.tree());

export async function judge(pair: Pair, of: string): Promise<ElementResult> {
  const [dib, ours] = [pair.dib.built, pair.ours.built];
  const told = { of, seconds: { dib: pair.dib.seconds, dibjs: pair.ours.seconds }, differ: {}, unexplained: [] };
  const ended = { dib: endedIn(dib), dibjs: endedIn(ours) };
  if (ours.exitCode !== 0) {
    const isSame = dib.exitCode !== 0 && ended.dib === ended.dibjs;
    return { ...told, result: isSame ? "fails in both" : "fails", "ended-in": ended };
  }
  if (dib.exitCode !== 0) return { ...told, result: "fails in DIB alone", "ended-in": ended };
  const entries = await entriesOf(ours);
  const trees = compareFacts(await entriesOf(dib), entries, entryClaims);
  const texts = compareFacts(textsOf(dib), textsOf(ours), textClaims);
  const lines = [...trees.unexplained, ...texts.unexplained].map(
    ({ key, dib, ours }) => `${key}: ${JSON.stringify(dib)} here ${JSON.stringify(ours)}`,
  );
  return {
    ...told,
    result: lines.length === 0 ? "passed" : "fails",
    entries: Object.keys(entries).length,
    differ: { ...trees.explained, ...texts.explained },
    unexplained: lines.map((line) => line.slice(0, 1000)).slice(0, 50),
  };
}

/** The last lines of a log, without the folder of the test. */
export const endOfLog = ({ log }: Built, folder: string): string =>
  `${log.trimEnd().split("\n").slice(-30).join("\n").replaceAll(folder, "/folder")}\n`;

export const digestOf = (request: ElementRequest): string =>
  createHash("sha256").update(JSON.stringify(request)).digest("hex").slice(0, 8);
