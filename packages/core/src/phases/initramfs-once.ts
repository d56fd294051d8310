import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { mustRun, type Exec } from "../process/exec.js";
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
export async function makeInitramfsOnce(target: TargetFiles, stack: ResourceStack, exec: Exec): Promise<void> {
  const isWanted = (await target.exists("/usr/bin/dpkg")) && (await target.exists("/usr/local/sbin"));
  if (!isWanted || (await target.exists(standIn)) || (await target.exists(kept))) return;
  const [program, functions, gzip] = await Promise.all(["mkinitramfs", "add-modules", "gzip"].map(readInside));
  await target.makeFolder(kept, 0o700);
  stack.defer("the initramfs that are kept", () => target.remove(kept));
  await target.makeFolder(`${kept}/sbin`);
  await target.write(`${kept}/add-modules`, functions ?? "");
  await target.write(`${kept}/sbin/mkinitramfs`, program ?? "", { mode: 0o755 });
  await target.write(`${kept}/gzip`, gzip ?? "", { mode: 0o755 });
  await serveCompression(await target.resolve(kept), stack, exec);
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

/** Compresses, on all cores, what `gzip` inside asks for. That takes half of the time of an initramfs, on one core. */
async function serveCompression(folder: string, stack: ResourceStack, exec: Exec): Promise<void> {
  if ((await exec("pigz", ["--version"])).exitCode !== 0) return;
  await mustRun(exec, "mkfifo", [join(folder, "ask"), join(folder, "answer")]);
  const stop = new AbortController();
  const served = exec("bash", ["--norc", "-c", serve, "serve", folder], { signal: stop.signal });
  stack.defer("the compression of initramfs", async () => {
    stop.abort();
    await served;
  });
}

/** Follows no link that a script may have put there: `set -C` opens what is not there yet only. */
const serve = `
set -C
cd -- "$1"
while read -r _ < ask; do
  rm -f cpio.gz
  [ ! -L cpio ] && pigz -c cpio > cpio.gz
  echo $? > answer
done`;

const readInside = (name: string): Promise<string> =>
  readFile(new URL(`../../libexec/inside/${name}`, import.meta.url), "utf8");
