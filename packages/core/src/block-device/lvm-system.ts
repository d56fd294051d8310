/** An lvm of the build's own: it sees the disk that is being made and nothing else of the host, and the host's settings do not reach it. */
import { mkdtemp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { deviceMapperEnv } from "../workspace/mapped-devices.js";

/** For every lvm command of the build. */
export const lvmEnv = (systemDir: string): Readonly<Record<string, string>> => ({
  ...deviceMapperEnv,
  LVM_SYSTEM_DIR: systemDir,
  LVM_SUPPRESS_FD_WARNINGS: "1",
});

/** Makes the folder that LVM_SYSTEM_DIR names. */
export async function writeLvmSystem(imageDir: string, devices: readonly string[]): Promise<string> {
  const systemDir = await mkdtemp(join(imageDir, "lvm-"));
  await writeFile(join(systemDir, "lvm.conf"), formatLvmConf(systemDir, devices));
  return systemDir;
}

/**
 * No daemon is asked and none is told: dmeventd would watch a thin pool that is gone in a minute, and a host with
 * lvmlockd or a devices file of its own would refuse ours.
 */
export function formatLvmConf(systemDir: string, devices: readonly string[]): string {
  const filter = [...devices.map((device) => quoted(`a|^${escapePattern(device)}$|`)), quoted("r|.*|")].join(", ");
  return `devices {
  dir = "/dev"
  scan = [ "/dev" ]
  use_devicesfile = 0
  filter = [ ${filter} ]
  global_filter = [ ${filter} ]
  obtain_device_list_from_udev = 0
  external_device_info_source = "none"
  multipath_component_detection = 0
  md_component_detection = 0
  fw_raid_component_detection = 0
}
activation {
  udev_sync = 0
  udev_rules = 0
  monitoring = 0
}
global {
  locking_dir = ${quoted(`${systemDir}/lock`)}
  use_lvmlockd = 0
  use_lvmpolld = 0
  event_activation = 0
  system_id_source = "none"
}
backup {
  backup = 0
  archive = 0
}
`;
}

const quoted = (text: string): string => `"${text.replace(/["\\]/g, "\\$&")}"`;

const escapePattern = (device: string): string => device.replace(/[.+*?^$()[\]{}|\\]/g, "\\$&");
