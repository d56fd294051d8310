/** nodepool-builder, with elements as OpenDev has them: the image, and a build that fails. */
import { readdirSync, statSync } from "node:fs";
import { expect, test } from "vitest";
import { tableIn } from "../../../support/block-device-image.js";
import { anElement } from "../../../support/build-fixture.js";
import {
  ClientBuilds,
  infoOf,
  labelOf,
  packagesBeside,
  sumsBeside,
  sumsOf,
  textIn,
} from "../../../support/client-builds.js";

/** They stand for OpenDev's; simple-network for DIB's simple-init, which fetches its source from the net. */
const elements = [
  anElement("simple-network").script("post-install.d/80-simple-network", "touch /etc/simple-network"),
  anElement("openstack-repos")
    .script("extra-data.d/50-list-repos", `set -eu\necho "$DIB_IMAGE_FILENAME" > "$TMP_HOOKS_PATH/repos"`)
    .script("install.d/50-keep-list", "set -eu\nmkdir -p /opt/cache\ncp /tmp/in_target.d/repos /opt/cache/repos"),
  anElement("nodepool-base")
    .file("environment.d/75-nodepool", "export NODEPOOL_SCRIPTDIR=/opt/nodepool-scripts\n")
    .script("install.d/20-scripts", `set -eu\nmkdir -p "$NODEPOOL_SCRIPTDIR"\necho "$DIB_IMAGE_NAME" > /etc/image-name`)
    .script("finalise.d/89-boot-files", "set -eu\nls /boot > /etc/boot-files"),
  anElement("infra-package-needs")
    .dependsOn("package-installs")
    .file("package-installs.yaml", "rsync:\nnano:\n  uninstall: True\n"),
  anElement("cache-devstack").script(
    "extra-data.d/55-cache",
    `set -eu\nmkdir -p "$DIB_IMAGE_CACHE/devstack"\necho cached > "$DIB_IMAGE_CACHE/devstack/file"`,
  ),
  anElement("zuul-worker").script(
    "install.d/60-zuul-worker",
    `set -eu\nuseradd -m zuul -s /bin/bash\ninstall -d -m 700 -o zuul -g zuul /home/zuul/.ssh
echo "$ZUUL_USER_SSH_PUBLIC_KEY" > /home/zuul/.ssh/authorized_keys`,
  ),
  anElement("broken").script("install.d/30-broken", "echo about to fail\nexit 7"),
];
const asked =
  "debian-minimal vm simple-network openstack-repos nodepool-base growroot infra-package-needs cache-devstack";

const keys = "ssh-rsa AAAA one\nssh-ed25519 BBBB two";
const layout = `- local_loop:
    name: image0
- partitioning:
    base: image0
    label: mbr
    partitions:
      - name: root
        flags: [boot, primary]
        size: 100%
        mkfs:
          label: nodepool-root
          mount:
            mount_point: /
            fstab:
              options: "rw,relatime"
`;

/** As `_buildImage` puts it together. */
const commandLine = (output: string, names: string): readonly string[] => [
  ...["-x", "-t", "qcow2,raw", "--checksum", "--no-tmpfs", "--qemu-img-options", "compat=0.10", "-o", output],
  ...names.split(" "),
];

const environment = (id: string) => ({
  ...{ DIB_RELEASE: "bookworm", DIB_IMAGE_NAME: "debian", DIB_IMAGE_FILENAME: id },
  ...{ DIB_BLOCK_DEVICE_CONFIG: layout, DIB_JOURNAL_SIZE: "512", DIB_SHOW_IMAGE_USAGE: "1" },
  ...{ DIB_APT_LOCAL_CACHE: "0", DIB_DISABLE_APT_CLEANUP: "1", DIB_DEBOOTSTRAP_EXTRA_ARGS: "--no-check-gpg" },
  ZUUL_USER_SSH_PUBLIC_KEY: keys,
});

test("the image, its sums and its folder are what the builder uploads and deletes", async () => {
  using builds = new ClientBuilds();
  builds.own(...elements);
  await builds.beginWithBase();
  const id = "debian-0000000001";
  const image = builds.at(`images/${id}`);
  const args = commandLine(image, `${asked} zuul-worker`);
  const log = await builds.build("disk-image-create", args, environment(id));
  expect(log).toContain("Build completed successfully");

  const files = [`${id}.qcow2`, `${id}.raw`].flatMap((file) => [file, `${file}.md5`, `${file}.sha256`]);
  expect(builds.images()).toEqual([...files, `${id}.d`].sort());
  for (const file of [`${image}.qcow2`, `${image}.raw`]) expect(sumsBeside(file)).toEqual(sumsOf(file));
  expect(infoOf(`${image}.qcow2`)).toMatchObject({
    format: "qcow2",
    "virtual-size": statSync(`${image}.raw`).size,
    "format-specific": { data: { compat: "0.10" } },
  });
  const { blocks, size } = statSync(`${image}.raw`);
  expect(blocks * 512).toBeLessThan(size); // the size that it reports

  const root = `${image}.raw`;
  expect(tableIn(root).partitions).toHaveLength(1);
  expect(labelOf(root)).toBe("nodepool-root");
  expect(textIn(root, "/home/zuul/.ssh/authorized_keys")).toBe(`${keys}\n`);
  expect(textIn(root, "/etc/image-name")).toBe("debian\n");
  expect(textIn(root, "/opt/cache/repos")).toBe(`${id}\n`);
  expect(textIn(root, "/etc/boot-files")).toContain("vmlinuz-");
  expect(textIn(root, "/etc/fstab")).toMatch(/^LABEL=nodepool-root\s+\/\s+ext4\s+rw,relatime\s/m);
  const packages = packagesBeside(image);
  expect(packages).toContain("rsync");
  expect(packages).not.toContain("nano");
  expect(readdirSync(builds.at("cache/devstack"))).toEqual(["file"]);
});

test("an element that fails: its exit code, its line in the log, and no file of an image", async () => {
  using builds = new ClientBuilds();
  builds.own(...elements);
  await builds.beginWithBase();
  const id = "debian-0000000002";
  const args = commandLine(builds.at(`images/${id}`), "debian-minimal vm nodepool-base broken");
  const { exitCode, stdout, stderr } = await builds.run("disk-image-create", args, environment(id));
  const log = stdout + stderr;
  expect(exitCode, log.slice(-3000)).toBe(1);
  expect(log).toContain("about to fail");
  expect(log).toContain("install.d/30-broken of element broken exited with 7.");
  expect(log).not.toContain("Build completed successfully");
  expect(builds.images()).toEqual([]);
});
