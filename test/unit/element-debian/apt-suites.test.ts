import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { addSuites, fetchSuites, suitesOf } from "@dibjs/element-debian/apt-suites.js";
import { serveFolder } from "../../support/file-server.js";
import { tempFolder } from "../../support/temp-folder.js";

async function fingerprintOf(env: Readonly<Record<string, string>>, today?: Date) {
  const added = new Map<string, string>();
  const add = (key: string, value: string) => void added.set(key, value);
  addSuites({ phase: "root", env, add }, await fetchSuites(env), today);
  return added;
}

test("each suite has its InRelease, named once", () => {
  const sources =
    "a:deb [signed-by=/k.gpg] http://x.example.org/debian/ bookworm main\nb:deb [signed-by=/k.gpg] http://x.example.org/debian bookworm contrib\nc:deb http://y.example.org flat/\nd:deb-src http://x.example.org/debian bookworm main\n";
  expect(suitesOf(sources)).toEqual([
    { url: "http://x.example.org/debian/dists/bookworm/InRelease", options: "signed-by=/k.gpg" },
    { url: "http://y.example.org/flat/InRelease", options: "" },
  ]);
});

test("sources may be indented and have dots in their names", () => {
  expect(suitesOf("  a.b:deb http://x.example.org/debian bookworm main\n")).toMatchObject([
    { url: "http://x.example.org/debian/dists/bookworm/InRelease" },
  ]);
});

test("the digest of a suite changes with its InRelease; one that is not there is unknown", async () => {
  await using archive = await tempFolder();
  await mkdir(join(archive.path, "dists/stable"), { recursive: true });
  await using server = await serveFolder(archive.path);
  const env = { DIB_APT_SOURCES_CONF: `a:deb ${server.url} stable main\nb:deb ${server.url} gone main` };
  const digests = [];
  for (const text of ["one", "two", "two"]) {
    await writeFile(join(archive.path, "dists/stable/InRelease"), text);
    const added = await fingerprintOf(env);
    expect(added.get(`apt ${server.url}/dists/gone/InRelease`)).toBe("unknown");
    digests.push(added.get(`apt ${server.url}/dists/stable/InRelease`));
  }
  expect(digests[0]).toMatch(/^[0-9a-f]{64}$/);
  expect(digests[1]).not.toBe(digests[0]);
  expect(digests[2]).toBe(digests[1]);
});

test("goes through the proxy that apt uses", async () => {
  await using proxy = await tempFolder();
  await using server = await serveFolder(proxy.path);
  await fingerprintOf({
    DIB_APT_SOURCES_CONF: "a:deb http://archive.example.org/debian stable main",
    http_proxy: server.url,
  });
  expect(server.requests.map(({ path }) => path)).toEqual(["/debian/dists/stable/InRelease"]);
});

test("offline nothing is asked, and without known sources a result is good for a day", async () => {
  expect([
    ...(await fingerprintOf({ DIB_APT_SOURCES_CONF: "a:deb http://192.0.2.1 stable main", DIB_OFFLINE: "1" })).values(),
  ]).toEqual(["unknown"]);
  expect([...(await fingerprintOf({}, new Date("2026-01-02T03:04:05Z"))).values()]).toEqual(["2026-01-02"]);
});
