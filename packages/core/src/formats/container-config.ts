import { targetFiles } from "../workspace/target.js";

/** What an engine runs when it is told nothing, and where that looks for programs. */
export interface ContainerConfig {
  readonly command: readonly string[];
  readonly environment: readonly string[];
  /** As Go names it. */
  readonly architecture: string;
}

const arches: Readonly<Record<string, string>> = {
  armhf: "arm",
  armel: "arm",
  i386: "386",
  ppc64el: "ppc64le",
};

/** The architecture as Docker and the OCI name it. */
const goArch = (arch: string): string => arches[arch] ?? arch;

export async function containerConfig(arch: string, root: string): Promise<ContainerConfig> {
  const hasBash = await targetFiles(root).exists("/bin/bash");
  return {
    command: [hasBash ? "/bin/bash" : "/bin/sh"],
    environment: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
    architecture: goArch(arch),
  };
}
