import { describe, expect, test } from "vitest";
import { checkIntegrities, checkRegistries, checkReleaseAges, isApproved } from "@dibjs/core/trust/check.js";

const acme = { registries: { "@acme": "https://npm.acme.example/pkgs" } };
const at = (resolved: string | undefined, name = "@acme/motd") => [{ name, version: "1.0.0", resolved }];

describe("a scope that is bound to a registry", () => {
  const foreign = (found: readonly { code: string }[]) => found.map(({ code }) => code);

  test("takes its packages from there", () => {
    expect(checkRegistries(acme, at("https://npm.acme.example/pkgs/@acme/motd/-/motd-1.0.0.tgz"))).toEqual([]);
  });

  test.each([
    ["another host", "https://elsewhere.example/@acme/motd/-/motd-1.0.0.tgz"],
    ["a host that begins alike", "https://npm.acme.example.evil.example/pkgs/@acme/motd.tgz"],
    ["a path that begins alike", "https://npm.acme.example/pkgs-of-others/motd.tgz"],
    ["a path that leads out", "https://npm.acme.example/pkgs/../other/motd.tgz"],
    ["the same without encryption", "http://npm.acme.example/pkgs/@acme/motd/-/motd-1.0.0.tgz"],
    ["git", "git+ssh://git@npm.acme.example/pkgs/motd.git#abc"],
  ])("refuses them from %s: REGISTRY_FOREIGN", (_, resolved) => {
    expect(foreign(checkRegistries(acme, at(resolved)))).toEqual(["REGISTRY_FOREIGN"]);
  });

  test("goes by the package manager's setting when the lock file does not say", () => {
    expect(checkRegistries(acme, at(undefined), () => "https://npm.acme.example/pkgs")).toEqual([]);
    expect(foreign(checkRegistries(acme, at(undefined), () => "https://public.example/"))).toEqual([
      "REGISTRY_FOREIGN",
    ]);
    expect(foreign(checkRegistries(acme, at(undefined)))).toEqual(["REGISTRY_FOREIGN"]);
  });

  test("leaves other names, and folders of this machine, alone", () => {
    expect(checkRegistries(acme, at("https://elsewhere.example/x.tgz", "@acme-labs/x"))).toEqual([]);
    expect(checkRegistries(acme, [{ name: "@acme/motd", version: "1.0.0", isLink: true }])).toEqual([]);
  });
});

test("a package without an integrity is named with the lock file: INTEGRITY_MISSING", () => {
  const packages = [
    { name: "a", version: "1.0.0", integrity: "sha512-x" },
    { name: "b", version: "2.0.0" },
    { name: "c", version: "3.0.0", isLink: true },
  ];
  expect(checkIntegrities(packages, "package-lock.json")).toEqual([
    expect.objectContaining({
      code: "INTEGRITY_MISSING",
      context: { package: "b@2.0.0", file: "package-lock.json" },
    }),
  ]);
});

describe("the age of a version", () => {
  const now = new Date("2026-01-02T00:00:00Z");
  const day = { minimumReleaseAge: 1440, minimumReleaseAgeExclude: ["trusted", "@acme/*"] };
  const codes = (published: string | undefined, name = "motd") =>
    checkReleaseAges(day, [{ name, version: "1.0.0", published }], now).map(({ code }) => code);

  test.each([
    ["younger", "2026-01-01T00:00:01Z"],
    ["not told", undefined],
    ["no date", "yesterday"],
    ["in the future", "2026-01-02T00:00:01Z"],
  ])("that is %s is refused: RELEASE_TOO_NEW", (_, published) => {
    expect(codes(published)).toEqual(["RELEASE_TOO_NEW"]);
  });

  test("that is old enough is not, nor is one that the policy lets through, nor any without such a policy", () => {
    expect(codes("2026-01-01T00:00:00Z")).toEqual([]);
    expect(codes("2026-01-01T23:59:00Z", "trusted")).toEqual([]);
    expect(codes(undefined, "@acme/motd")).toEqual([]);
    expect(codes("2026-01-01T23:59:00Z", "@acme-labs/motd")).toEqual(["RELEASE_TOO_NEW"]);
    expect(
      checkReleaseAges({ ...day, minimumReleaseAge: 0 }, [{ name: "a", version: "1.0.0", published: undefined }], now),
    ).toEqual([]);
  });
});

test("an approval is for one version of one content", () => {
  const policy = { approved: { "thing@1.0.0": "sha512-AAAA" } };
  const approved = (version: string, integrity: string | undefined) =>
    isApproved(policy, { name: "thing", version, integrity });
  expect(approved("1.0.0", "sha512-AAAA")).toBe(true);
  expect(approved("1.0.0", "sha512-BBBB")).toBe(false);
  expect(approved("1.0.1", "sha512-AAAA")).toBe(false);
  expect(approved("1.0.0", undefined)).toBe(false);
});
