/** Somebody who writes elements, and somebody who uses them, with a package manager, a registry and nothing of the clone. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createExec, type ExecResult } from "@dibjs/core";
import { root } from "../house/source.js";
import type { Registry } from "./registry.js";
import type { Publisher } from "./package-managers.js";

type Json = Record<string, unknown>;

const exec = createExec();

export class ThirdParty {
  /** Where the author has dib and packages. */
  readonly author: string;
  /** A project that uses them; empty at first. */
  readonly user: string;
  readonly #client: Publisher;
  readonly #registry: Registry;

  constructor(folder: string, client: Publisher, registry: Registry) {
    this.author = join(folder, "author");
    this.user = join(folder, "user");
    for (const each of [this.author, this.user]) mkdirSync(each, { recursive: true });
    this.#client = client;
    this.#registry = registry;
  }

  packageFolder(name: string): string {
    return join(this.author, `dib-element-${name}`);
  }

  /** Runs the package manager; throws what it said when it fails. */
  run(args: readonly string[], cwd: string): Promise<string> {
    return this.#registry.run(this.#client, args, cwd);
  }

  install(packages: readonly string[], cwd: string): Promise<string> {
    const verb = this.#client === "npm" || packages.length === 0 ? "install" : "add";
    return this.run([verb, "--ignore-scripts", ...packages], cwd);
  }

  /** `npm create @dibjs/element NAME`. */
  create(name: string, ...options: readonly string[]): Promise<string> {
    const separator = this.#client === "npm" ? ["--yes", "@dibjs/element", name, "--"] : ["@dibjs/element", name];
    return this.run(["create", ...separator, ...options], this.author);
  }

  publish(name: string): Promise<void> {
    return this.#registry.publish(this.packageFolder(name), this.#client);
  }

  /** The author's copy, as one that is installed for all projects. */
  dib(args: readonly string[], env: Readonly<Record<string, string>>, cwd = this.user): Promise<ExecResult> {
    return exec(join(this.author, "node_modules/.bin/dib"), args, { cwd, env: { ...this.#registry.env, ...env } });
  }

  /** Changes package.json of a package, or another JSON file of it. */
  edit(name: string, change: (written: Json) => Json, file = "package.json"): void {
    const path = join(this.packageFolder(name), file);
    writeFileSync(path, `${JSON.stringify(change(JSON.parse(readFileSync(path, "utf8")) as Json), null, 2)}\n`);
  }

  write(file: string, content: string | object): void {
    const path = join(this.user, file);
    writeFileSync(path, typeof content === "string" ? content : `${JSON.stringify(content, null, 2)}\n`);
  }

  read(file: string): string {
    return readFileSync(join(this.user, file), "utf8");
  }

  /** Says which package manager the project has, as the client's own `init` would. */
  startProject(): void {
    if (this.#client === "npm") return;
    const { packageManager } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Json;
    this.write("package.json", { private: true, packageManager });
  }
}
