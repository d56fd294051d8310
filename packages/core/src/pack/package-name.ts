import { isElementName } from "../elements/name.js";
import { BuildError } from "../errors.js";

export interface NamedPackage {
  readonly element: string;
  /** With @ or without. */
  readonly scope?: string | undefined;
}

const nameLength = 214; // npm's limit, scope included

/** `dib-element-NAME`, in the scope. Throws ELEMENT_NAME_INVALID and PACKAGE_NAME_INVALID. */
export function packageNameOf({ element, scope }: NamedPackage, origin: string): string {
  if (!isElementName(element)) throw new BuildError("ELEMENT_NAME_INVALID", { name: element, origin });
  const name = `dib-element-${element.toLowerCase().replaceAll("+", "-plus")}`;
  const full = scope === undefined ? name : `@${scope.replace(/^@/, "")}/${name}`;
  const reason = flawOf(full);
  if (reason !== undefined) throw new BuildError("PACKAGE_NAME_INVALID", { name: full, origin, reason });
  return full;
}

function flawOf(name: string): string | undefined {
  if (name.length > nameLength) return `it is longer than ${nameLength} characters`;
  const [scope, rest] = name.startsWith("@") ? name.slice(1).split("/") : ["scope", name];
  const isWord = (word: string | undefined) => word !== undefined && /^[a-z0-9][a-z0-9._-]*$/.test(word);
  return isWord(scope) && isWord(rest) && name.split("/").length <= 2 ? undefined : "npm does not take it";
}
