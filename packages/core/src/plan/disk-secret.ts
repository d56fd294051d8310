/** Secrets that a disk is made with: read where they lie, and never part of a plan. */
const mostBytes = 512; // what cryptsetup takes when a person types it

/** So much of a file is enough to know that it is too long. */
export const readBytes = mostBytes + 3;

/** Without the line's end of a file: nobody can type that at boot. */
export const secretText = (written: string): string => written.replace(/\r?\n$/, "");

/** Why a text can't be a passphrase; undefined when it can. */
export function problemOfSecret(written: string | undefined): string | undefined {
  if (written === undefined) return "it is not set";
  const text = secretText(written);
  if (text === "") return "it is empty";
  return Buffer.byteLength(text) > mostBytes ? `it is longer than ${mostBytes} bytes` : undefined;
}
