import { checkTmpfs } from "@dibjs/core/workspace/workspace.js";
import { expect, test } from "vitest";

const gib = 2 ** 20; // meminfo counts KiB
const host = (totalGiB: number, freeGiB: number, cgroup?: string) => async (file: string) => {
  if (file === "/proc/meminfo") return `MemTotal:       ${totalGiB * gib} kB\nMemAvailable:   ${freeGiB * gib} kB\n`;
  if (cgroup === undefined) throw new Error("ENOENT");
  return cgroup;
};

test.each([
  ["enough of both", host(24, 20), true],
  ["DIB's limit exactly: twice the minimum", host(4, 4), true],
  ["too little in all", host(3, 3), false],
  ["too little free", host(24, 3), false],
  ["a cgroup that allows less", host(24, 20, String(2 * 2 ** 30)), false],
  ["a cgroup without a limit", host(24, 20, "max"), true],
])("tmpfs: %s", async (_, read, fits) => {
  expect((await checkTmpfs(2, read)).fits).toBe(fits);
});
