/**
 * What a build takes from outside: every file it fetched and every commit it checked out, for the report and for
 * `dib.lock`. A build that must keep to a lock fails here, before anything is used that differs.
 */
import { stat } from "node:fs/promises";
import { BuildError, isBuildError } from "../errors.js";
import { gitKey } from "../lock/assemble.js";
import { describeFile, type LockDifference } from "../lock/compare.js";
import type { LockedFile, RequiredLock } from "../lock/lock.js";
import type { Exec } from "../process/exec.js";
import type { BuildEvent } from "../report/events.js";
import { digestOf, download, type Downloaded, type DownloadRequest } from "./download.js";
import { shownAddress } from "./shown-address.js";

export interface FetchedFile {
  readonly url: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

export interface FetchedCommit {
  readonly url: string;
  readonly ref: string;
  readonly commit: string;
}

/** How the steps of elements fetch. */
export interface Sources {
  /** Downloads, whole or not at all. A locked build takes a file that has the locked sha256 from the cache. */
  download(request: Pick<DownloadRequest, "url" | "file" | "sha256">): Promise<Downloaded>;
  /** For a file that was there already, or was fetched in another way. */
  recordFile(url: string, file: string): Promise<void>;
  /** The commit that a locked build takes for a ref, wherever that points now. */
  lockedCommit(url: string, ref: string): string | undefined;
  recordCommit(fetched: FetchedCommit): void;
}

interface RecordSetting {
  readonly locked: RequiredLock | undefined;
  /** Takes secrets out of text. */
  readonly mask: (text: string) => string;
  readonly emit: (event: BuildEvent) => void;
}

/** All that was fetched so far; the last of one address counts. */
export class SourceRecord {
  readonly #files = new Map<string, FetchedFile>();
  readonly #commits = new Map<string, FetchedCommit>();
  readonly #setting: RecordSetting;

  constructor(setting: RecordSetting) {
    this.#setting = setting;
  }

  get files(): readonly FetchedFile[] {
    return [...this.#files.values()].sort((a, b) => (a.url < b.url ? -1 : 1));
  }

  get commits(): readonly FetchedCommit[] {
    return [...this.#commits].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, commit]) => commit);
  }

  lockedFile(url: string): LockedFile | undefined {
    return ownValue(this.#setting.locked?.entry.files, this.#shown(url));
  }

  lockedCommit(url: string, ref: string): string | undefined {
    return ownValue(this.#setting.locked?.entry.git, gitKey(this.#shown(url), ref));
  }

  /** Throws LOCK_MISMATCH. */
  checkFile(url: string, sha256: string, cause?: unknown): void {
    const locked = this.lockedFile(url);
    if (locked?.sha256 === sha256) return;
    this.#refuse(
      "file",
      this.#shown(url),
      locked === undefined ? undefined : describeFile(locked),
      describeFile({ sha256 }),
      cause,
    );
  }

  /** Throws LOCK_MISMATCH. */
  addFile({ url, sizeBytes, sha256 }: FetchedFile, cause?: unknown): void {
    this.checkFile(url, sha256, cause);
    const file = { url: this.#shown(url), sizeBytes, sha256 };
    if (this.#files.get(file.url)?.sha256 !== sha256) this.#setting.emit({ type: "fetched", ...file });
    this.#files.set(file.url, file);
  }

  /** Throws LOCK_MISMATCH. */
  addCommit({ url, ref, commit }: FetchedCommit, cause?: unknown): void {
    const key = gitKey(this.#shown(url), ref);
    const locked = this.lockedCommit(url, ref);
    if (locked !== commit) this.#refuse("git", key, locked, commit, cause);
    const found = { url: this.#shown(url), ref, commit };
    this.#commits.set(key, found);
    this.#setting.emit({ type: "checked-out", ...found });
  }

  /** In a build that keeps to no lock nothing differs. */
  #refuse(part: LockDifference["part"], name: string, locked: string | undefined, now: string, cause?: unknown): void {
    if (this.#setting.locked === undefined) return;
    const { file, image, command } = this.#setting.locked;
    throw new BuildError(
      "LOCK_MISMATCH",
      { file, image, command, differences: [{ part, name, locked, now }] },
      { cause },
    );
  }

  /** A report and a lock are for others to read: no user and password of an address, and no secret. */
  #shown(url: string): string {
    return this.#setting.mask(shownAddress(url));
  }
}

/** Names in a lock come from outside. */
const ownValue = <T>(map: Readonly<Record<string, T>> | undefined, key: string): T | undefined =>
  map !== undefined && Object.hasOwn(map, key) ? map[key] : undefined;

/** What a step gets: the record, with the environment and the end of its phase. */
export function sourcesOf(
  record: SourceRecord,
  { exec, ...common }: Pick<DownloadRequest, "env" | "signal"> & { readonly exec: Exec },
): Sources {
  return {
    async download(request) {
      const { url } = request;
      const locked = record.lockedFile(url);
      if (locked !== undefined && request.sha256 !== undefined) record.checkFile(url, request.sha256);
      try {
        const downloaded = await download({ ...common, ...request, ...(locked && { sha256: locked.sha256 }) }, exec);
        record.addFile({ url, sizeBytes: downloaded.sizeBytes, sha256: downloaded.sha256 });
        return downloaded;
      } catch (error) {
        if (locked !== undefined && isBuildError(error) && error.code === "FETCH_CHECKSUM_WRONG")
          record.checkFile(url, (error.context as { actual: string }).actual, error);
        throw error;
      }
    },
    async recordFile(url, file) {
      record.addFile({ url, sizeBytes: (await stat(file)).size, sha256: await digestOf(file) });
    },
    lockedCommit: (url, ref) => record.lockedCommit(url, ref),
    recordCommit: (fetched) => record.addCommit(fetched),
  };
}
