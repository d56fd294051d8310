import { readFile } from "node:fs/promises";
import type { ResourceStack } from "../workspace/resource-stack.js";
import type { TargetFiles } from "../workspace/target.js";

/** Its folder is the first in the PATH of scripts inside the target. */
const standIn = "/usr/local/sbin/mkinitramfs";
const kept = "/tmp/dib-initramfs";

/**
 * Until the stack is closed, an initramfs of the target is made once for all who ask for the same. Making one starts some
 * ten thousand processes, and a kernel that is installed asks for it twice. Nothing is done in a target without dpkg, whose
 * packages do not ask in this way, and where the folder is missing or the program there already.
 */
export async function makeInitramfsOnce(target: TargetFiles, stack: ResourceStack): Promise<void> {
  const isWanted = (await target.exists("/usr/bin/dpkg")) && (await target.exists("/usr/local/sbin"));
  if (!isWanted || (await target.exists(standIn)) || (await target.exists(kept))) return;
  const program = await readFile(new URL("../../libexec/inside/mkinitramfs", import.meta.url), "utf8");
  await target.makeFolder(kept, 0o700);
  stack.defer("the initramfs that are kept", () => target.remove(kept));
  await target.write(standIn, program, { mode: 0o755 });
  stack.defer("what stands before mkinitramfs", async () => {
    if ((await target.read(standIn)) === program) await target.remove(standIn); // else an element's own
  });
}
