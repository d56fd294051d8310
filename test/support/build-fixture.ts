import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { ElementManifest } from "@dibjs/core/elements/element.js";

const bash = (body: string) => `#!/bin/bash\n${body}\n`;

/** Builds an element that lies on disk: `anElement("vm").dependsOn("base").script("install.d/10-x", "true").writeTo(folder)`. */
export class ElementFixture {
  readonly name: string;
  readonly #files = new Map<string, { readonly content: string; readonly mode: number }>();
  readonly #links = new Map<string, string>();
  readonly #folders: string[] = [];

  constructor(name: string) {
    this.name = name;
  }

  dependsOn(...lines: readonly string[]): this {
    return this.file("element-deps", `${lines.join("\n")}\n`);
  }

  provides(...names: readonly string[]): this {
    return this.file("element-provides", `${names.join("\n")}\n`);
  }

  /** An executable; `body` follows `#!/bin/bash`. */
  script(path: string, body = "true"): this {
    return this.file(path, bash(body), 0o755);
  }

  file(path: string, content: string, mode = 0o644): this {
    this.#files.set(path, { content, mode });
    return this;
  }

  link(path: string, target: string): this {
    this.#links.set(path, target);
    return this;
  }

  folder(path: string): this {
    this.#folders.push(path);
    return this;
  }

  /** Makes `parent/NAME` and returns it. */
  writeTo(parent: string, folderName = this.name): string {
    const folder = join(parent, folderName);
    mkdirSync(folder, { recursive: true });
    for (const path of this.#folders) mkdirSync(join(folder, path), { recursive: true });
    for (const [path, { content, mode }] of this.#files) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), content);
      chmodSync(join(folder, path), mode);
    }
    for (const [path, target] of this.#links) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      symlinkSync(target, join(folder, path));
    }
    return folder;
  }

  /** Makes an installed package of it, `modules/PACKAGE`: the element is the package's own folder. Returns that folder. */
  writeAsPackage(modules: string, written: PackageFixture = {}): string {
    const {
      package: packageName = `dib-element-${this.name}`,
      version = "1.0.0",
      peers = {},
      scripts,
      ...manifest
    } = written;
    this.file(
      "package.json",
      JSON.stringify({
        name: packageName,
        version,
        keywords: ["dib-element"],
        ...(scripts === undefined ? {} : { scripts }),
        peerDependencies: peers,
        dib: { apiVersion: 1, elements: { [this.name]: "." }, ...manifest },
      }),
    );
    return this.writeTo(modules, packageName);
  }
}

/** What the package.json says, beside a manifest for the one element. */
export type PackageFixture = Partial<ElementManifest> & {
  readonly package?: string;
  readonly version?: string;
  readonly peers?: Readonly<Record<string, string>>;
  readonly scripts?: Readonly<Record<string, string>>;
};

export const anElement = (name: string): ElementFixture => new ElementFixture(name);
