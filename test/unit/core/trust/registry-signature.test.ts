import { generateKeyPairSync, sign } from "node:crypto";
import { expect, test } from "vitest";
import { signatureFlaw, type RegistryKey, type SignedRelease } from "@dibjs/core/trust/registry-signature.js";

const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const key: RegistryKey = {
  keyid: "SHA256:one",
  key: publicKey.export({ format: "der", type: "spki" }).toString("base64"),
  expires: null,
};
const sig = sign("sha256", Buffer.from("motd@1.0.0:sha512-AAAA"), privateKey).toString("base64");
const release: SignedRelease = {
  name: "motd",
  version: "1.0.0",
  integrity: "sha512-AAAA",
  published: "2026-01-01T00:00:00Z",
  signatures: [{ keyid: "SHA256:one", sig }],
};

test("a signature of this name, version and integrity holds", () => {
  expect(signatureFlaw(release, [key])).toBe(undefined);
  const another = { keyid: "SHA256:gone", sig: "AAAA" };
  expect(signatureFlaw({ ...release, signatures: [another, ...release.signatures] }, [key])).toBe(undefined);
});

test("a key that expired after the version was published still counts", () => {
  expect(signatureFlaw(release, [{ ...key, expires: "2026-06-01T00:00:00Z" }])).toBe(undefined);
});

test.each<[what: string, release: Partial<SignedRelease>, key: Partial<RegistryKey>, flaw: RegExp]>([
  ["no signature", { signatures: [] }, {}, /no signature/],
  ["a key nobody publishes", {}, { keyid: "SHA256:two" }, /does not publish/],
  ["an expired key", {}, { expires: "2025-06-01T00:00:00Z" }, /expired/],
  ["an expired key and no date", { published: undefined }, { expires: "2027-06-01T00:00:00Z" }, /expired/],
  ["another content", { integrity: "sha512-BBBB" }, {}, /not one of this content/],
  ["another version", { version: "1.0.1" }, {}, /not one of this content/],
  ["another name", { name: "motd2" }, {}, /not one of this content/],
  ["a key that is none", {}, { key: "AAAA" }, /not one of this content/],
])("%s is a flaw", (_, changed, changedKey, flaw) => {
  expect(signatureFlaw({ ...release, ...changed }, [{ ...key, ...changedKey }])).toMatch(flaw);
});
