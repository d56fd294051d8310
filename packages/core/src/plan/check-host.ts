/** What a plan needs of this machine, compared with what there is. Looks, and changes nothing. */
import { BuildError, throwFindings } from "../errors.js";
import { checkKernel, checkLoop, checkMapper, checkSecrets } from "./check-disk.js";
import { checkFolders, checkOutput, checkSpace } from "./check-places.js";
import { checkTools } from "./check-tools.js";
import { canRunForeign, isContainer, missingCapabilities, openProbe, type HostProbe } from "./host-probe.js";
import type { BuildPlaces, BuildPlan } from "./plan.js";

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

const dockerFlags =
  "docker run --privileged, or at least --cap-add SYS_ADMIN --cap-add MKNOD --security-opt seccomp=unconfined --security-opt apparmor=unconfined";

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

async function checkArch({ arch }: BuildPlan, probe: HostProbe): Promise<readonly BuildError[]> {
  return (await canRunForeign(arch, probe)) ? [] : [new BuildError("HOST_ARCH_UNFIT", { arch, host: probe.arch })];
}
