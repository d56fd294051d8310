import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";

/** Names of the packages that the image's dpkg has installed, sorted: read from its ext4 root without mounting it. */
export function readImagePackages(image) {
  const raw = `${image}.raw`;
  try {
    run("qemu-img", ["convert", "-O", "raw", image, raw]);
    const { partitiontable } = JSON.parse(run("sfdisk", ["--json", raw]));
    const sector = partitiontable.sectorsize ?? 512;
    for (const { start } of partitiontable.partitions) {
      const status = run("debugfs", ["-R", "cat /var/lib/dpkg/status", `${raw}?offset=${start * sector}`]);
      const names = status.split("\n\n").flatMap((stanza) => {
        const isInstalled = /^Status: install ok installed$/m.test(stanza);
        return isInstalled ? [/^Package: (.*)$/m.exec(stanza)?.[1] ?? ""] : [];
      });
      if (names.length > 0) return [...new Set(names)].sort();
    }
    throw new Error(`no partition of ${image} has packages of dpkg`);
  } finally {
    rmSync(raw, { force: true });
  }
}

function run(file, args) {
  const { status, stdout, stderr, error } = spawnSync(file, args, { encoding: "utf8", maxBuffer: 2 ** 28 });
  if (error) throw error;
  if (status !== 0 && file !== "debugfs") throw new Error(`${file} exited with ${status}: ${stderr}`);
  return stdout;
}
