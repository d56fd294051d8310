/** The folders that a build works in and writes to. */
import { dirname } from "node:path";
import { BuildError } from "../errors.js";
import { existingPart, mountOptions, type HostProbe } from "./host-probe.js";
import type { BuildPlaces, BuildPlan } from "./plan.js";

const procMagic = 0x9fa0;

/** The work folders are root's to make; what they lie on must let programs run. */
export async function checkFolders(
  plan: BuildPlan,
  { tmpDir, cacheDir, lockDir }: BuildPlaces,
  probe: HostProbe,
): Promise<readonly BuildError[]> {
  const unfit = (setting: string, path: string, reason: string) =>
    new BuildError("HOST_FOLDER_UNFIT", { setting, path, reason });
  const findings: BuildError[] = [];
  for (const [setting, path] of [
    ["TMPDIR", tmpDir],
    ["--image-cache", cacheDir],
    ["DIB_LOCKFILES", lockDir],
  ] as const) {
    const there = await existingPart(path, probe);
    if ((await probe.kindOf(there)) !== "folder") findings.push(unfit(setting, path, `${there} is not a folder`));
    else if ((await probe.space(there))?.type === procMagic)
      findings.push(unfit(setting, path, `${there} is the kernel's, and takes no files`));
  }
  if (findings.length > 0 || (await usesTmpfs(plan, probe))) return findings;
  const there = await existingPart(tmpDir, probe);
  if ((await mountOptions(there, probe)).includes("noexec"))
    findings.push(unfit("TMPDIR", tmpDir, "it is mounted noexec, so that no script could run"));
  return findings;
}

/** DIB's rule, on total memory; the worker looks at what is free as well. */
async function usesTmpfs({ settings }: BuildPlan, probe: HostProbe): Promise<boolean> {
  const total = /^MemTotal:\s+(\d+)/m.exec((await probe.readText("/proc/meminfo")) ?? "")?.[1] ?? "0";
  return settings.useTmpfs && Number(total) >= settings.minTmpfsGiB * 2 * 2 ** 20;
}

export async function checkOutput(
  plan: BuildPlan,
  { output }: BuildPlaces,
  probe: HostProbe,
): Promise<readonly BuildError[]> {
  const folder = await existingPart(dirname(output), probe); // what is missing below it is made
  const unwritable = (path: string, reason: string) => [new BuildError("OUTPUT_UNWRITABLE", { path, reason })];
  const kind = await probe.kindOf(folder);
  if (kind !== "folder") return unwritable(output, `${folder} is not a folder`);
  if (!(await probe.canWrite(folder))) return unwritable(output, `the folder ${folder} is not writable`);
  const files = plan.outputs
    .filter(({ isFolder }) => isFolder !== true)
    .map(({ extension }) => `${output}.${extension}`);
  const kinds = await Promise.all(files.map((file) => probe.kindOf(file)));
  return files.flatMap((file, index) => (kinds[index] === "folder" ? unwritable(file, "it is a folder") : []));
}

const MiB = 2 ** 20;
/** The least that any image takes: what is needed beyond it shows only while building. */
const leastBytes = { tmpDir: 256 * MiB, output: 32 * MiB, cacheDir: 32 * MiB };

/** Places on one file system share its space. */
export async function checkSpace(
  { tmpDir, output, cacheDir }: BuildPlaces,
  probe: HostProbe,
): Promise<readonly BuildError[]> {
  const wanted = [
    { path: tmpDir, bytes: leastBytes.tmpDir },
    { path: dirname(output), bytes: leastBytes.output },
    { path: cacheDir, bytes: leastBytes.cacheDir },
  ];
  const fileSystemsUsed = new Map<number, { path: string; freeBytes: number; neededBytes: number }>();
  for (const { path, bytes } of wanted) {
    const space = await probe.space(await existingPart(path, probe));
    if (space === undefined) continue;
    const shared = fileSystemsUsed.get(space.device) ?? { path, freeBytes: space.freeBytes, neededBytes: 0 };
    fileSystemsUsed.set(space.device, { ...shared, neededBytes: shared.neededBytes + bytes });
  }
  return [...fileSystemsUsed.values()]
    .filter(({ freeBytes, neededBytes }) => freeBytes < neededBytes)
    .map((space) => new BuildError("HOST_SPACE_SHORT", space));
}
