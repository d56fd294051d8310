/** One of the ten phases: where its scripts run and which root they see. */
export interface PhaseInfo {
  readonly name: PhaseName;
  /** `host`: outside, on the build host's side of the worker. `chroot`: as root inside the target. */
  readonly place: "host" | "chroot";
  /** `tree`: the overlay that is being built. `disk`: the mounted disk; the tree when no disk is made. */
  readonly root: "tree" | "disk";
}

export const phaseNames = [
  "root",
  "extra-data",
  "pre-install",
  "install",
  "post-install",
  "post-root",
  "block-device",
  "pre-finalise",
  "finalise",
  "cleanup",
] as const;

export type PhaseName = (typeof phaseNames)[number];

const inChroot: ReadonlySet<PhaseName> = new Set(["pre-install", "install", "post-install", "finalise"]);
const onDisk: ReadonlySet<PhaseName> = new Set(["pre-finalise", "finalise", "cleanup"]);

/** The ten phases in order (DIB's pipeline). block-device runs with the tree parked and no disk yet. */
export const phases: readonly PhaseInfo[] = phaseNames.map((name) => ({
  name,
  place: inChroot.has(name) ? "chroot" : "host",
  root: onDisk.has(name) ? "disk" : "tree",
}));

export const breakPoints: readonly string[] = [
  // The last is no phase: a ramdisk's element runs it inside one.
  ...[...phaseNames, "ramdisk-install"].flatMap((name) => [`before-${name}`, `after-${name}`]),
  "after-error",
];
