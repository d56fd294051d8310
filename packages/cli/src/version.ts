import { readFileSync } from "node:fs";

const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
  version: string;
  dependencies: Readonly<Record<string, string>>;
};

export const version = manifest.version;

/** Packages of elements that this CLI brings along. */
export const bundledNames: readonly string[] = Object.keys(manifest.dependencies).filter((name) =>
  name.startsWith("@dibjs/element-"),
);
