/**
 * The tree as a stack of folders under an overlay: what is written lands in the uppermost, which can be frozen to lie below the
 * next. The overlay keeps an index, so that a hard link is still one after it was written to. Where the file system can carry no
 * such overlay, the tree is one plain folder from beginning to end.
 */
import { chmodSync, lstatSync, readdirSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { BuildContext } from "../context.js";
import { isBuildError } from "../errors.js";
import { readRecords } from "../process/read-records.js";
import { copyAttributes } from "./copy-attributes.js";
import { escapeOption, mount, readMounts, unmountBelow, type MountRequest } from "./mounts.js";
import type { ResourceStack } from "./resource-stack.js";

export class TreeStack {
  /** Frozen folders, the lowest first. */
  readonly #below: string[] = [];
  readonly #folder: string;
  readonly #resources: ResourceStack;
  readonly #ctx: BuildContext;
  #place: string;
  #count = -1;
  #leave: (() => Promise<void>) | undefined;
  /** Undefined until it was tried. */
  #canStack: boolean | undefined;

  constructor(buildDir: string, place: string, resources: ResourceStack, ctx: BuildContext) {
    this.#folder = join(buildDir, "tree");
    this.#place = place;
    this.#resources = resources;
    this.#ctx = ctx;
  }

  /** Whether what is written can become a folder to build on. Tried once, on the empty tree. */
  async canStack(): Promise<boolean> {
    if (this.#canStack !== undefined) return this.#canStack;
    this.#canStack = true;
    try {
      await this.enter();
      this.#canStack = await hasIndex(this.#place);
    } catch (error) {
      if (!isBuildError(error) || error.code !== "MOUNT_FAILED") throw error;
      this.#canStack = false;
    }
    await this.leave();
    this.#count++; // an upper folder remembers what it was mounted on, and refuses anything else
    return this.#canStack;
  }

  /** Mounts the stack with a new upper folder. Once; later calls do nothing until it is left. */
  async enter(): Promise<void> {
    if (this.#leave !== undefined) return;
    const target = this.#place;
    const request = (await this.canStack()) ? await this.#overlay() : { what: this.#upper(), options: "bind" };
    await mkdir(this.#upper(), { recursive: true, mode: 0o755 });
    const release = await mount({ ...request, target }, this.#resources, this.#ctx);
    const below = this.#resources.defer(`mounts below ${target}`, () => unmountBelow(target, this.#ctx)); // of a script that was cut short
    this.#leave = async () => {
      await below();
      await release();
    };
  }

  async #overlay(): Promise<Pick<MountRequest, "what" | "type" | "options">> {
    const lower = this.#below.length === 0 ? [join(this.#folder, "empty")] : [...this.#below].reverse();
    const [upper, work] = [this.#upper(), join(this.#folder, `work-${this.#count}`)];
    // `volatile` leaves a marker in the work folder and refuses to mount over it again; the index is in it as well.
    await rm(work, { recursive: true, force: true });
    for (const made of [join(this.#folder, "empty"), upper, work]) await mkdir(made, { recursive: true, mode: 0o755 });
    const top = this.#below.at(-1);
    if (top !== undefined) await copyAttributes(top, upper, this.#ctx); // the tree's own folder has those of the uppermost
    const folders = `lowerdir=${lower.map(escapeOption).join(":")},upperdir=${escapeOption(upper)},workdir=${escapeOption(work)}`;
    // One inode has one number, whatever folder it comes from: what compares device and inode finds hard links.
    return {
      what: "overlay",
      type: "overlay",
      options: `${folders},redirect_dir=on,metacopy=off,index=on,xino=on,volatile`,
    };
  }

  /** Unmounts the stack and gives what was written, which nothing changes any more; later mounts have it below. Nothing may be mounted in the tree. */
  async freeze(): Promise<string> {
    if (this.#leave === undefined) throw new Error("the tree is not mounted");
    await joinHardLinks(this.#place, this.#upper(), join(this.#folder, `work-${this.#count}/index`), this.#ctx);
    await this.leave();
    const frozen = this.#upper();
    this.#below.push(frozen);
    this.#count++;
    return frozen;
  }

  /** Puts a folder of an earlier build on top. The tree is not mounted. */
  push(folder: string): void {
    if (this.#leave !== undefined) throw new Error("the tree is mounted");
    this.#below.push(folder);
  }

  /** Unmounts it; entered again, it goes on where it was. */
  async leave(): Promise<void> {
    await this.#leave?.();
    this.#leave = undefined;
  }

  /** Mounts the tree at another place. Nothing may be mounted in it. */
  async moveTo(place: string): Promise<void> {
    if (this.#canStack === true && this.#leave !== undefined) await this.freeze();
    await this.leave();
    this.#place = place;
    await this.enter();
  }

  #upper(): string {
    return join(this.#folder, this.#count === 0 ? "upper" : `upper-${this.#count}`);
  }
}

/** The kernel turns the option off where a file system below can't do it, and says so in the mount's options only. */
const hasIndex = async (target: string): Promise<boolean> =>
  (await readMounts()).some((mounted) => mounted.target === target && mounted.superOptions.includes("index=on"));

/**
 * A file with several names that was written to through one of them is one file through the index of this mount alone. Every
 * other name is brought up, which the kernel does as a link to the same file; then the upper folder holds them all.
 */
async function joinHardLinks(place: string, upper: string, index: string, { exec }: BuildContext): Promise<void> {
  const isLinked = readdirSync(index, { encoding: "buffer" }).some(
    (name) => !lstatSync(Buffer.concat([Buffer.from(`${index}/`), name])).isDirectory(),
  );
  if (!isLinked) return;
  const names = new Map<string, Buffer[]>();
  const list = ["find", place, "-xdev", "-type", "f", "-links", "+1", "-printf", "%i %P\\0"] as const;
  const { exitCode, stderr } = await readRecords(exec, list, (record) => {
    const [inode = ""] = record.split(" ", 1);
    const name = Buffer.from(record.slice(inode.length + 1), "latin1");
    names.set(inode, [...(names.get(inode) ?? []), name]);
  });
  if (exitCode !== 0) throw new Error(`the hard links of ${place} can't be read: ${stderr}`);
  const below = (folder: string, name: Buffer) => Buffer.concat([Buffer.from(`${folder}/`), name]);
  for (const linked of names.values()) {
    const isUp = linked.map((name) => lstatSync(below(upper, name), { throwIfNoEntry: false }) !== undefined);
    if (!isUp.includes(true)) continue;
    for (const [at, name] of linked.entries()) {
      const path = below(place, name);
      if (isUp[at] !== true) chmodSync(path, lstatSync(path).mode & 0o7777);
    }
  }
}
