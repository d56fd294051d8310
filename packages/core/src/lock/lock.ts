import type { ElementSource } from "../elements/element.js";

/** `dib.lock`: what each image of a project was built from. */
export interface Lock {
  readonly version: 1;
  readonly images: Readonly<Record<string, LockEntry>>;
}

/** One image. Names and addresses come from outside: look them up with `Object.hasOwn`. */
export interface LockEntry {
  readonly arch: string;
  readonly elements: Readonly<Record<string, LockedElement>>;
  /** By address. */
  readonly files: Readonly<Record<string, LockedFile>>;
  /** `URL REF` → commit. */
  readonly git: Readonly<Record<string, string>>;
  /** By what the suite says of itself, not by mirror: `Debian bookworm`. */
  readonly apt: Readonly<Record<string, LockedSuite>>;
  /** `name:arch` → version. */
  readonly packages: Readonly<Record<string, string>>;
}

export interface LockedElement {
  readonly version: string;
  readonly source: ElementSource;
  readonly package?: string | undefined;
  /** What the package manager's own lock says of the package. */
  readonly integrity?: string | undefined;
  /** sha256 of the element as it was loaded. */
  readonly digest: string;
}

export interface LockedFile {
  readonly sizeBytes: number;
  readonly sha256: string;
}

export interface LockedSuite {
  /** Of its (In)Release file. */
  readonly sha256: string;
  /** As written there. */
  readonly date: string;
}

/** The entry that a build must keep to, and where it is from. */
export interface RequiredLock {
  readonly file: string;
  readonly image: string;
  readonly entry: LockEntry;
  /** What rewrites the entry. */
  readonly command: string;
}
