import { describe, expect, test } from "vitest";
import { findDebianMirrors } from "../../support/apt-sources.js";

const mirrors = { debian: "http://m.example/debian", security: "http://m.example/debian-security" };
const env = {};

describe("the Debian that tests build", () => {
  test("on Debian is the host's own release, from its own mirrors", () => {
    const osRelease = 'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\nID=debian\nVERSION_CODENAME=trixie\n';
    expect(findDebianMirrors({ osRelease, mirrors, env })).toEqual({
      codename: "trixie",
      main: mirrors.debian,
      security: mirrors.security,
    });
  });

  test("on another distribution is bookworm, whatever the host's own release is called", () => {
    const osRelease = "ID=ubuntu\nID_LIKE=debian\nVERSION_CODENAME=noble\n";
    expect(findDebianMirrors({ osRelease, mirrors, env }).codename).toBe("bookworm");
    const given = { DIB_TEST_DEBIAN_MIRROR: "http://given.example/debian/" };
    expect(findDebianMirrors({ osRelease, mirrors, env: given })).toEqual({
      codename: "bookworm",
      main: "http://given.example/debian",
      security: "http://given.example/debian-security",
    });
  });

  test("cannot come from nowhere", () => {
    expect(() => findDebianMirrors({ osRelease: "ID=fedora\n", mirrors: {}, env })).toThrow("DIB_TEST_DEBIAN_MIRROR");
  });
});
