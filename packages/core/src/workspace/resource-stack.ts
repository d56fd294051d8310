import { BuildError, reasonOf } from "../errors.js";

type Release = () => void | Promise<void>;

/**
 * Everything the build borrows (mounts, loop devices, folders, locks), newest first. Release never stops early:
 * a failed unmount must not keep a loop device. Releases never take the build's abort signal.
 */
export class ResourceStack implements AsyncDisposable {
  #held: { label: string; release: Release; isReleased: boolean }[] = [];

  /** Call in the statement after the resource came to be, before anything that can throw. Returns what gives it back early. */
  defer(label: string, release: Release): () => Promise<void> {
    const held = { label, release, isReleased: false };
    this.#held.push(held);
    return async () => {
      if (held.isReleased) return;
      held.isReleased = true; // also known to the stack that it has moved to meanwhile
      await release();
    };
  }

  /** Hands everything to the caller: a half-built stack unwinds itself, a finished one moves out. */
  move(): ResourceStack {
    const next = new ResourceStack();
    next.#held = this.#held;
    this.#held = [];
    return next;
  }

  /** Throws RELEASE_FAILED with all that is left. */
  async [Symbol.asyncDispose](): Promise<void> {
    const failures: unknown[] = [];
    const left: string[] = [];
    for (let held = this.#held.pop(); held; held = this.#held.pop()) {
      if (held.isReleased) continue;
      held.isReleased = true;
      try {
        await held.release();
      } catch (error) {
        failures.push(error);
        left.push(`${held.label} (${reasonOf(error)})`);
      }
    }
    if (left.length > 0) throw new BuildError("RELEASE_FAILED", { left }, { cause: new AggregateError(failures) });
  }
}
