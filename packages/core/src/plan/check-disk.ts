/** What a plan, its disk above all, needs of the kernel, and the secrets of the disk. */
import { BuildError } from "../errors.js";
import { problemOfSecret, readBytes } from "./disk-secret.js";
import { hasFileSystem, hasMapper, hasModule, isContainer, type HostProbe } from "./host-probe.js";
import type { BuildPlaces, BuildPlan } from "./plan.js";

export const loopFlags = "docker run --privileged -v /dev:/dev";

/** Formats of the tree alone need no loop device. */
export async function checkLoop(plan: BuildPlan, probe: HostProbe): Promise<readonly BuildError[]> {
  if (plan.disk === undefined || (await probe.kindOf("/dev/loop-control")) !== undefined) return [];
  const formats = plan.outputs.filter(({ from }) => from === "disk").map(({ format }) => format);
  if (await isContainer(probe)) {
    const hint = `Start the container with: ${loopFlags}\nFormats of the tree alone, like tar, need none.`;
    return [
      new BuildError("HOST_PRIVILEGE_MISSING", {
        reason: `This container has no loop devices, which ${formats.join(", ")} needs.`,
        hint,
      }),
    ];
  }
  return [
    new BuildError("HOST_KERNEL_UNFIT", {
      feature: "loop devices (/dev/loop-control)",
      neededFor: formats.join(", "),
      hint: "modprobe loop",
    }),
  ];
}

export async function checkKernel(plan: BuildPlan, probe: HostProbe): Promise<readonly BuildError[]> {
  const needed = [
    { type: "overlay", neededFor: "the tree" },
    ...mountedFileSystems(plan).map((type) => ({ type, neededFor: `a file system of the disk` })),
  ];
  const has = await Promise.all(needed.map(({ type }) => hasFileSystem(type, probe)));
  return needed
    .filter((_, index) => has[index] === false)
    .map(
      ({ type, neededFor }) =>
        new BuildError("HOST_KERNEL_UNFIT", {
          feature: `the file system ${type}`,
          neededFor,
          hint: `modprobe ${type}`,
        }),
    );
}

/** What volumes and encrypted devices stand on, by their type in a config. */
const mapperModules = { lvm: [], luks: ["dm-crypt"], "thin-pool": ["dm-thin-pool"] } as const;

export async function checkMapper({ disk }: BuildPlan, probe: HostProbe): Promise<readonly BuildError[]> {
  const nodes = disk?.nodes ?? [];
  const types = new Set([...nodes.map(({ type }) => type), ...nodes.map(({ values }) => values.type)]);
  const needed = (["lvm", "luks", "thin-pool"] as const).filter((type) => types.has(type));
  if (needed.length === 0) return [];
  const missing = (feature: string, module: string) => [
    new BuildError("HOST_KERNEL_UNFIT", {
      feature,
      neededFor: needed.map((type) => `block device ${type}`).join(", "),
      hint: `modprobe ${module.replaceAll("-", "_")}\nA kernel without it can't make this disk: build on one that a distribution made, in a virtual machine if need be.`,
    }),
  ];
  if (!(await hasMapper(probe))) return missing("device mapper", "dm-mod");
  const targets = needed.flatMap((type) => mapperModules[type]);
  const has = await Promise.all(targets.map((target) => hasModule(target, probe)));
  return targets
    .filter((_, index) => has[index] === false)
    .flatMap((target) => missing(`device mapper's ${target}`, target));
}

/** A tree is built for minutes before its disk would miss them. */
export async function checkSecrets(
  { disk }: BuildPlan,
  { secrets }: BuildPlaces,
  probe: HostProbe,
): Promise<readonly BuildError[]> {
  const findings = (disk?.secrets ?? []).map(async ({ node, place }) => {
    const unusable = (from: string, reason: string | undefined) =>
      reason === undefined ? [] : [new BuildError("BLOCK_DEVICE_SECRET_UNUSABLE", { node, from, reason })];
    if ("variable" in place) return unusable(place.variable, problemOfSecret(secrets[place.variable]));
    const kind = await probe.kindOf(place.file);
    if (kind === undefined) return probe.uid === 0 ? unusable(place.file, "there is no such file") : []; // root may see it
    if (kind !== "file") return unusable(place.file, "it is no regular file");
    const text = await probe.readText(place.file, readBytes);
    return text === undefined ? [] : unusable(place.file, problemOfSecret(text)); // only root may read it
  });
  return (await Promise.all(findings)).flat();
}

/** Without FAT, which is filled in another way, and swap. */
const mountedFileSystems = (plan: BuildPlan): readonly string[] =>
  [...new Set(fileSystems(plan))].filter((type) => type !== "swap" && !isFat(type));

export const needsFat = (plan: BuildPlan): boolean => fileSystems(plan).some(isFat);
const isFat = (type: string): boolean => type === "vfat" || type === "fat";

const fileSystems = ({ disk }: BuildPlan): readonly string[] =>
  (disk?.nodes ?? [])
    .filter(({ type }) => type === "mkfs")
    .map(({ values }) => (typeof values.type === "string" ? values.type : (disk?.rootFsType ?? "")));
