/** What a plan needs of this machine, compared with what there is. Looks, and changes nothing. */
import { dirname } from "node:path";
import { BuildError, throwFindings } from "../errors.js";
import {
  canRunForeign,
  existingPart,
  hasFileSystem,
  hasMapper,
  hasModule,
  isContainer,
  missingCapabilities,
  mountOptions,
  openProbe,
  type HostProbe,
} from "./host-probe.js";
import { problemOfSecret, readBytes } from "./disk-secret.js";
import { coreTools, diskTools, dockerEngine, fatTools, packages, pythonModules } from "./host-tools.js";
import type { BuildPlaces, BuildPlan, PlannedHostCommand } from "./plan.js";

/**
 * Throws HOST_TOOL_MISSING, HOST_PRIVILEGE_MISSING, HOST_KERNEL_UNFIT, HOST_ARCH_UNFIT, HOST_SPACE_SHORT,
 * HOST_FOLDER_UNFIT, OUTPUT_UNWRITABLE, BLOCK_DEVICE_SECRET_UNUSABLE; SEVERAL_FINDINGS for more than one.
 */
export async function checkHost(
  plan: BuildPlan,
  places: BuildPlaces,
  probe: HostProbe = openProbe(places.path),
): Promise<void> {
  const findings = await Promise.all([
    checkTools(plan, probe),
    checkPrivileges(probe),
    checkLoop(plan, probe),
    checkKernel(plan, probe),
    checkMapper(plan, probe),
    checkSecrets(plan, places, probe),
    checkArch(plan, probe),
    checkFolders(plan, places, probe),
    checkOutput(plan, places, probe),
    checkSpace(places, probe),
  ]);
  throwFindings(findings.flat());
}

async function checkTools(plan: BuildPlan, probe: HostProbe): Promise<readonly BuildError[]> {
  const needed = distinctCommands([...(await commandsOfCore(plan, probe)), ...plan.hostCommands]);
  const missing = await missingCommands(needed, probe);
  const tools = missing.map(({ command, neededFor, debian, fedora, opensuse }) => ({
    tool: command,
    neededFor,
    debian: debian ?? packages[command]?.debian,
    fedora: fedora ?? packages[command]?.fedora,
    opensuse: opensuse ?? packages[command]?.opensuse,
  }));
  const all = [...tools, ...(await missingModules(needed, plan, probe))];
  return all.length === 0 ? [] : [new BuildError("HOST_TOOL_MISSING", { tools: all })];
}

/** Asked of the interpreter that scripts get; without one the interpreter itself is what is missing. */
async function missingModules(needed: readonly PlannedHostCommand[], { environment }: BuildPlan, probe: HostProbe) {
  const given = environment.find(({ name }) => name === "DIB_PYTHON_EXEC")?.value;
  const asked = needed.flatMap(({ command, neededFor, modules = [] }) =>
    modules.map((module) => ({ python: given ?? command, module, neededFor })),
  );
  const missing = await Promise.all(
    asked.map(async ({ python, module }) => {
      const isThere = python.includes("/") || (await probe.which(python)) !== undefined;
      return isThere && !(await probe.hasPythonModule(python, module));
    }),
  );
  return asked
    .filter((_, index) => missing[index])
    .map(({ python, module, neededFor }) => ({
      tool: `${python} module ${module}`,
      neededFor,
      ...pythonModules[module],
    }));
}

async function commandsOfCore(plan: BuildPlan, probe: HostProbe): Promise<readonly PlannedHostCommand[]> {
  const of = (commands: readonly string[], neededFor: string) => commands.map((command) => ({ command, neededFor }));
  return [
    ...of(coreTools, "every build"),
    ...of(plan.disk === undefined ? [] : diskTools, "the disk"),
    ...of(
      needsFat(plan) && (await hasFileSystem("vfat", probe)) === false ? fatTools : [],
      "FAT, which this kernel can't mount",
    ),
  ];
}

/** Several may need one program; the first that says where it comes from is kept. */
function distinctCommands(commands: readonly PlannedHostCommand[]): readonly PlannedHostCommand[] {
  const byName = new Map<string, PlannedHostCommand>();
  for (const command of commands) {
    const known = byName.get(command.command);
    byName.set(command.command, known === undefined ? command : { ...command, ...known, ...together(known, command) });
  }
  return [...byName.values()];
}

const together = (known: PlannedHostCommand, more: PlannedHostCommand) => ({
  neededFor: joined(known.neededFor, more.neededFor),
  modules: [...new Set([...(known.modules ?? []), ...(more.modules ?? [])])],
});

const joined = (reasons: string, reason: string): string =>
  reasons.split(", ").includes(reason) ? reasons : `${reasons}, ${reason}`;

async function missingCommands(
  commands: readonly PlannedHostCommand[],
  probe: HostProbe,
): Promise<readonly PlannedHostCommand[]> {
  const found = await Promise.all(
    commands.map(async ({ command, or = [] }) =>
      (await Promise.all([command, ...or].map((name) => isThere(name, probe)))).includes(true),
    ),
  );
  return commands.filter((_, index) => found[index] === false);
}

/** Most are programs in PATH; a path may be a folder of files that a program reads. */
async function isThere(command: string, probe: HostProbe): Promise<boolean> {
  if (command === dockerEngine) return probe.dockerAnswers();
  return (await (command.startsWith("/") ? probe.kindOf(command) : probe.which(command))) !== undefined;
}

const dockerFlags =
  "docker run --privileged, or at least --cap-add SYS_ADMIN --cap-add MKNOD --security-opt seccomp=unconfined --security-opt apparmor=unconfined";
export const loopFlags = "docker run --privileged -v /dev:/dev";

export async function checkPrivileges(probe: HostProbe): Promise<readonly BuildError[]> {
  const unraised = probe.uid === 0 ? undefined : await checkSudo(probe);
  if (unraised !== undefined) return [new BuildError("HOST_PRIVILEGE_MISSING", unraised)];
  const missing = await missingCapabilities(probe);
  if (missing.length === 0) return [];
  const reason = `Even root lacks ${missing.join(" and ")} here, which mounting and chroot need.`;
  const hint = (await isContainer(probe))
    ? `Start the container with: ${dockerFlags}`
    : "Run it outside the sandbox that took them away.";
  return [new BuildError("HOST_PRIVILEGE_MISSING", { reason, hint })];
}

/** The worker has no terminal for sudo to ask on: it would tangle with break points and with Ctrl-C. */
async function checkSudo(probe: HostProbe): Promise<{ reason: string; hint: string } | undefined> {
  if ((await probe.which("sudo")) === undefined)
    return { reason: "A build needs root, and there is no sudo.", hint: "Run it as root, or install sudo." };
  const refusal = await probe.sudoRefusal();
  if (refusal === undefined) return undefined;
  const hint = `Put sudo -E env "PATH=$PATH" before the command, which keeps proxies and DIB's variables; the image will be yours all the same.`;
  return { reason: `A build needs root, and sudo refused: ${refusal}`, hint };
}

/** Formats of the tree alone need no loop device. */
async function checkLoop(plan: BuildPlan, probe: HostProbe): Promise<readonly BuildError[]> {
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

async function checkKernel(plan: BuildPlan, probe: HostProbe): Promise<readonly BuildError[]> {
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

async function checkMapper({ disk }: BuildPlan, probe: HostProbe): Promise<readonly BuildError[]> {
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
async function checkSecrets(
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

const needsFat = (plan: BuildPlan): boolean => fileSystems(plan).some(isFat);
const isFat = (type: string): boolean => type === "vfat" || type === "fat";

const fileSystems = ({ disk }: BuildPlan): readonly string[] =>
  (disk?.nodes ?? [])
    .filter(({ type }) => type === "mkfs")
    .map(({ values }) => (typeof values.type === "string" ? values.type : (disk?.rootFsType ?? "")));

async function checkArch({ arch }: BuildPlan, probe: HostProbe): Promise<readonly BuildError[]> {
  return (await canRunForeign(arch, probe)) ? [] : [new BuildError("HOST_ARCH_UNFIT", { arch, host: probe.arch })];
}

/** statfs magic of overlayfs: what a container's own files lie on. It can't carry the writable part of another overlay. */
const overlayMagic = 0x794c7630;
const procMagic = 0x9fa0;

/** The work folders are root's to make; what they lie on must let programs run and carry an overlay. */
async function checkFolders(
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
  const [options, space] = [await mountOptions(there, probe), await probe.space(there)];
  if (options.includes("noexec"))
    findings.push(unfit("TMPDIR", tmpDir, "it is mounted noexec, so that no script could run"));
  if (space?.type === overlayMagic)
    findings.push(
      unfit(
        "TMPDIR",
        tmpDir,
        "it lies on an overlay itself, as in a container; use a volume, or let the build use tmpfs",
      ),
    );
  return findings;
}

/** DIB's rule, on total memory; the worker looks at what is free as well. */
async function usesTmpfs({ settings }: BuildPlan, probe: HostProbe): Promise<boolean> {
  const total = /^MemTotal:\s+(\d+)/m.exec((await probe.readText("/proc/meminfo")) ?? "")?.[1] ?? "0";
  return settings.useTmpfs && Number(total) >= settings.minTmpfsGiB * 2 * 2 ** 20;
}

async function checkOutput(plan: BuildPlan, { output }: BuildPlaces, probe: HostProbe): Promise<readonly BuildError[]> {
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
async function checkSpace({ tmpDir, output, cacheDir }: BuildPlaces, probe: HostProbe): Promise<readonly BuildError[]> {
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
