/** The files of the hook folder, as far as the layers of a build are concerned. */
import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { compareBytes } from "../phases/order.js";
import { sha256 } from "../plan/digest.js";
import { mentionsOf } from "./mentions.js";

/** A file, link or empty folder of the hook folder. */
export interface HookFile {
  /** Relative to the hook folder. */
  readonly path: string;
  /** Kind, mode and sha256 of the content, or where a link leads. */
  readonly state: string;
  /** Words of it that say what else the phase depends on; see mentions.ts. */
  readonly mentions: ReadonlySet<string>;
  /** Its bytes as characters, without lines that are comments; empty for a large one, and for data. */
  readonly text: string;
}

/** Reads the hook folder; what has not changed since the last time is not read again. */
export class HookReader {
  readonly #folder: string;
  readonly #known = new Map<string, { readonly stamp: string; readonly file: HookFile }>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Sorted by path. */
  read(below = ""): HookFile[] {
    const files: HookFile[] = [];
    this.#walk(below, files);
    return files.sort((a, b) => compareBytes(a.path, b.path));
  }

  #walk(path: string, files: HookFile[]): void {
    const full = join(this.#folder, path);
    const found = lstatSync(full);
    if (!found.isDirectory()) {
      const stamp = `${found.ino} ${found.mode} ${found.size} ${found.ctimeMs}`;
      const known = this.#known.get(path);
      const file = known?.stamp === stamp ? known.file : readHookFile(path, full, found.mode, found.isSymbolicLink());
      this.#known.set(path, { stamp, file });
      files.push(file);
      return;
    }
    const names = readdirSync(full);
    if (names.length === 0 && path !== "")
      files.push({ path, state: `folder ${(found.mode & 0o7777).toString(8)}`, mentions: new Set(), text: "" });
    for (const name of names) this.#walk(path === "" ? name : `${path}/${name}`, files);
  }
}

function readHookFile(path: string, full: string, mode: number, isLink: boolean): HookFile {
  if (isLink) {
    const target = readlinkSync(full);
    return { path, state: `link ${target}`, mentions: mentionsOf(target), text: target };
  }
  const content = readFileSync(full);
  const state = `file ${(mode & 0o7777).toString(8)} ${sha256(content)}`;
  if (content.length > 2 ** 20) return { path, state, mentions: new Set(["all"]), text: "" };
  const whole = content.toString("latin1");
  const text = isData.test(path) ? "" : withoutComments(whole);
  // A comment may be a line of a file that the script writes: variables count wherever they stand.
  const variables = [...mentionsOf(whole)].filter((each) => !/^(phase |fetch$|home$)/.test(each));
  return { path, state, mentions: new Set([...variables, ...mentionsOf(text)]), text };
}

/** Nothing runs or sources these; what they say of variables may be filled in. */
const isData = /\.(ya?ml|json|md|rst|txt)$|(^|\/)package-installs-[^/]*$/;

/** Of scripts: what a comment says, none of them does. */
const withoutComments = (text: string): string => text.replace(/^[ \t]*#(?!!).*$/gm, "");
