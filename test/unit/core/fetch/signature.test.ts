import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { selectKeys } from "@dibjs/core/fetch/keyring.js";
import { verifySignature } from "@dibjs/core/fetch/signature.js";
import { createExec } from "@dibjs/core/process/exec.js";
import { openSigningKey, tamper, type SigningKey } from "../../../support/signing-key.js";
import { tempFolder } from "../../../support/temp-folder.js";

const exec = createExec();
let temp: Awaited<ReturnType<typeof tempFolder>>;
let key: SigningKey, stranger: SigningKey, expired: SigningKey;
let file: string, signature: string;

beforeAll(async () => {
  temp = await tempFolder();
  key = await openSigningKey(join(temp.path, "key"));
  stranger = await openSigningKey(join(temp.path, "stranger"));
  expired = await openSigningKey(join(temp.path, "expired"), "expired");
  file = join(temp.path, "SHA256SUMS");
  signature = `${file}.gpg`;
  await writeFile(file, "0123 *image\n");
});
afterAll(() => temp[Symbol.asyncDispose]());

const verify = (keyring: string, ...trusted: string[]) => verifySignature({ file, signature, keyring, trusted }, exec);

describe("a signature", () => {
  test("by a trusted key gives that key's fingerprint", async () => {
    await key.sign(file, signature);
    expect(await verify(key.keyring, key.fingerprint.toLowerCase())).toBe(key.fingerprint);
  });

  test("of another content is SIGNATURE_INVALID", async () => {
    await key.sign(file, signature);
    await tamper(file, await readFile(file, "utf8"));
    await expect(verify(key.keyring, key.fingerprint)).rejects.toMatchObject({ code: "SIGNATURE_INVALID" });
  });

  test("that is no signature is SIGNATURE_INVALID", async () => {
    await writeFile(signature, "");
    await expect(verify(key.keyring, key.fingerprint)).rejects.toMatchObject({ code: "SIGNATURE_INVALID" });
  });

  test("by a key that has expired is SIGNATURE_KEY_EXPIRED and names it", async () => {
    await expired.sign(file, signature);
    await expect(verify(expired.keyring, expired.fingerprint)).rejects.toMatchObject({
      code: "SIGNATURE_KEY_EXPIRED",
      context: { fingerprint: expired.fingerprint },
    });
  });

  test("inside the file counts as one beside it, and without pinned keys each of the keyring is good", async () => {
    const inline = { file: `${file}.inline`, keyring: key.keyring, name: "InRelease" };
    await key.signInline(file, inline.file);
    expect(await verifySignature(inline, exec)).toBe(key.fingerprint);
    await tamper(inline.file, await readFile(inline.file, "utf8"), "0123");
    await expect(verifySignature(inline, exec)).rejects.toMatchObject({
      code: "SIGNATURE_INVALID",
      context: { file: "InRelease" },
    });
    await stranger.signInline(file, inline.file);
    await expect(verifySignature(inline, exec)).rejects.toMatchObject({
      code: "SIGNATURE_KEY_UNTRUSTED",
      context: { fingerprint: stranger.fingerprint, trusted: [] },
    });
  });

  test("by a key that is not in the keyring is SIGNATURE_KEY_UNTRUSTED and names it", async () => {
    await stranger.sign(file, signature);
    await expect(verify(key.keyring, key.fingerprint)).rejects.toMatchObject({
      code: "SIGNATURE_KEY_UNTRUSTED",
      context: { fingerprint: stranger.fingerprint },
    });
  });

  test("by a key that is in the keyring and not among the trusted ones is SIGNATURE_KEY_UNTRUSTED", async () => {
    await stranger.sign(file, signature);
    await expect(verify(stranger.keyring, key.fingerprint)).rejects.toMatchObject({ code: "SIGNATURE_KEY_UNTRUSTED" });
  });
});

describe("keys picked from a keyring", () => {
  test("are those that are pinned, and nothing else of it", async () => {
    const both = Buffer.concat([
      await readFile(stranger.keyring),
      await readFile(key.keyring),
      await readFile(expired.keyring),
    ]);
    const { keyring, found, others } = selectKeys(both, [key.fingerprint]);
    expect({ found, others }).toEqual({
      found: [key.fingerprint],
      others: [stranger.fingerprint, expired.fingerprint],
    });
    expect(Buffer.from(keyring)).toEqual(await readFile(key.keyring));
  });

  test("are none when none is pinned", async () => {
    expect(selectKeys(await readFile(key.keyring), [stranger.fingerprint])).toEqual({
      keyring: Buffer.alloc(0),
      found: [],
      others: [key.fingerprint],
    });
  });

  test("are looked for in binary keyrings only", () => {
    expect(() => selectKeys(Buffer.from("-----BEGIN PGP PUBLIC KEY BLOCK-----"), [])).toThrow("not an OpenPGP keyring");
    expect(() => selectKeys(Uint8Array.of(0x99, 0xff, 0xff, 4), [])).toThrow("cut off");
  });
});
