/** edpm-image-builder: images written down in several files, which are merged by name, built by `diskimage-builder`. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { tableIn } from "../../../support/block-device-image.js";
import { anElement } from "../../../support/build-fixture.js";
import { ClientBuilds, infoOf, packagesBeside, sumsBeside, sumsOf, textIn } from "../../../support/client-builds.js";
import { writeDefinitions } from "../../../support/diskimage-builder.js";

/** As theirs, without the volumes that this kernel may not make. */
const layout = `- local_loop:
    name: image0
- partitioning:
    base: image0
    label: gpt
    partitions:
      - { name: bsp, type: EF02, size: 8MiB }
      - name: boot
        type: "8300"
        size: 512MiB
        mkfs:
          type: ext4
          label: boot
          mount:
            mount_point: /boot
            fstab: { options: "rw,relatime", fsck-passno: 2 }
      - name: root
        type: "8300"
        size: 100%
        mkfs:
          label: img-rootfs
          mount:
            mount_point: /
            fstab: { options: "rw,relatime", fsck-passno: 1 }
`;

const elements = [
  anElement("edpm-base")
    .dependsOn("package-installs")
    .file("package-installs.yaml", "jq:\n")
    .script("install.d/50-role", `set -eu\necho "$EDPM_ROLE of $EDPM_RELEASE" > /etc/edpm-role`),
  anElement("edpm-broken").script("extra-data.d/10-broken", "echo edpm is broken\nexit 3"),
];

const common = { types: ["qcow2", "raw"], "min-tmpfs": 7, "debug-trace": 1, checksum: true };

test("an image of three files is built once; the next fails, and --stop-on-failure leaves out the last", async () => {
  using builds = new ClientBuilds();
  builds.own(...elements);
  await builds.beginWithBase();
  const [hardened, broken, last] = ["hardened", "broken", "last"].map((name) => builds.at(`images/edpm-${name}`));
  const image = hardened ?? "";
  const environment = { DIB_BLOCK_DEVICE_CONFIG: layout, EDPM_RELEASE: "master", EDPM_ROLE: "any" };
  const files = writeDefinitions(builds.path, {
    "base.yaml": [{ imagename: image, ...common, environment, elements: ["debian-minimal", "vm"] }],
    "role.yaml": [
      { imagename: image, environment: { EDPM_ROLE: "compute" }, elements: ["edpm-base"], packages: ["bc"] },
    ],
    "more.yaml": [
      { imagename: image, "image-size": 3 },
      { imagename: broken, elements: ["debian-minimal", "edpm-broken"] },
      { imagename: last, elements: ["debian-minimal"] },
    ],
  });
  const { exitCode, stdout, stderr } = await builds.run("diskimage-builder", ["--stop-on-failure", ...files]);
  const log = stdout + stderr;
  expect(exitCode, log.slice(-6000)).toBe(1);
  expect(stderr.match(/^.*disk-image-create .*-o \S+/gm)?.map((line) => line.split(" ").at(-1))).toEqual([
    image,
    broken,
  ]);
  expect(log).toContain("edpm is broken");

  const made = ["d", ...["qcow2", "raw"].flatMap((type) => [type, `${type}.md5`, `${type}.sha256`])];
  expect(builds.images()).toEqual(made.map((ending) => `edpm-hardened.${ending}`));
  for (const file of [`${image}.qcow2`, `${image}.raw`]) expect(sumsBeside(file)).toEqual(sumsOf(file));
  expect(infoOf(`${image}.qcow2`)["virtual-size"]).toBe(3 * 2 ** 30);
  expect(tableIn(`${image}.raw`).partitions.map(({ name }) => name)).toEqual(["bsp", "boot", "root"]);
  expect(textIn(`${image}.raw`, "/etc/edpm-role")).toBe("compute of master\n");
  expect(packagesBeside(image)).toEqual(expect.arrayContaining(["jq", "bc"]));
  const asked = readFileSync(`${image}.d/dib-manifests/dib_arguments`, "utf8");
  expect(asked).toContain("debian-minimal vm edpm-base");
});
