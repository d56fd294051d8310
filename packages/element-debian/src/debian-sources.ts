/** Where Debian's packages come from when nobody says: as the build host gets its own, else the bootstrapper's default. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

type Env = Readonly<Record<string, string>>;

/** URLs of the two archives, as far as they are known. */
export interface Mirrors {
  readonly debian?: string | undefined;
  readonly security?: string | undefined;
}

/** Suites that have neither updates nor security archives. */
const rolling: ReadonlySet<string> = new Set(["sid", "unstable", "testing", "experimental", "rc-buggy"]);

/** Fills in DIB_DISTRIBUTION_MIRROR, DIB_DEBIAN_SECURITY_MIRROR and DIB_APT_SOURCES_CONF ("NAME:one-line source" a line). */
export function withDebianSources(env: Env, host: Mirrors): Env {
  const mirror = env.DIB_DISTRIBUTION_MIRROR || host.debian;
  const security = env.DIB_DEBIAN_SECURITY_MIRROR || host.security;
  if (env.DIB_APT_SOURCES_CONF || mirror === undefined) return env;
  const {
    DIB_RELEASE: release = "",
    DIB_DEBIAN_SECURITY_SUBPATH: subpath = "",
    DIB_DEBIAN_COMPONENTS: written = "main",
  } = env;
  const components = written.replaceAll(",", " ");
  const updated = [
    `updates:deb ${mirror} ${release}-updates ${components}`,
    ...(security === undefined ? [] : [`security:deb ${security} ${release}-security${subpath} ${components}`]),
  ];
  return {
    ...env,
    DIB_DISTRIBUTION_MIRROR: mirror,
    DIB_DEBIAN_SECURITY_MIRROR: security ?? "",
    DIB_APT_SOURCES_CONF: [
      `default:deb ${mirror} ${release} ${components}`,
      ...(rolling.has(release) ? [] : updated),
    ].join("\n"),
  };
}

/** The Debian archives among the host's own apt sources; both undefined on another distribution. */
export function readHostMirrors(etcApt = "/etc/apt"): Mirrors {
  const parts = join(etcApt, "sources.list.d");
  const files = [join(etcApt, "sources.list"), ...namesIn(parts).map((name) => join(parts, name))];
  const uris = files.flatMap((file) => archiveUris(textOf(file), file.endsWith(".sources")));
  const endingIn = (folder: string) => uris.find((uri) => uri.endsWith(`/${folder}`));
  return { debian: endingIn("debian"), security: endingIn("debian-security") };
}

/** URIs, without a slash at the end, of the sources that have Debian's component `main`. Others' archives have their own. */
function archiveUris(text: string, isDeb822: boolean): string[] {
  const lines = text
    .split("\n")
    .filter((line) => !line.startsWith("#"))
    .join("\n");
  const found = isDeb822
    ? lines
        .split(/\n\s*\n/)
        .filter((stanza) => /^Types:.*\bdeb\b/im.test(stanza) && /^Components:.*\bmain\b/im.test(stanza))
        .flatMap((stanza) => /^URIs:(.*)$/im.exec(stanza)?.[1]?.trim().split(/\s+/) ?? [])
    : [...lines.matchAll(/^deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+\S+\s.*\bmain\b/gm)].map(([, uri = ""]) => uri);
  return found.filter((uri) => /^https?:/.test(uri)).map((uri) => uri.replace(/\/+$/, ""));
}

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
