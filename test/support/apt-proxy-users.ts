/** vitest's globalSetup of every project that may install packages: the proxy ends with the last test run. */
import { signIn, signOut } from "./apt-proxy.js";

export async function setup(): Promise<() => Promise<void>> {
  await signIn(process.pid);
  return () => signOut(process.pid);
}
