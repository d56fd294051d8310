import { existsSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";

/**
 * Which copy of a package another one gets, by Node's rule: from the nearest node_modules upwards. What was looked at is
 * remembered, since a project's packages look in the same folders for the same names; one of these is for one discovery.
 */
export class InstalledPackages {
  readonly #isTrusted: (folder: string) => boolean;
  /** Folder → every node_modules that packages in it look in, nearest first. */
  readonly #modules = new Map<string, readonly string[]>();
  readonly #packages = new Map<string, string | undefined>();

  /** `isTrusted`: which folders packages may be taken from. @default all */
  constructor(isTrusted: (folder: string) => boolean = () => true) {
    this.#isTrusted = isTrusted;
  }

  /** Real folder of the copy that a package in `from` gets. */
  nearest(from: string, name: string): string | undefined {
    for (const modules of this.#modulesFor(from)) {
      const found = remembered(this.#packages, `${modules}/${name}`, realFolder);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** Package name → real folder, for those that there are. */
  seenFrom(from: string, names: readonly string[]): Readonly<Record<string, string>> {
    const found = names.map((name) => [name, this.nearest(from, name)] as const);
    return Object.fromEntries(found.filter((entry): entry is [string, string] => entry[1] !== undefined));
  }

  #modulesFor(folder: string): readonly string[] {
    return remembered(this.#modules, folder, () => {
      if (!this.#isTrusted(folder)) return [];
      const own = join(folder, "node_modules");
      const above = dirname(folder) === folder ? [] : this.#modulesFor(dirname(folder));
      return existsSync(own) ? [own, ...above] : above;
    });
  }
}

const realFolder = (path: string): string | undefined => (existsSync(path) ? realpathSync.native(path) : undefined);

function remembered<T>(known: Map<string, T>, path: string, look: (path: string) => T): T {
  if (!known.has(path)) known.set(path, look(path));
  return known.get(path) as T;
}
