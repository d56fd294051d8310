/** What no tarball carries, or what arrives as something else. */
import { posix } from "node:path";
import { unless, type ElementRule, type FileRule, type Found } from "../rule.js";
import type { LintSource, SourceFile } from "../source.js";
import { twins } from "./names.js";

export const tarballRules: readonly FileRule[] = [
  {
    name: "hard-link",
    in: "package",
    appliesTo: ({ names }) => names > 1,
    check: () => [
      {
        message: "has another name on disk (a hard link), and may not arrive",
        hint: "Copy it: cp FILE NEW && mv NEW FILE",
      },
    ],
  },
  {
    name: "setuid",
    in: "package",
    appliesTo: () => true,
    check: ({ mode }) =>
      unless((mode & 0o6000) === 0, {
        message: "is setuid or setgid, which is lost or kept as chance will have it",
        hint: "Set the bit in a script of a phase.",
      }),
  },
];

export const linkRules: readonly ElementRule[] = [
  { name: "link", in: "package", check: ({ files }) => files.filter(leavesImage).map(leaving) },
];

/** Links below static are the image's own: they may lead anywhere in it, and nowhere above. */
function leavesImage({ inElement, kind, linkTarget = "" }: SourceFile): boolean {
  if (kind !== "link" || !inElement.startsWith("static/") || posix.isAbsolute(linkTarget)) return false;
  return !posix.join(posix.dirname(inElement), linkTarget).startsWith("static");
}

const leaving = ({ path, linkTarget }: SourceFile): Found => ({
  file: path,
  message: `the link to ${linkTarget} leads above the image's root`,
  hint: "Shorten it, or make it absolute.",
});

/** Why a package of this must not be made: the rules of this file, and names that are one on other file systems. */
export const lossesOf = (source: LintSource) =>
  source.elements.flatMap((element) => {
    const ofFiles = tarballRules.flatMap((rule) =>
      element.files
        .filter((file) => file.kind === "file" && rule.appliesTo(file))
        .flatMap((file) => rule.check(file).map((found) => ({ file: file.path, ...found }))),
    );
    const ofElement = linkRules.flatMap((rule) => rule.check(element, source));
    return [...ofFiles, ...ofElement, ...twins(element.files)].map(({ file = "", message, hint = "" }) => ({
      ...{ path: file, reason: message, hint },
    }));
  });
