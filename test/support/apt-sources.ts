import { readFileSync } from "node:fs";
import { readMirrors, type Mirrors } from "@dibjs/element-debian/mirrors.js";

/** Mirrors of Debian and the release that tests build. */
export interface DebianMirrors {
  readonly codename: string;
  readonly main: string;
  readonly security: string;
}

interface Host {
  readonly osRelease: string;
  readonly mirrors: Mirrors;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * A Debian host's own release and mirrors; on another distribution bookworm, from where `dib` takes it there.
 * `DIB_TEST_DEBIAN_MIRROR` and `DIB_TEST_DEBIAN_SECURITY_MIRROR` go first.
 */
export function findDebianMirrors({ osRelease, mirrors, env }: Host = readHost()): DebianMirrors {
  const own = /^ID=debian$/m.test(osRelease) ? /^VERSION_CODENAME=(\w+)$/m.exec(osRelease)?.[1] : undefined;
  const { DIB_TEST_DEBIAN_MIRROR: given, DIB_TEST_DEBIAN_SECURITY_MIRROR: givenSecurity } = env;
  const main = given ?? mirrors.debian;
  const security = givenSecurity ?? (given === undefined ? mirrors.security : `${withoutSlash(given)}-security`);
  if (main === undefined || security === undefined)
    throw new Error("neither apt nor mmdebstrap of this host names a Debian mirror: set DIB_TEST_DEBIAN_MIRROR");
  return { codename: own ?? "bookworm", main: withoutSlash(main), security: withoutSlash(security) };
}

const withoutSlash = (url: string) => url.replace(/\/+$/, "");

const readHost = (): Host => ({
  osRelease: readFileSync("/etc/os-release", "utf8"),
  mirrors: readMirrors(),
  env: process.env,
});
