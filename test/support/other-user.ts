/** `dib` as an ordinary user, whom only this process and its children know. */
import { spawn, type ChildProcess } from "node:child_process";
import { chmodSync, chownSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Project } from "./toy-os.js";

export const otherUid = 4242;
const repository = fileURLToPath(new URL("../..", import.meta.url));

/** Makes the project's folders the user's. */
export function giveToOtherUser({ dir }: Project): void {
  chmodSync(dir, 0o755);
  for (const name of ["home", "out", "tmp"]) {
    mkdirSync(join(dir, name), { recursive: true });
    chownSync(join(dir, name), otherUid, otherUid);
  }
  for (const name of ["dibjs", "etc"]) mkdirSync(join(dir, name));
}

/**
 * A user and a rule of sudo that only this process and its children see: /etc is an overlay in a mount namespace of its
 * own. The clone is seen from a place that everybody may read.
 */
const asUser = `
set -eu
cd "$1"; shift
mount -t tmpfs tmpfs etc
mkdir etc/upper etc/work
mount -t overlay -o lowerdir=/etc,upperdir=etc/upper,workdir=etc/work overlay /etc
echo "dibber:x:${otherUid}:${otherUid}::$PWD/home:/bin/sh" >> /etc/passwd
echo "dibber:x:${otherUid}:" >> /etc/group
echo "dibber:*:20000::::::" >> /etc/shadow
install -m 440 /dev/stdin /etc/sudoers.d/dibber <<< "dibber ALL=(ALL) $RULE"
mount --bind "$REPOSITORY" dibjs
exec env -i "PATH=$USER_PATH" "HOME=$PWD/home" setpriv --reuid=${otherUid} --regid=${otherUid} --clear-groups "$@"
`;

export interface OtherUser {
  /** What sudo lets the user do. */
  readonly rule: string;
  readonly path?: string | undefined;
  /** A program of the project instead of `dib`. */
  readonly program?: string;
}

export function startAsOtherUser(
  { dir }: Project,
  args: readonly string[],
  { rule, path, program = "dibjs/packages/cli/dist/main.js" }: OtherUser,
): ChildProcess {
  const command = ["bash", "-c", asUser, "bash", dir, process.execPath, join(dir, program), ...args];
  const PATH = process.env["PATH"] ?? "";
  return spawn("unshare", ["--mount", ...command], {
    env: { PATH, USER_PATH: path ?? PATH, RULE: rule, REPOSITORY: repository },
    stdio: ["ignore", "pipe", "pipe"],
  });
}
