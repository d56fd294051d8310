import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { withDebianSources } from "@dibjs/element-debian/debian-sources.js";
import { readHostMirrors, readMirrors } from "@dibjs/element-debian/mirrors.js";
import { tempFolder } from "../../support/temp-folder.js";

const env = { DIB_RELEASE: "bookworm", DIB_DEBIAN_COMPONENTS: "main,contrib" };

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

  test("are found behind a list of mirrors, as cloud images have it", async () => {
    await using lists = await tempFolder();
    const list = join(lists.path, "debian.list");
    await writeFile(list, "# nearest\nhttps://m.example.org/debian\tpriority:1\nhttps://n.example.org/debian\n");
    const text = `Types: deb\nURIs: mirror+file://${list}\nSuites: x\nComponents: main\n`;
    expect((await mirrorsIn({ "sources.list.d/debian.sources": text })).debian).toBe("https://m.example.org/debian");
  });

  test("are not those of others that look like them", async () => {
    expect(
      await mirrorsIn({
        "sources.list.d/azlux.list": "deb http://packages.example.net/debian/ bookworm main\n",
        "sources.list.d/debian.sources":
          "Types: deb\nURIs: http://b.example.org/debian\nSuites: bookworm\nComponents: main\n",
      }),
    ).toEqual({ debian: "http://b.example.org/debian", security: undefined });
    expect(await mirrorsIn({ "sources.list.d/azlux.list": "deb http://packages.example.net/debian x main\n" })).toEqual(
      {
        debian: undefined,
        security: undefined,
      },
    );
  });

  test("are found in files of any name by the suites that only Debian has", async () => {
    const text = ["x main", "x-updates main"].map((rest) => `deb http://d.example.org/debian ${rest}\n`).join("");
    const security = "deb http://d.example.org/debian-security x-security main\n";
    expect(await mirrorsIn({ "sources.list.d/mine.list": text + security })).toEqual({
      debian: "http://d.example.org/debian",
      security: "http://d.example.org/debian-security",
    });
  });

  test("are not those that are switched off", async () => {
    const stanza = (host: string) => `Types: deb\nURIs: http://${host}/debian\nSuites: x\nComponents: main\n`;
    const text = `Enabled: no\n${stanza("off.example.org")}\n${stanza("on.example.org")}`;
    expect((await mirrorsIn({ "sources.list.d/debian.sources": text })).debian).toBe("http://on.example.org/debian");
  });

  test("are unknown on a host that is not Debian", async () => {
    expect(await mirrorsIn({ "sources.list": "deb http://c.example.org/ubuntu noble main\n" })).toEqual({
      debian: undefined,
      security: undefined,
    });
    expect(await mirrorsIn({})).toEqual({ debian: undefined, security: undefined });
  });
});

test.each([
  [
    "mmdebstrap",
    "    my $mirror    = 'http://built-in.example.org/debian';\n    my $other = 'http://x.example.org/ubuntu';\n",
  ],
  ["debootstrap", 'DEF_MIRROR="http://built-in.example.org/debian"\n'],
])("a host without Debian's sources takes the archives that %s has built in, security too", async (name, text) => {
  await using host = await tempFolder();
  const bootstrapper = join(host.path, name);
  await writeFile(bootstrapper, text);
  const builtIn = readMirrors({ etcApt: host.path, bootstrappers: [join(host.path, "absent"), bootstrapper] });
  expect(
    withDebianSources({ ...env, DIB_DISTRIBUTION_MIRROR: "http://m.example.org/debian" }, builtIn).DIB_APT_SOURCES_CONF,
  ).toBe(
    [
      "default:deb http://m.example.org/debian bookworm main contrib",
      "updates:deb http://m.example.org/debian bookworm-updates main contrib",
      "security:deb http://built-in.example.org/debian-security bookworm-security main contrib",
    ].join("\n"),
  );
  expect(withDebianSources(env, builtIn).DIB_DISTRIBUTION_MIRROR).toBe("http://built-in.example.org/debian");
});

test("the bootstrappers of this host have an archive built in", (context) => {
  if (!["/usr/bin/mmdebstrap", "/usr/sbin/debootstrap"].some(existsSync)) context.skip("there is no bootstrapper here");
  const { debian = "", security } = readMirrors({ etcApt: "/nowhere" });
  expect(debian).toMatch(/^https?:\/\/.+\/debian$/);
  expect(security).toBe(`${debian}-security`);
});
