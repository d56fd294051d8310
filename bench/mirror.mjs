import { spawn } from "node:child_process";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const script = fileURLToPath(new URL("apt-cache.sh", import.meta.url));

/** MIRROR, which is taken to be warm, or a caching proxy of our own, whose files lie in `folder`. */
export async function openMirror(folder) {
  if (process.env.MIRROR) return { url: process.env.MIRROR.replace(/\/$/, ""), close: () => {} };
  const port = await freePort();
  const proxy = spawn(script, [`${folder}/apt-cache`, String(port)], { stdio: "ignore" });
  const url = `http://127.0.0.1:${port}/debian`;
  for (let tries = 0; tries < 50; tries++) {
    const answer = await fetch(`${url}/dists/bookworm/InRelease`).catch(() => undefined);
    if (answer?.ok) return { url, close: () => proxy.kill() };
    await sleep(200);
  }
  proxy.kill();
  throw new Error("the apt cache did not start; is apt-cacher-ng installed?");
}

/** apt-cacher-ng keeps the port in a signed 16-bit number: above 32767, where the kernel's own choice lies, it does not bind. */
async function freePort() {
  for (let port = 13242; port < 13342; port++) if (await isFree(port)) return port;
  throw new Error("no free port for apt-cacher-ng between 13242 and 13341");
}

function isFree(port) {
  return new Promise((resolve) => {
    const server = createServer().on("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
