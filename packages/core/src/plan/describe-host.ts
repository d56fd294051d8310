/** What this host can build, in words a person reads: `dib doctor`. */
import { loopFlags } from "./check-disk.js";
import { checkPrivileges } from "./check-host.js";
import { canRunForeign, hasFileSystem, isContainer, openProbe, type HostProbe } from "./host-probe.js";
import { coreTools, diskTools, fatTools, packages } from "./host-tools.js";

/** One thing that a host can do, or what it lacks for it. */
export interface HostFact {
  readonly what: string;
  readonly ok: boolean;
  /** Without it nothing can be built. */
  readonly isRequired: boolean;
  readonly detail: string;
  /** A command, when one cures it. */
  readonly fix: string | undefined;
  /** What `fix` installs, under the names of this host's distribution. */
  readonly packages: readonly string[];
}

const systemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Programs in a list of lists: any one of the inner list will do. */
const abilities: readonly {
  readonly what: string;
  readonly programs: readonly (readonly string[])[];
  readonly fileSystem?: string;
  readonly isRequired?: boolean;
}[] = [
  { what: "every build", programs: coreTools.map((tool) => [tool]), fileSystem: "overlay", isRequired: true },
  { what: "disks with partitions", programs: [...diskTools, "sfdisk", "partx"].map((tool) => [tool]) },
  { what: "ext4", programs: [["mkfs.ext4"]], fileSystem: "ext4" },
  { what: "xfs", programs: [["mkfs.xfs"]], fileSystem: "xfs" },
  { what: "btrfs", programs: [["mkfs.btrfs"]], fileSystem: "btrfs" },
  { what: "vfat", programs: [["mkfs.vfat"], ...fatTools.map((tool) => [tool])] },
  { what: "output formats qcow2, vhd, vhdx, vmdk and vdi", programs: [["qemu-img"]] },
  { what: "output formats tar, tgz and aci", programs: [["tar"], ["pigz", "gzip"]] },
  { what: "output format squashfs", programs: [["mksquashfs"]] },
  { what: "output formats oci and oci-dir", programs: [["umoci"]] },
  {
    what: "output format iso",
    programs: [["mksquashfs"], ["grub-mkrescue", "grub2-mkrescue"], ["xorriso"], ["mformat"]],
  },
  { what: "Debian and Ubuntu elements", programs: [["mmdebstrap", "debootstrap"]] },
  { what: "dib boot", programs: [["qemu-system-x86_64"]] },
];

export async function describeHost(probe: HostProbe = openProbe(systemPath)): Promise<readonly HostFact[]> {
  const manager = await packageManager(probe);
  const found = await Promise.all([
    ...abilities.map((ability) => describeAbility(ability, manager, probe)),
    describeLoop(probe),
    describeKvm(probe),
    describeForeign(probe),
  ]);
  return [await describePrivileges(probe), ...found];
}

type Distribution = "debian" | "fedora" | "opensuse";
interface PackageManager {
  readonly distribution: Distribution;
  readonly command: string;
}

async function packageManager(probe: HostProbe): Promise<PackageManager> {
  const ids = [...((await probe.readText("/etc/os-release")) ?? "").matchAll(/^ID(?:_LIKE)?="?([^"\n]*)"?$/gm)]
    .map(([, id = ""]) => id)
    .join(" ");
  if (/fedora|rhel/.test(ids)) return { distribution: "fedora", command: "dnf install" };
  if (/suse/.test(ids)) return { distribution: "opensuse", command: "zypper install" };
  return { distribution: "debian", command: "apt-get install" };
}

async function describeAbility(
  { what, programs, fileSystem, isRequired = false }: (typeof abilities)[number],
  manager: PackageManager,
  probe: HostProbe,
): Promise<HostFact> {
  const paths = await Promise.all(programs.map((either) => Promise.all(either.map((name) => probe.which(name)))));
  const missing = programs
    .filter((_, index) => paths[index]?.every((path) => path === undefined))
    .map(([first = ""]) => first);
  const isInKernel = fileSystem === undefined ? true : await hasFileSystem(fileSystem, probe);
  const needed = [...new Set(missing.map((name) => packages[name]?.[manager.distribution] ?? name))];
  const lacking = [...missing, ...(isInKernel === false ? [`${fileSystem} in the kernel`] : [])];
  const fix =
    needed.length > 0
      ? `${manager.command} ${needed.join(" ")}`
      : isInKernel === false
        ? `modprobe ${fileSystem}`
        : undefined;
  return {
    what,
    ok: lacking.length === 0,
    isRequired,
    detail: lacking.length === 0 ? "ready" : `missing: ${lacking.join(", ")}`,
    fix,
    packages: needed,
  };
}

const fact = (what: string, ok: boolean, detail: string, fix?: string): HostFact => ({
  what,
  ok,
  isRequired: false,
  detail,
  fix: ok ? undefined : fix,
  packages: [],
});

async function describePrivileges(probe: HostProbe): Promise<HostFact> {
  const [problem] = await checkPrivileges(probe);
  const who = probe.uid === 0 ? "root" : `user ${probe.uid}, with sudo`;
  return { ...fact("privileges", problem === undefined, problem?.message ?? who, problem?.hint), isRequired: true };
}

async function describeLoop(probe: HostProbe): Promise<HostFact> {
  const has = (await probe.kindOf("/dev/loop-control")) !== undefined;
  return fact(
    "loop devices",
    has,
    has ? "ready" : "there is no /dev/loop-control: only formats of the tree, like tar",
    (await isContainer(probe)) ? loopFlags : "modprobe loop",
  );
}

/** Not needed for anything: without it `dib boot` is slow. */
async function describeKvm(probe: HostProbe): Promise<HostFact> {
  const has = await probe.canWrite("/dev/kvm");
  return fact("KVM", has, has ? "/dev/kvm is there" : "dib boot emulates, which is slow");
}

async function describeForeign(probe: HostProbe): Promise<HostFact> {
  const candidates = ["amd64", "arm64", "armhf", "ppc64el", "s390x", "riscv64"].filter((arch) => arch !== probe.arch);
  const can = await Promise.all(candidates.map((arch) => canRunForeign(arch, probe)));
  const ready = candidates.filter((_, index) => can[index] === true);
  return fact(
    "other architectures",
    ready.length > 0,
    ready.join(", ") || "none",
    "apt-get install qemu-user-static binfmt-support",
  );
}
