import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { ResourceStack } from "../workspace/resource-stack.js";
import type { TargetFiles } from "../workspace/target.js";

/** Its folder is the first in the PATH of scripts inside the target. */
const standIn = "/usr/local/sbin/mkinitramfs";
const kept = "/tmp/dib-initramfs";

/** apt runs dpkg with a PATH of its own, whose default has no folder under /usr/local. One that the image sets comes later and wins. */
const aptSettings = "/etc/apt/apt.conf.d/00dib-initramfs";
const aptPath = `DPkg::Path "${kept}/sbin:/usr/sbin:/usr/bin:/sbin:/bin";\n`;

/**
 * Until the stack is closed, an initramfs of the target is made once for all who ask for the same. Making one starts some
 * ten thousand processes, and a kernel that is installed asks for it twice. Nothing is done in a target without dpkg, whose
 * packages do not ask in this way, and where the folder is missing or the program there already.
 */
export async function makeInitramfsOnce(target: TargetFiles, stack: ResourceStack): Promise<void> {
  const isWanted = (await target.exists("/usr/bin/dpkg")) && (await target.exists("/usr/local/sbin"));
  if (!isWanted || (await target.exists(standIn)) || (await target.exists(kept))) return;
  const [program, functions] = await Promise.all(["mkinitramfs", "add-modules"].map(readInside));
  await target.makeFolder(kept, 0o700);
  stack.defer("the initramfs that are kept", () => target.remove(kept));
  await target.makeFolder(`${kept}/sbin`);
  await target.write(`${kept}/add-modules`, functions ?? "");
  await target.write(`${kept}/sbin/mkinitramfs`, program ?? "", { mode: 0o755 });
  const put = async (path: string, content: string, mode: number) => {
    await target.write(path, content, { mode });
    stack.defer(`${path}, which is the build's`, async () => {
      if ((await target.read(path)) === content) await target.remove(path); // else an element's own
    });
  };
  await put(standIn, program ?? "", 0o755);
  const hasApt = await target.exists(dirname(aptSettings));
  if (hasApt && !(await target.exists(aptSettings))) await put(aptSettings, aptPath, 0o644);
}

const readInside = (name: string): Promise<string> =>
  readFile(new URL(`../../libexec/inside/${name}`, import.meta.url), "utf8");
