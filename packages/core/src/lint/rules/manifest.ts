/** What package.json says beside the code. */
import { posix } from "node:path";
import { unless, type Found, type SourceRule } from "../rule.js";
import type { LintSource, SourcePackage, WrittenPackage } from "../source.js";

const file = "package.json";

/** A rule for the package.json of a package that can be read. */
const ofPackage = (name: string, check: (found: SourcePackage) => readonly Found[]): SourceRule => ({
  name,
  in: "package",
  check: async (source) => (source.package === undefined ? [] : check(source.package)),
});

export const manifestRules: readonly SourceRule[] = [
  { name: "manifest", check: async ({ broken }) => broken.map(({ message, hint }) => ({ message, hint })) },
  ofPackage("keyword", ({ written: { keywords = [] } }) =>
    unless(keywords.includes("dib-element"), {
      message: "lacks the keyword that dib search looks for",
      hint: 'Add "keywords": ["dib-element"].',
    }),
  ),
  ofPackage("description", ({ written: { description = "" } }) =>
    unless(description.trim() !== "", { message: "lacks a description" }),
  ),
  ofPackage("prepack", ({ written: { scripts = {} } }) =>
    unless(/\bdib pack\b/.test(scripts.prepack ?? ""), {
      message: "modes, links and empty folders would be lost when it is packed",
      hint: 'Add "scripts": { "prepack": "dib pack" }.',
    }),
  ),
  ofPackage("install-scripts", ({ written: { scripts = {} } }) =>
    ["preinstall", "install", "postinstall"]
      .filter((name) => name in scripts)
      .map((name) => ({
        message: `has a script "${name}", which is never run: elements are installed without scripts`,
        hint: "Do it in a script of a phase, or in the plugin's setup.",
      })),
  ),
  ofPackage("packed-manifest", ({ manifest: { manifest }, written: { files } }) =>
    manifest === undefined
      ? [{ message: 'the "dib" key names no manifest', hint: 'Add "manifest": "./dib-manifest.json" to "dib".' }]
      : unless(names(files, manifest), {
          message: `"files" does not name ${posix.normalize(manifest)}`,
          hint: `Add "${posix.normalize(manifest)}" to "files".`,
        }),
  ),
  ofPackage("exports", ({ written: { exports } }) =>
    unless(exports === undefined || typeof exports !== "object" || "./package.json" in (exports ?? {}), {
      message: '"exports" hides package.json',
      hint: 'Add "./package.json": "./package.json" to "exports".',
    }),
  ),
  ofPackage("core-peer", ({ written: { peerDependencies = {} } }) =>
    unless("@dibjs/core" in peerDependencies, {
      message: "does not say which @dibjs/core it is for",
      hint: 'Add "@dibjs/core" to "peerDependencies".',
    }),
  ),
  { name: "element-peer", in: "package", check: async (source) => elementPeers(source) },
];

const names = (files: WrittenPackage["files"], path: string): boolean =>
  files === undefined || files.map((each) => posix.normalize(each)).includes(posix.normalize(path));

/** Packages of elements that are needed: npm brings them in one version each when they are peers. */
function elementPeers({ package: found, elements, known }: LintSource): Found[] {
  if (found === undefined) return [];
  const { dependencies = {}, peerDependencies = {} } = found.written;
  const needed = elements.flatMap(({ relations }) => relations?.dependencies ?? []);
  const packages = new Map(needed.map(({ name }) => [known.get(name)?.package?.name, name]));
  return [...packages].flatMap(([name, element]) => {
    const isBrought = Object.keys(peerDependencies).some(
      (peer) => peer === name || peer.endsWith(`dib-element-${element}`),
    );
    if (name === undefined || name === found.name || isBrought) return [];
    const how = name in dependencies ? "is among its dependencies, which may bring a second copy" : "is not asked for";
    return [
      {
        file,
        message: `element ${element} is needed, and its package ${name} ${how}`,
        hint: `Add "${name}" to "peerDependencies".`,
      },
    ];
  });
}
