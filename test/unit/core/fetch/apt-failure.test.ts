/** What apt 2.6, apt 3 and debootstrap 1.0.128 write, each as an error. */
import { readAptFailure } from "@dibjs/core/fetch/apt-failure.js";
import { expect, test } from "vitest";

const deb = "http://mirror.example/good/pool/main/base-files_12.4%2bdeb12u15_amd64.deb";
const index = "http://mirror.example/good/dists/noble/main/binary-amd64/Packages.gz";
const [expected, actual] = ["a", "b"].map((digit) => digit.repeat(64));
const gaveUp = "E: Unable to fetch some archives, maybe run apt-get update or try with --fix-missing?";
const refused = "E: The repository 'http://mirror.example/good noble InRelease' is not signed.";
const gpg = (reason: string) => `W: GPG error: http://mirror.example/good noble InRelease: ${reason}\n${refused}`;
const sqv = (reason: string) =>
  `W: OpenPGP signature verification failed: http://mirror.example/good noble InRelease: Sub-process /usr/bin/sqv returned an error code (1), error message is: ${reason}\n${refused}`;
const suite = "http://mirror.example/good noble";

test.each([
  [
    "a file with another content",
    `E: Failed to fetch ${deb}  Hash Sum mismatch
   Hashes of expected file:
    - SHA512:00
    - SHA256:${expected}
    - Filesize:83396 [weak]
   Hashes of received file:
    - SHA256:${actual}
${gaveUp}`,
    "FETCH_CHECKSUM_WRONG",
    { url: deb, expected, actual },
  ],
  [
    "a file with another content, of which the sums were cut off",
    `E: Failed to fetch ${index}  Hash Sum mismatch\n`,
    "FETCH_CHECKSUM_WRONG",
    { url: index },
  ],
  [
    "a file that is shorter",
    `E: Failed to fetch ${index}  File has unexpected size (64570 != 129141). Mirror sync in progress? [IP: 192.0.2.1 80]`,
    "FETCH_TRUNCATED",
    { url: index, gotBytes: 64570, expectedBytes: 129141 },
  ],
  [
    "a file that is longer",
    `E: Failed to fetch ${index}  File has unexpected size (129142 != 129141). Mirror sync in progress?`,
    "FETCH_CHECKSUM_WRONG",
    { url: index },
  ],
  [
    "a connection that is cut",
    `E: Failed to fetch ${deb}  Error reading from server. Remote end closed connection [IP: 192.0.2.1 80]\n${gaveUp}`,
    "FETCH_TRUNCATED",
    { url: deb },
  ],
  [
    "a wrong file among others that were not fetched at all",
    `E: Failed to fetch http://mirror.example/x.deb  404  Not Found\nE: Failed to fetch ${deb}  Hash Sum mismatch\n`,
    "FETCH_CHECKSUM_WRONG",
    { url: deb },
  ],
  [
    "a file that is not there",
    `E: Failed to fetch ${deb}  404  Not Found [IP: 192.0.2.1 80]\n${gaveUp}`,
    "FETCH_FAILED",
    { url: deb, reason: "404  Not Found [IP: 192.0.2.1 80]" },
  ],
  [
    "a suite that is not there",
    "E: The repository 'http://mirror.example/nothere noble Release' does not have a Release file.",
    "FETCH_FAILED",
    { url: "http://mirror.example/nothere/dists/noble", reason: "it has no Release file" },
  ],
  [
    "a suite that is too old",
    "E: Release file for http://mirror.example/dists/noble/InRelease is expired (invalid since 3d 1h). Updates for this repository will not be applied.",
    "FETCH_FAILED",
    { url: "http://mirror.example/dists/noble/InRelease" },
  ],
  [
    "a signature of something else",
    gpg("The following signatures were invalid: BADSIG 695D4E5C66A35E76 somebody"),
    "SIGNATURE_INVALID",
    { file: suite },
  ],
  [
    "a key that has expired",
    gpg("The following signatures were invalid: EXPKEYSIG 77C729B14E3A2120 somebody"),
    "SIGNATURE_KEY_EXPIRED",
    { file: suite, fingerprint: "77C729B14E3A2120" },
  ],
  [
    "a key that nobody knows",
    gpg(
      "The following signatures couldn't be verified because the public key is not available: NO_PUBKEY 6C0D8A7EDE43A09D",
    ),
    "SIGNATURE_KEY_UNTRUSTED",
    { file: suite, fingerprint: "6C0D8A7EDE43A09D" },
  ],
  [
    "a key that sqv does not know",
    sqv("Missing key 92CF4D2C0C5F1D8E0A3C7B1E6C0D8A7EDE43A09D, which is needed to verify signature."),
    "SIGNATURE_KEY_UNTRUSTED",
    { file: suite, fingerprint: "92CF4D2C0C5F1D8E0A3C7B1E6C0D8A7EDE43A09D" },
  ],
  ["a signature that sqv finds bad", sqv("Message has been manipulated"), "SIGNATURE_INVALID", { file: suite }],
  [
    "a file that debootstrap finds corrupt",
    `W: ${deb} was corrupt\nE: Couldn't download packages: base-files`,
    "FETCH_CHECKSUM_WRONG",
    { url: deb },
  ],
  [
    "a release that debootstrap can't get",
    "E: Failed getting release file http://mirror.example/dists/noble/Release",
    "FETCH_FAILED",
    { url: "http://mirror.example/dists/noble/Release" },
  ],
])("%s", (_, text, code, context) => {
  const cause = new Error("the script");
  expect(readAptFailure(`Get:1 something\n${text}\nE: mmdebstrap failed to run\n`, cause)).toMatchObject({
    code,
    kind: "fetch",
    context,
    cause,
  });
});

test.each([
  ["a script that failed for another reason", "E: Unable to locate package nothing-of-that-name\n"],
  ["a warning that apt went on after", `${gpg("BADSIG 695D4E5C66A35E76 somebody").split("\n")[0]}\nboom\n`],
  ["a line of a program that only speaks of a failure", `log: E: Failed to fetch ${deb}  Hash Sum mismatch\n`],
])("%s is not a failed fetch", (_, text) => {
  expect(readAptFailure(text, undefined)).toBeUndefined();
});

test("addresses are told without the user and password that programs repeat", () => {
  const said = "E: Couldn't download http://me:secret@mirror.example/dists/noble/Release\n";
  expect(readAptFailure(said, undefined)).toMatchObject({
    code: "FETCH_FAILED",
    context: { url: "http://mirror.example/dists/noble/Release" },
  });
});
