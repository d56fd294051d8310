/** Work that a build has begun and goes on beside it, such as keeping what it has made. */
export class Background {
  readonly #work = new Set<Promise<unknown>>();

  /** It may reject: whoever waits is told. */
  add(work: Promise<unknown>): void {
    const done = work.finally(() => this.#work.delete(done));
    this.#work.add(done);
    done.catch(() => undefined);
  }

  /** Resolves when none is left. Rejects with what one failed with. */
  async settle(): Promise<void> {
    while (this.#work.size > 0) await Promise.all(this.#work);
  }
}
