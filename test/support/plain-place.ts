import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";

/** A folder on a file system that an overlay can't write to, as a container's own files. */
export class PlainPlace implements Disposable {
  readonly #folder = mkdtempSync("/var/tmp/dibjs-test-plain-");
  readonly path = join(this.#folder, "merged");

  constructor() {
    for (const name of ["lower", "upper", "work", "merged"]) mkdirSync(join(this.#folder, name));
    const [lower, upper, work] = ["lower", "upper", "work"].map((name) => join(this.#folder, name));
    const options = `lowerdir=${lower},upperdir=${upper},workdir=${work}`;
    execFileSync("mount", ["-t", "overlay", "-o", options, "overlay", this.path]);
  }

  [Symbol.dispose](): void {
    execFileSync("umount", [this.path]);
    rmSync(this.#folder, { recursive: true });
  }
}
