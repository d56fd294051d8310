import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { readHostMirrors, withDebianSources } from "@dibjs/element-debian/debian-sources.js";
import { tempFolder } from "../../support/temp-folder.js";

const env = { DIB_RELEASE: "bookworm", DIB_DEBIAN_COMPONENTS: "main,contrib" };
const host = { debian: "https://host.example.org/debian", security: "https://host.example.org/debian-security" };

describe("the sources of an image", () => {
  test("are release, updates and security of the mirrors that are given", () => {
    const given = {
      ...env,
      DIB_DISTRIBUTION_MIRROR: "http://m.example.org/debian",
      DIB_DEBIAN_SECURITY_MIRROR: "http://m.example.org/sec",
    };
    expect(withDebianSources(given, host).DIB_APT_SOURCES_CONF?.split("\n")).toEqual([
      "default:deb http://m.example.org/debian bookworm main contrib",
      "updates:deb http://m.example.org/debian bookworm-updates main contrib",
      "security:deb http://m.example.org/sec bookworm-security main contrib",
    ]);
  });

  test("come from the host's own archives when none is given", () => {
    expect(withDebianSources(env, host)).toMatchObject({
      DIB_DISTRIBUTION_MIRROR: host.debian,
      DIB_DEBIAN_SECURITY_MIRROR: host.security,
    });
  });

  test("are left to the bootstrapper when the host has none either", () => {
    expect(withDebianSources(env, {})).toEqual(env);
  });

  test("are left alone when written out", () => {
    const written = { ...env, DIB_APT_SOURCES_CONF: "mine:deb http://x.example.org/debian sid main" };
    expect(withDebianSources(written, host)).toEqual(written);
  });

  test.each(["sid", "testing", "unstable"])("of %s have neither updates nor security", (release) => {
    expect(withDebianSources({ DIB_RELEASE: release }, host).DIB_APT_SOURCES_CONF).toBe(
      `default:deb ${host.debian} ${release} main`,
    );
  });
});

describe("the host's archives", () => {
  async function mirrorsIn(files: Readonly<Record<string, string>>) {
    await using etc = await tempFolder();
    for (const [name, text] of Object.entries(files)) {
      await mkdir(dirname(join(etc.path, name)), { recursive: true });
      await writeFile(join(etc.path, name), text);
    }
    return readHostMirrors(etc.path);
  }

  test("are found among one-line sources, beside those of others", async () => {
    const text =
      "# deb http://old.example.org/debian x main\ndeb https://docker.example.org/linux/debian bookworm stable\ndeb [arch=amd64] http://a.example.org/debian/ bookworm main\ndeb http://a.example.org/debian-security bookworm-security main contrib\n";
    expect(await mirrorsIn({ "sources.list": text })).toEqual({
      debian: "http://a.example.org/debian",
      security: "http://a.example.org/debian-security",
    });
  });

  test("are found in deb822 files", async () => {
    const text =
      "Types: deb\n# a comment\nURIs: http://b.example.org/debian\nSuites: bookworm\nComponents: main\n\nTypes: deb\nURIs: http://b.example.org/debian-security/\nSuites: bookworm-security\nComponents: main\n";
    expect(await mirrorsIn({ "sources.list.d/debian.sources": text })).toEqual({
      debian: "http://b.example.org/debian",
      security: "http://b.example.org/debian-security",
    });
  });

  test("are unknown on a host that is not Debian", async () => {
    expect(await mirrorsIn({ "sources.list": "deb http://c.example.org/ubuntu noble main\n" })).toEqual({
      debian: undefined,
      security: undefined,
    });
    expect(await mirrorsIn({})).toEqual({ debian: undefined, security: undefined });
  });
});
