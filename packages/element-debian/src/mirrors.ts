/** Where Debian's packages come from when nobody says: as the build host gets its own, else the bootstrapper's default. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** URLs of the two archives, as far as they are known. */
export interface Mirrors {
  readonly debian?: string | undefined;
  readonly security?: string | undefined;
}

/** The host's own Debian archives, else those that its bootstrapper has built in: no host is named here. */
export function readMirrors({ etcApt = "/etc/apt", bootstrappers = installed } = {}): Mirrors {
  const own = readHostMirrors(etcApt);
  const builtIn = bootstrappers
    .flatMap((file) => /(["'])(https?:[^"']+\/debian)\1/.exec(textOf(file))?.[2] ?? [])
    .at(0);
  return {
    debian: own.debian ?? builtIn,
    // Debian serves both from there; another mirror may lack the security archive.
    security: own.security ?? (builtIn === undefined ? undefined : `${builtIn}-security`),
  };
}

const installed: readonly string[] = ["/usr/bin/mmdebstrap", "/usr/sbin/debootstrap"];

interface Source {
  /** Without a slash at the end. */
  readonly uri: string;
  readonly suites: readonly string[];
  /** From a file that Debian's installer writes. */
  readonly isOfDebian: boolean;
}

/** The Debian archives among the host's own apt sources; both undefined on another distribution. */
export function readHostMirrors(etcApt = "/etc/apt"): Mirrors {
  const parts = join(etcApt, "sources.list.d");
  const ofDebian = [join(etcApt, "sources.list"), join(parts, "debian.sources")];
  const files = [...new Set([...ofDebian, ...namesIn(parts).map((name) => join(parts, name))])];
  const sources = files.flatMap((file) => readSources(file, ofDebian.includes(file)));
  // Others' archives end in /debian and have a component main, too, but no updates of a release.
  const hasUpdates = (uri: string) =>
    sources.some((source) => source.uri === uri && source.suites.some((suite) => suite.endsWith("-updates")));
  const isSecurity = ({ suites }: Source) => suites.some((suite) => suite.includes("-security"));
  const find = (folder: string, isDebians: (source: Source) => boolean) =>
    sources.find((source) => source.uri.endsWith(`/${folder}`) && (source.isOfDebian || isDebians(source)))?.uri;
  return { debian: find("debian", ({ uri }) => hasUpdates(uri)), security: find("debian-security", isSecurity) };
}

/** The enabled sources over the network that have Debian's component `main`. */
function readSources(file: string, isOfDebian: boolean): Source[] {
  const text = textOf(file).replace(/^#.*\n?/gm, "");
  const found = file.endsWith(".sources") ? parseStanzas(text) : parseLines(text);
  return found
    .filter(({ components }) => components.includes("main"))
    .flatMap(({ uri, suites }) => readMirrorList(uri).map((each) => ({ uri: each, suites })))
    .filter(({ uri }) => /^https?:/.test(uri))
    .map(({ uri, suites }) => ({ uri: uri.replace(/\/+$/, ""), suites, isOfDebian }));
}

/** Cloud images of Debian name a file with mirrors, one a line, instead of a mirror. */
function readMirrorList(uri: string): string[] {
  if (!uri.startsWith("mirror+file:")) return [uri];
  const lines = textOf(uri.replace(/^mirror\+file:(\/\/)?/, "")).split("\n");
  return lines.map((line) => line.split(/\s+/)[0] ?? "");
}

interface Parsed {
  readonly uri: string;
  readonly suites: readonly string[];
  readonly components: readonly string[];
}

/** `deb [options] URI SUITE COMPONENT…` */
const parseLines = (text: string): Parsed[] =>
  [...text.matchAll(/^deb\s+(?:\[[^\]]*\]\s+)?(\S+)[ \t]+(\S+)(.*)$/gm)].map(
    ([, uri = "", suite = "", components = ""]) => ({ uri, suites: [suite], components: wordsOf(components) }),
  );

/** Stanzas of `Key: value`, where a line that starts with a blank goes on with the value above. */
function parseStanzas(text: string): Parsed[] {
  return text.split(/\n\s*\n/).flatMap((stanza) => {
    const words = (key: string) => wordsOf(new RegExp(`^${key}:(.*(?:\\n[ \\t].*)*)`, "im").exec(stanza)?.[1] ?? "");
    if (/^(no|false|off|0|disable|without)$/i.test(words("Enabled")[0] ?? "") || !words("Types").includes("deb"))
      return [];
    return words("URIs").map((uri) => ({ uri, suites: words("Suites"), components: words("Components") }));
  });
}

const wordsOf = (text: string): string[] => text.replace(/#.*/g, "").split(/\s+/).filter(Boolean);

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => /\.(list|sources)$/.test(name))
      .sort();
  } catch {
    return []; // not a host with apt
  }
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return ""; // absent, or not for us to read: then it names no mirror
  }
}
