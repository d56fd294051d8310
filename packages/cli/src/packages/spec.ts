/** What a person writes to name a package: `motd`, `dib-element-motd@^1.2`, `@acme/thing@next`, `./folder`, `./x.tgz`. */
import { BuildError } from "@dibjs/core";

export interface Spec {
  /** As written, without the version. */
  readonly name: string;
  /** A version, a range or a tag. */
  readonly version: string | undefined;
  /** A folder or a tarball of this machine. */
  readonly isPath: boolean;
}

const packageName = /^(@[a-z0-9~-][\w.~-]*\/)?[a-z0-9~-][\w.~-]*$/i;

/** Throws USAGE_INVALID: also for what a package manager would take for an option, a URL or a git repository. */
export function parseSpec(written: string): Spec {
  if (/^(\.{0,2}\/|\.{1,2}$|file:)/.test(written)) return { name: written, version: undefined, isPath: true };
  const at = written.indexOf("@", 1);
  const name = at === -1 ? written : written.slice(0, at);
  const version = at === -1 ? undefined : written.slice(at + 1);
  const isVersion = version === undefined || /^[\w.^~<>=*|][\w.^~<>=*| +-]*$/.test(version);
  if (!packageName.test(name) || name.startsWith("-") || name.length > 214 || !isVersion || version === "")
    throw new BuildError("USAGE_INVALID", {
      reason: `${JSON.stringify(written)} is not the name of a package, with or without @ and a version.`,
      hint: "Packages come from a registry, or from a folder (./folder). What lies elsewhere is published first.",
    });
  return { name, version, isPath: false };
}

export const formatSpec = ({ name, version }: Pick<Spec, "name" | "version">): string =>
  version === undefined ? name : `${name}@${version}`;

/** Names that a short one may stand for, the likeliest first. A name with a scope or the usual prefix is whole. */
export const candidates = (name: string): readonly string[] =>
  name.startsWith("@") || name.startsWith("dib-element-")
    ? [name]
    : [name, `@dibjs/element-${name}`, `dib-element-${name}`];
