/** What apt's lists in a tree say of the suites that packages came from. */
import { createHash } from "node:crypto";
import type { TargetFiles } from "../workspace/target.js";
import { unknown, type Fact } from "./freshness.js";

const lists = "/var/lib/apt/lists";

/**
 * The suites whose lists the tree has, by the address of their InRelease file, or of Release where it has no signature in it. A
 * list of neither can't be asked about: a source is gone, or was never signed.
 */
export async function aptFacts(target: TargetFiles): Promise<Fact[]> {
  const names = await target.list(lists);
  const releases = new Set(names.filter((name) => name.endsWith("_InRelease") || name.endsWith("_Release")));
  for (const name of releases)
    if (name.endsWith("_InRelease")) releases.delete(name.replace(/_InRelease$/, "_Release"));
  const facts: Fact[] = [];
  const known: string[] = [];
  const urls = releases.size === 0 ? [] : await aptReleaseUrls(target);
  for (const url of urls) {
    const name = listName(url);
    if (!releases.delete(name)) continue;
    known.push(name.replace(/_(In)?Release$/, "_"));
    const content = await target.read(`${lists}/${name}`);
    if (content !== undefined)
      facts.push({ kind: "apt", what: url, state: createHash("sha256").update(content).digest("hex") });
  }
  const packages = names.filter((name) => /_Packages(\.\w+)?$/.test(name));
  const unasked = [...releases, ...packages.filter((name) => !known.some((prefix) => name.startsWith(prefix)))];
  return [...facts, ...unasked.map((name): Fact => ({ kind: "apt", what: name, state: unknown }))];
}

/** apt writes an address as a file name: `/` becomes `_`, and what would be one is escaped (URItoFileName). */
const listName = (url: string): string =>
  url
    .replace(/^\w+:\/\/([^/@]*@)?/, "")
    .replace(/[\\|{}[\]<>"^~_=!@#$%&*]/g, (character) => `%${character.charCodeAt(0).toString(16)}`)
    .replaceAll("/", "_");

/** Of one-line sources and deb822 ones. */
async function aptReleaseUrls(target: TargetFiles): Promise<Set<string>> {
  const parts = (await target.list("/etc/apt/sources.list.d")).map((name) => `/etc/apt/sources.list.d/${name}`);
  const urls = new Set<string>();
  for (const file of ["/etc/apt/sources.list", ...parts]) {
    const text = (await target.read(file)) ?? "";
    for (const { uri, suite } of file.endsWith(".sources") ? readDeb822(text) : readOneLine(text)) {
      const base = uri.replace(/\/+$/, "");
      const folder = suite.endsWith("/") ? `${base}/${suite}` : `${base}/dists/${suite}/`;
      for (const name of ["InRelease", "Release"]) urls.add(`${folder}${name}`);
    }
  }
  return urls;
}

interface AptSource {
  readonly uri: string;
  readonly suite: string;
}

const readOneLine = (text: string): AptSource[] =>
  [...text.matchAll(/^[ \t]*deb(?:-src)?[ \t]+(?:\[[^\]]*\][ \t]+)?(https?:\S+)[ \t]+(\S+)/gm)].map(
    ([, uri = "", suite = ""]) => ({
      uri,
      suite,
    }),
  );

const readDeb822 = (text: string): AptSource[] =>
  text.split(/\n\s*\n/).flatMap((stanza) => {
    const field = (key: string) =>
      (new RegExp(`^${key}:[ \\t]*(.*)$`, "im").exec(stanza)?.[1] ?? "").split(/\s+/).filter(Boolean);
    return field("URIs").flatMap((uri) =>
      /^https?:/.test(uri) ? field("Suites").map((suite) => ({ uri, suite })) : [],
    );
  });
