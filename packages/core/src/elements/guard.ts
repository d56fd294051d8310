/**
 * Runs code of plugins: loading one, and its `setup`. Plugins are trusted, in that they may do what core may; but one
 * that is broken must fail by name, and not take the build, the process or other plugins with it.
 */
import { BuildError } from "../errors.js";
import { readBuiltins, restoreBuiltins, type Builtins } from "./builtins.js";
import { openWatchdog, type Watchdog } from "./watchdog.js";

/** Whose code it is, for messages. */
export interface Plugin {
  readonly element: string;
  readonly package: string | undefined;
  /** Absolute path of its module. */
  readonly entry: string;
}

export const pluginLimitMs = 20_000;

export class PluginGuard implements Disposable {
  readonly #limitMs: number;
  readonly #watchdog: Watchdog;
  #builtins: Builtins | undefined;

  constructor(limitMs = pluginLimitMs) {
    this.#limitMs = limitMs;
    this.#watchdog = openWatchdog(limitMs + 500); // what waits, the timer here ends first
  }

  /** Throws what `code` throws, and ELEMENT_ENTRY_HUNG, ELEMENT_ENTRY_EXITED and ELEMENT_ENTRY_PATCHED. */
  async run<T>(plugin: Plugin, code: () => T | Promise<T>): Promise<T> {
    this.#builtins ??= readBuiltins();
    using exits = new ExitCatcher(plugin);
    const limit = new Limit(this.#limitMs, plugin);
    this.#watchdog.alert();
    const changed: string[] = [];
    let result: T;
    try {
      // Later, so that what the watchdog ends has nothing of ours below it.
      const running = Promise.resolve().then(code);
      result = await Promise.race([running, exits.called, limit.reached]);
    } finally {
      this.#watchdog.calm();
      limit.end();
      changed.push(...restoreBuiltins(this.#builtins));
    }
    exits.check();
    if (changed.length > 0) throw new BuildError("ELEMENT_ENTRY_PATCHED", { ...plugin, changed });
    return result;
  }

  [Symbol.dispose](): void {
    this.#watchdog[Symbol.dispose]();
  }
}

class Limit {
  readonly reached: Promise<never>;
  #timer: NodeJS.Timeout | undefined;

  constructor(limitMs: number, plugin: Plugin) {
    this.reached = new Promise((_, reject) => {
      const hung = () => reject(new BuildError("ELEMENT_ENTRY_HUNG", { ...plugin, seconds: limitMs / 1000 }));
      this.#timer = setTimeout(hung, limitMs);
    });
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}

const endings = ["exit", "reallyExit", "abort"] as const;

/** Stands in for the functions that end the process. */
class ExitCatcher implements Disposable {
  readonly called: Promise<never>;
  readonly #real = endings.map((name) => [name, Object.getOwnPropertyDescriptor(process, name)] as const);
  readonly #exitCode = process.exitCode;
  #error: BuildError<"ELEMENT_ENTRY_EXITED"> | undefined;

  constructor(plugin: Plugin) {
    this.called = new Promise((_, reject) => {
      for (const name of endings) {
        const value = (exitCode?: number | string): never => {
          this.#error ??= new BuildError("ELEMENT_ENTRY_EXITED", {
            ...plugin,
            call: `process.${name}(${exitCode ?? ""})`,
          });
          reject(this.#error);
          throw this.#error;
        };
        Object.defineProperty(process, name, { value, configurable: true, writable: true });
      }
    });
    this.called.catch(() => {}); // told by `check` too
  }

  /** Throws when it was called, whatever the plugin made of what it got. */
  check(): void {
    if (this.#error !== undefined) throw this.#error;
  }

  [Symbol.dispose](): void {
    for (const [name, property] of this.#real)
      if (property !== undefined) Object.defineProperty(process, name, property);
    process.exitCode = this.#exitCode;
  }
}
