/** The sources of a Debian image, when they are not written out. */
import { BuildError } from "@dibjs/core";
import type { Mirrors } from "./mirrors.js";

type Env = Readonly<Record<string, string>>;

/** Suites that have neither updates nor security archives. */
const rolling: ReadonlySet<string> = new Set(["sid", "unstable", "testing", "experimental", "rc-buggy"]);

/** Fills in DIB_DISTRIBUTION_MIRROR, DIB_DEBIAN_SECURITY_MIRROR and DIB_APT_SOURCES_CONF ("NAME:one-line source" a line). */
export function withDebianSources(env: Env, found: Mirrors): Env {
  const mirror = env.DIB_DISTRIBUTION_MIRROR || found.debian;
  if (env.DIB_APT_SOURCES_CONF || mirror === undefined) return env;
  const { DIB_RELEASE: release = "", DIB_DEBIAN_COMPONENTS: written = "main" } = env;
  const components = written.replaceAll(",", " ");
  const main = `default:deb ${mirror} ${release} ${components}`;
  const set = { ...env, DIB_DISTRIBUTION_MIRROR: mirror };
  if (rolling.has(release)) return { ...set, DIB_APT_SOURCES_CONF: main };
  const security = securityMirror(env, found);
  const { DIB_DEBIAN_SECURITY_SUBPATH: subpath = "" } = env;
  const sources = [
    main,
    `updates:deb ${mirror} ${release}-updates ${components}`,
    `security:deb ${security} ${release}-security${subpath} ${components}`,
  ];
  return { ...set, DIB_DEBIAN_SECURITY_MIRROR: security, DIB_APT_SOURCES_CONF: sources.join("\n") };
}

/** Throws PLAN_VARIABLE_INVALID rather than leave an image without its security updates. */
function securityMirror({ DIB_DEBIAN_SECURITY_MIRROR: given }: Env, { security }: Mirrors): string {
  const mirror = given || security;
  if (mirror !== undefined) return mirror;
  const name = "DIB_DEBIAN_SECURITY_MIRROR";
  const reason = "it must name the security archive: neither apt nor the bootstrapper of this host knows one";
  throw new BuildError("PLAN_VARIABLE_INVALID", { name, origin: "element debian-minimal", reason });
}
