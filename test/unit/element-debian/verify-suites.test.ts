import { expect, test } from "vitest";
import { keyringOf } from "@dibjs/element-debian/verify-suites.js";

const env = { DISTRO_NAME: "debian" };

test.each([
  ["the distribution's own keyring is the default", "", env, "/usr/share/keyrings/debian-archive-keyring.gpg"],
  ["a keyring that is given is used instead", "", { ...env, DIB_APT_KEYRING: "/k.gpg" }, "/k.gpg"],
  ["DIB's older variable counts too", "", { ...env, DIB_DEBIAN_KEYRING: "/old.gpg" }, "/old.gpg"],
  ["a source may name its own", "arch=amd64 signed-by=/s.gpg", { ...env, DIB_APT_KEYRING: "/k.gpg" }, "/s.gpg"],
  [
    "a source that names fingerprints is left to apt",
    "signed-by=F6ECB3762474EDA9D21B7022871920D1991BC93C",
    env,
    undefined,
  ],
  ["a source that is trusted anyway is not checked", "trusted=yes", env, undefined],
])("%s", (_, options, variables, keyring) => {
  expect(keyringOf(options, variables)).toBe(keyring);
});
