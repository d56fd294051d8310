import { describe, expect, test } from "vitest";
import { findDebianMirrors, parseDeb822, parseOneLine } from "../../support/apt-sources.js";

describe("the host's apt sources", () => {
  test("one-line sources give an address for each line, without options, comments and sources of source packages", () => {
    const text =
      "deb [arch=amd64 signed-by=/k.gpg] http://m.example/debian bookworm main # near\n#deb http://no.example x main\ndeb-src http://m.example/debian bookworm main\n";
    expect(parseOneLine(text)).toEqual([{ uri: "http://m.example/debian", suite: "bookworm" }]);
  });

  test("deb822 sources give each address with each suite, and leave out what is not enabled", () => {
    const text = [
      "Types: deb\n# a comment\nURIs: http://a.example/debian\n http://b.example/debian\nSuites: bookworm bookworm-updates\nComponents: main",
      "Enabled: no\nTypes: deb\nURIs: http://off.example\nSuites: bookworm",
    ].join("\n\n");
    const suites = ["bookworm", "bookworm-updates"];
    expect(parseDeb822(text)).toEqual(
      ["http://a.example/debian", "http://b.example/debian"].flatMap((uri) => suites.map((suite) => ({ uri, suite }))),
    );
  });

  test("the mirrors are those of the release that the security suite is for", () => {
    const sources = [
      { uri: "https://tools.example/apt", suite: "stable" },
      { uri: "http://m.example/debian/", suite: "trixie" },
      { uri: "http://m.example/debian-security", suite: "trixie-security" },
    ];
    expect(findDebianMirrors(sources)).toEqual({
      codename: "trixie",
      main: "http://m.example/debian",
      security: "http://m.example/debian-security",
    });
  });
});
