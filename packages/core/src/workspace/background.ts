/** Work that a build has begun and goes on beside it, such as keeping what it has made. */
export class Background {
  #all: Promise<unknown> = Promise.resolve();

  /** It may reject: whoever waits is told, also when that was before. */
  add(work: Promise<unknown>): void {
    this.#all = Promise.all([this.#all, work]);
    this.#all.catch(() => undefined);
  }

  /** Resolves when all that was added so far is done. Rejects with what the first failed with. */
  async settle(): Promise<void> {
    await this.#all;
  }
}
