/** What DIB's scripts find in their environment, phase by phase: real phases on a disk, and a probe in each of them. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { phases, type PhaseName } from "@dibjs/core/phases/table.js";
import { outputOf, Project } from "../support/toy-os.js";

let project: Project;
const seen = new Map<string, Readonly<Record<string, string>>>();

/** A line for each variable; a newline in a value is written as U+0001. */
const dump = `env -0 | tr '\\n\\0' '\\001\\n'`;

beforeAll(async () => {
  project = new Project();
  for (const { name } of phases) project.script(`${name}.d/99-probe-${name}`, dump);
  const flags = { formats: ["qcow2"], debugTrace: 1 };
  const { events } = await project.build({ flags });
  for (const { name } of phases) seen.set(name, readVariables(outputOf(events, `99-probe-${name}`)));
});

afterAll(() => project[Symbol.dispose]());

const readVariables = (lines: readonly string[]) =>
  Object.fromEntries(
    lines
      .filter((line) => line.includes("="))
      .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1).replaceAll("\u0001", "\n")]),
  );

const names = phases.map(({ name }) => name);
const from = (first: PhaseName): readonly PhaseName[] => names.slice(names.indexOf(first));
const outside = phases.filter(({ place }) => place === "host").map(({ name }) => name);

/** Which phases see a variable. */
const variables: Readonly<Record<string, readonly PhaseName[]>> = {
  ...Object.fromEntries(
    `LC_ALL ARCH IMAGE_NAME IMAGE_TYPE FS_TYPE IMAGE_ELEMENT IMAGE_ELEMENT_YAML ELEMENTS_PATH DIB_ARGS DIB_ENV
     DIB_DEBUG_TRACE DIB_IMAGE_CACHE DIB_LOCKFILES DIB_OFFLINE DIB_CHECKSUM DIB_NO_TMPFS DIB_MIN_TMPFS DIB_PYTHON_EXEC
     _LIB PATH PS4 HOME TMP_BUILD_DIR TMP_IMAGE_DIR TMP_HOOKS_PATH TMP_MOUNT_PATH OUT_IMAGE_PATH
     DIB_ROOT_LABEL DIB_ROOT_FSTYPE DIB_BOOT_LABEL DIB_MOUNTPOINTS
     BASH_FUNC_get_image_element_array%% BASH_FUNC_die%% BASH_FUNC__ps4%%`
      .split(/\s+/)
      .map((name) => [name, names]),
  ),
  TARGET_ROOT: outside,
  DIB_DEFAULT_INSTALLTYPE: from("extra-data"),
  DIB_IMAGE_SIZE: from("block-device"),
  IMAGE_BLOCK_DEVICE: from("pre-finalise"),
  IMAGE_BLOCK_DEVICES: from("pre-finalise"),
};

test.each(Object.entries(variables))(
  "%s is there in the phases that DIB sets it for, and in no other",
  (name, expected) => {
    expect(names.filter((phase) => seen.get(phase)?.[name] !== undefined)).toEqual(expected);
  },
);

describe("the values", () => {
  const at = (phase: PhaseName) => seen.get(phase) ?? {};

  test("are the same outside and inside, but for what belongs to the host", () => {
    const changed = Object.keys(variables).filter((name) => at("extra-data")[name] !== at("install")[name]);
    expect(changed.sort()).toEqual(["DIB_PYTHON_EXEC", "HOME", "PATH", "TARGET_ROOT"]);
  });

  test("inside: root's home, the usual program folders and the image's own Python", () => {
    expect(at("install")).toMatchObject({
      HOME: "/root",
      PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      DIB_PYTHON_EXEC: "/usr/bin/python3",
    });
  });

  test("_LIB and what lies in it are in the work folder, whose path has a space only if the user's TMPDIR has one", () => {
    const { _LIB, DIB_PYTHON_EXEC, TMP_BUILD_DIR } = at("extra-data");
    expect({ _LIB, DIB_PYTHON_EXEC }).toEqual({
      _LIB: `${TMP_BUILD_DIR}/lib`,
      DIB_PYTHON_EXEC: `${TMP_BUILD_DIR}/lib/dib-python-exec`,
    });
  });

  test("of the disk are those of the layout, from the first phase on", () => {
    expect(at("root")).toMatchObject({
      DIB_ROOT_LABEL: "cloudimg-rootfs",
      DIB_ROOT_FSTYPE: "ext4",
      DIB_BOOT_LABEL: "",
      DIB_MOUNTPOINTS: "/",
    });
    const { IMAGE_BLOCK_DEVICE, IMAGE_BLOCK_DEVICES, DIB_IMAGE_SIZE } = at("finalise");
    expect(IMAGE_BLOCK_DEVICE).toMatch(/^\/dev\/loop\d+$/);
    expect(IMAGE_BLOCK_DEVICES).toBe(` [image0]=${IMAGE_BLOCK_DEVICE} `);
    expect(Number(DIB_IMAGE_SIZE) % 64).toBe(0);
  });
});

describe("the functions", () => {
  test("die fails the script, get_image_element_array names each element's folder", async () => {
    project.script(
      "extra-data.d/10-functions",
      'declare -A found\neval "found=($(get_image_element_array))"\ntest -x "${found[toy-os]}/root.d/10-toy-os"\n(true; die "no way" 2>&1) || echo "status $?"',
    );
    const { events } = await project.build();
    expect(outputOf(events, "10-functions")).toEqual(["no way", "status 1"]);
  });

  // As DIB exports it. bash takes PS4 from the environment only if it is not root who runs it, so the script sets it here.
  test("a trace with DIB's PS4 says file, line and function of each command, outside and inside", async () => {
    for (const phase of ["extra-data", "install"])
      project.script(`${phase}.d/20-trace-${phase}`, "work() { true; }\nPS4='+ $(_ps4):   '\nset -x\nwork");
    const { events } = await project.build();
    const place = (phase: string, line: string) => `${phase}.d/20-trace-${phase}:${line}`;
    const traceOf = (phase: string) =>
      outputOf(events, `20-trace-${phase}`).map((line) => line.replace(/ +/g, " ").replace("/tmp/in_target.d/", ""));
    for (const phase of ["extra-data", "install"])
      expect(traceOf(phase)).toEqual([`+ ${place(phase, "6:main")} : work`, `+ ${place(phase, "3:work")} : true`]);
  });
});

test("a script can source the library and run a command line in the target", async () => {
  project.script(
    "extra-data.d/30-library",
    'set -o pipefail\nsource "$_LIB/common-functions"\nsource "$_LIB/img-functions"\nexport FROM=here\nrun_in_target "echo \\$FROM \\$HOME > /etc/mark"\ncat "$TARGET_ROOT/etc/mark"',
  );
  const { events } = await project.build();
  expect(outputOf(events, "30-library")).toEqual(["here /root"]);
});
