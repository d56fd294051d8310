/** capo-image-elements: a node of Kubernetes as qcow2 and raw, whose own layout grows by a list of mount points in JSON. */
import { statSync } from "node:fs";
import { expect, test } from "vitest";
import { tableIn } from "../../../support/block-device-image.js";
import { anElement } from "../../../support/build-fixture.js";
import { ClientBuilds, infoOf, labelOf, packagesBeside, textIn } from "../../../support/client-builds.js";

/** As theirs, without the partition that this kernel may not mount. */
const layout = `- local_loop:
    name: image0
- partitioning:
    base: image0
    label: gpt
    partitions:
      - name: BSP
        type: EF02
        size: 8MiB
      - name: var
        type: 8300
        size: 1GiB
        mkfs:
          type: ext4
          label: k8s-var
          mount:
            mount_point: /var
            fstab: { options: "defaults,nodev", fsck-passno: 2 }
      - name: root
        type: 8300
        size: 100%
        mkfs:
          type: ext4
          mount:
            mount_point: /
            fstab: { options: defaults, fsck-passno: 1 }
`;

const elements = [
  anElement("block-device-kubernetes")
    .provides("block-device")
    .file("environment.d/10-partitioning", "export DIB_BLOCK_DEVICE=gpt\n")
    .file("block-device-default.yaml", layout),
  anElement("kubernetes")
    .dependsOn("cloud-init", "cloud-init-growpart", "package-installs", "sysctl")
    .file("package-installs.yaml", "ethtool:\nsocat:\n")
    .file("environment.d/10-kubernetes.bash", "export DIB_KUBERNETES_VERSION=${DIB_KUBERNETES_VERSION:?}\n")
    .script("post-install.d/10-forward", "set -eu\nsysctl-write-value net.ipv4.ip_forward 1")
    .script("install.d/60-kubelet", `set -eu\necho "$DIB_KUBERNETES_VERSION" > /var/lib/kubelet-version`),
];

test("both images are of the wanted size, in the client's layout, and cloud-init is told to grow what was listed", async () => {
  using builds = new ClientBuilds();
  builds.own(...elements);
  await builds.beginWithBase();
  const image = builds.at("images/debian-12-v1.30.0");
  const asked = ["vm", "debian-minimal", "block-device-kubernetes", "kubernetes"];
  await builds.build("disk-image-create", ["-t", "qcow2,raw", "-o", image, ...asked], {
    ...{
      DIB_KUBERNETES_VERSION: "1.30.0",
      DIB_MIN_TMPFS: "4",
      DIB_SKIP_BASE_PACKAGE_INSTALL: "1",
      DIB_IMAGE_SIZE: "3",
    },
    DIB_CLOUD_INIT_GROWPART_DEVICES: '["/", "/var"]',
  });

  expect(builds.images()).toEqual(["d", "qcow2", "raw"].map((ending) => `debian-12-v1.30.0.${ending}`));
  const raw = `${image}.raw`;
  expect(statSync(raw).size).toBe(3 * 2 ** 30);
  expect(infoOf(`${image}.qcow2`)).toMatchObject({ format: "qcow2", "virtual-size": 3 * 2 ** 30 });
  expect(tableIn(raw).partitions.map(({ name }) => name)).toEqual(["BSP", "var", "root"]);
  expect(labelOf(raw, 1)).toBe("k8s-var");
  expect(textIn(raw, "/lib/kubelet-version", 1)).toBe("1.30.0\n");
  expect(textIn(raw, "/etc/fstab")).toMatch(/^LABEL=k8s-var\s+\/var\s+ext4\s+defaults,nodev\s+0\s+2$/m);
  expect(textIn(raw, "/etc/cloud/cloud.cfg.d/55-growpart.cfg")).toMatch(/^ {2}devices: \["\/", "\/var"\]$/m);
  expect(textIn(raw, "/etc/sysctl.d/net.ipv4.ip_forward.conf")).toMatch(/ip_forward\s*=\s*1/);
  const packages = packagesBeside(image);
  expect(packages).toEqual(expect.arrayContaining(["cloud-init", "ethtool", "socat"]));
  expect(packages).not.toContain("curl"); // of base, which was told to leave its own out
});
