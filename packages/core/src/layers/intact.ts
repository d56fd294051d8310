/** Whether layers are as they were stored. It takes a look at every file, and so is begun before the answer is needed. */
import { join } from "node:path";
import { pathExists } from "fs-extra/esm";
import type { Exec } from "../process/exec.js";
import type { StoredLayer } from "./store.js";
import { sealTree } from "./tree-digest.js";

/** By what the file system says of a layer's files; undefined when that can't be told now. */
export async function isIntact({ folder, seal }: StoredLayer, exec: Exec): Promise<boolean | undefined> {
  try {
    return (await sealTree(folder, exec)) === seal;
  } catch {
    return (await pathExists(join(folder, "layer.json"))) ? undefined : false;
  }
}

const mostExpected = 12;

export class ChecksAhead {
  readonly #exec: Exec;
  /** By their seals: another layer of the same name has another. */
  readonly #expected = new Map<string, Promise<boolean | undefined>>();

  constructor(exec: Exec) {
    this.#exec = exec;
  }

  /** Begins with those of the layers that lie on a result, and goes on with what lies on theirs. */
  begin(result: string, layers: readonly StoredLayer[]): void {
    for (let results = [result]; results.length > 0;) {
      const next = layers.filter(({ parent, seal }) => results.includes(parent) && !this.#expected.has(seal));
      for (const layer of next)
        if (this.#expected.size < mostExpected) this.#expected.set(layer.seal, isIntact(layer, this.#exec));
      results = this.#expected.size < mostExpected ? next.map((layer) => layer.result) : [];
    }
  }

  /** The answer that was begun, which then counts no more; else a new one. */
  take(layer: StoredLayer): Promise<boolean | undefined> {
    const answer = this.#expected.get(layer.seal) ?? isIntact(layer, this.#exec);
    this.#expected.delete(layer.seal);
    return answer;
  }
}
