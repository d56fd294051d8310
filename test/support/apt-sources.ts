import { existsSync, readdirSync, readFileSync } from "node:fs";

export interface AptSource {
  readonly uri: string;
  readonly suite: string;
}

/** The Debian mirrors of this host and the release they are for. */
export interface DebianMirrors {
  readonly codename: string;
  readonly main: string;
  readonly security: string;
}

/**
 * The host's own Debian mirrors, as its apt sources name them. `DIB_TEST_DEBIAN_MIRROR` and
 * `DIB_TEST_DEBIAN_SECURITY_MIRROR` go first: a host that is not Debian needs them.
 */
export function findDebianMirrors(sources: readonly AptSource[] = readHostSources()): DebianMirrors {
  const given = process.env["DIB_TEST_DEBIAN_MIRROR"];
  const security = sources.find(({ suite }) => /^[a-z]+-security$/.test(suite) && suite !== "debian-security");
  const codename = security?.suite.replace(/-security$/, "") ?? "bookworm";
  const main = given ?? sources.find(({ suite }) => suite === codename)?.uri;
  const securityMirror =
    process.env["DIB_TEST_DEBIAN_SECURITY_MIRROR"] ?? (given === undefined ? security?.uri : `${given}-security`);
  if (main === undefined || securityMirror === undefined) {
    throw new Error("apt's sources on this host name no Debian mirror: set DIB_TEST_DEBIAN_MIRROR");
  }
  return { codename, main: withoutSlash(main), security: withoutSlash(securityMirror) };
}

const withoutSlash = (url: string) => url.replace(/\/+$/, "");

function readHostSources(apt = "/etc/apt"): readonly AptSource[] {
  const parts = `${apt}/sources.list.d`;
  const files = [
    `${apt}/sources.list`,
    ...(existsSync(parts) ? readdirSync(parts).map((name) => `${parts}/${name}`) : []),
  ];
  const found = files.filter(existsSync).flatMap((file) => {
    const text = readFileSync(file, "utf8");
    if (file.endsWith(".sources")) return parseDeb822(text);
    return file.endsWith(".list") ? parseOneLine(text) : [];
  });
  return found.flatMap(({ uri, suite }) => readMirrorList(uri).map((each) => ({ uri: each, suite })));
}

/** `deb [options] URI SUITE COMPONENT…` */
export function parseOneLine(text: string): AptSource[] {
  const lines = text.split("\n").map((line) => line.replace(/#.*/, "").trim());
  return lines.flatMap((line) => {
    const [, uri, suite] = /^deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)/.exec(line) ?? [];
    return uri === undefined || suite === undefined ? [] : [{ uri, suite }];
  });
}

/** Stanzas of `Key: value`, where a line that starts with a blank goes on with the value above. */
export function parseDeb822(text: string): AptSource[] {
  const stanzas = text.replace(/^#.*\n?/gm, "").split(/\n\s*\n/);
  return stanzas.flatMap((stanza) => {
    const words = (key: string) =>
      new RegExp(`^${key}:((?:.*)(?:\\n[ \\t].*)*)`, "im").exec(stanza)?.[1]?.split(/\s+/).filter(Boolean) ?? [];
    if (words("Enabled")[0] === "no" || !words("Types").includes("deb")) return [];
    return words("URIs").flatMap((uri) => words("Suites").map((suite) => ({ uri, suite })));
  });
}

/** Cloud images of Debian name a file with mirrors, one a line, instead of a mirror. */
function readMirrorList(uri: string): string[] {
  if (!uri.startsWith("mirror+file:")) return [uri];
  const lines = readFileSync(uri.replace(/^mirror\+file:(\/\/)?/, ""), "utf8").split("\n");
  return lines.map((line) => line.split(/\s+/)[0] ?? "").filter((word) => /^https?:/.test(word));
}
