/**
 * Picks keys out of an OpenPGP keyring by their full fingerprints, so that a keyring from an unchecked source can be
 * used: what is not pinned is left out. Keyrings are packets one after another (RFC 4880, section 4); a public-key
 * packet starts a key, and everything up to the next one belongs to it.
 */
import { createHash } from "node:crypto";

interface Packet {
  readonly tag: number;
  readonly body: Uint8Array;
  /** Header and body. */
  readonly bytes: Uint8Array;
}

const PUBLIC_KEY = 6;

export interface SelectedKeys {
  /** A binary keyring of the keys that were found. */
  readonly keyring: Uint8Array;
  /** Primary keys' fingerprints, 40 capital hex digits. */
  readonly found: readonly string[];
  /** Those of the keys that were left out. */
  readonly others: readonly string[];
}

/** Keys of a binary keyring whose fingerprints are among `fingerprints`. Throws a plain Error for bytes that are no keyring. */
export function selectKeys(keyring: Uint8Array, fingerprints: readonly string[]): SelectedKeys {
  const pinned = new Set(fingerprints.map((each) => each.toUpperCase()));
  const found: string[] = [];
  const others: string[] = [];
  const kept: Uint8Array[] = [];
  let isKept = false;
  for (const { tag, body, bytes } of packetsOf(keyring)) {
    if (tag === PUBLIC_KEY) {
      const fingerprint = fingerprintOf(body);
      isKept = fingerprint !== undefined && pinned.has(fingerprint);
      if (fingerprint !== undefined) (isKept ? found : others).push(fingerprint);
    }
    if (isKept) kept.push(bytes);
  }
  return { keyring: Buffer.concat(kept), found, others };
}

/** RFC 4880, 12.2: SHA-1 over 0x99, the length in two bytes and the body. Only version 4 keys have it. */
function fingerprintOf(body: Uint8Array): string | undefined {
  if (body[0] !== 4) return undefined;
  const head = Uint8Array.of(0x99, body.length >> 8, body.length & 0xff);
  return createHash("sha1").update(head).update(body).digest("hex").toUpperCase();
}

function* packetsOf(keyring: Uint8Array): Generator<Packet> {
  const view = Buffer.from(keyring.buffer, keyring.byteOffset, keyring.byteLength);
  for (let at = 0; at < view.length;) {
    const head = view.readUInt8(at);
    if ((head & 0x80) === 0) throw new Error("not an OpenPGP keyring");
    const { tag, start, length } = (head & 0x40) === 0 ? oldHeader(view, at, head) : newHeader(view, at, head);
    const end = start + length;
    if (end > view.length) throw new Error("the OpenPGP keyring is cut off");
    yield { tag, body: view.subarray(start, end), bytes: view.subarray(at, end) };
    at = end;
  }
}

interface Header {
  readonly tag: number;
  readonly start: number;
  readonly length: number;
}

/** RFC 4880, 4.2.1: the low two bits say how many bytes the length has. */
function oldHeader(view: Buffer, at: number, head: number): Header {
  const size = [1, 2, 4][head & 3];
  if (size === undefined) throw new Error("an OpenPGP packet of unknown length has no place in a keyring");
  return { tag: (head >> 2) & 0xf, start: at + 1 + size, length: view.readUIntBE(at + 1, size) };
}

/** RFC 4880, 4.2.2: the first byte of the length says how many there are. */
function newHeader(view: Buffer, at: number, head: number): Header {
  const tag = head & 0x3f;
  const first = view.readUInt8(at + 1);
  if (first < 192) return { tag, start: at + 2, length: first };
  if (first < 224) return { tag, start: at + 3, length: ((first - 192) << 8) + view.readUInt8(at + 2) + 192 };
  if (first === 255) return { tag, start: at + 6, length: view.readUInt32BE(at + 2) };
  throw new Error("an OpenPGP packet in pieces has no place in a keyring");
}
