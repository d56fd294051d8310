import type { Exec } from "../../process/exec.js";

export interface DibLintRequest {
  /** Absolute. Its tox.ini counts. */
  readonly cwd: string;
  /** ELEMENTS_DIR and LIB_DIR: from `cwd`, and shown as they are written. */
  readonly elementsDir: string;
  readonly libDir: string;
  readonly exec: Exec;
  /** The whole environment of git, file and flake8. */
  readonly env: Readonly<Record<string, string>>;
  /** Gets each line of the report. */
  readonly say: (line: string) => void;
  /** Gets what could not be looked at. */
  readonly note: (text: string) => void;
}

/** Whether there was nothing to find fault with. The rules are loaded only now: every command loads this file. */
export const lintAsDib = async (request: DibLintRequest): Promise<boolean> =>
  (await import("./dib-lint.js")).lintAsDib(request);
