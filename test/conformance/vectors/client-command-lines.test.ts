/**
 * How those who run diskimage-builder call it: their command lines and variables as their sources have them, with Debian's
 * elements in place of Ubuntu's. Each is read and planned; their own elements are empty folders here.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { discoverElements, loadConfig, planImage, requestedElements, type BuildConfig } from "@dibjs/core";
import { bundledElements } from "@dibjs/cli/bundled.js";
import { readCommandLine } from "@dibjs/cli/drop-in/getopt.js";
import { dropInOptions, readOptions } from "@dibjs/cli/drop-in/options.js";
import { toDropInRequest, type ImageCommand } from "@dibjs/cli/drop-in/request.js";
import { expect, test } from "vitest";
import { tempFolder } from "../../support/temp-folder.js";

interface ClientRow {
  readonly client: string;
  readonly command?: ImageCommand;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** What an element of theirs needs, one of ours among it. */
  readonly needs?: Readonly<Record<string, readonly string[]>>;
  /** What is asked for, in order. */
  readonly elements: string;
  /** Outputs, as they are named; undefined where the client's own elements decide. */
  readonly outputs?: readonly string[];
  readonly settings: Partial<BuildConfig>;
  readonly scriptsSee?: Readonly<Record<string, string>>;
}

const keys = "ssh-rsa AAAA one\nssh-ed25519 BBBB two\n";
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
          mount:
            mount_point: /
            fstab:
              options: "rw,relatime"
`;
const amphora =
  "vm debian-minimal haproxy-octavia rebind-sshd no-resolvconf amphora-agent octavia-lib sos cloud-init-datasources remove-default-ints amphora-apparmor keepalived-octavia ipvsadmin pip-cache certs-ramfs";
const octavia = {
  DIB_RELEASE: "bookworm",
  DIB_OCTAVIA_AMP_USE_NFTABLES: "True",
  DIB_CLOUD_INIT_DATASOURCES: "ConfigDrive",
};
/** Of its element-deps: what makes the build one without an image. */
const agent = { "ironic-python-agent-ramdisk": ["no-final-image"] };
const opendev = "simple-init openstack-repos nodepool-base growroot infra-package-needs cache-devstack";

const rows: readonly ClientRow[] = [
  {
    client: "Octavia, diskimage-create.sh: options that are not set are empty words",
    args: [
      "",
      "",
      "-a",
      "amd64",
      "-o",
      "/srv/amphora-x64-haproxy.qcow2",
      "-t",
      "qcow2",
      "--image-size",
      "2",
      "--image-cache",
      "/c",
      "",
      `base ${amphora}`,
    ],
    env: { ...octavia, DIB_GRUB_TIMEOUT: "0", DIB_REPOREF_amphora_agent: "master" },
    elements: `base base ${amphora} block-device-mbr`,
    outputs: ["/srv/amphora-x64-haproxy.qcow2"],
    settings: { imageSizeGiB: 2, cacheDir: "/c", arch: "amd64", debugTrace: 0, useTmpfs: true },
    scriptsSee: { ...octavia, DIB_GRUB_TIMEOUT: "0", DIB_REPOREF_amphora_agent: "master" },
  },
  {
    client: "Octavia with -l, -x and -m",
    args: [
      "--logfile=/tmp/log",
      "-x",
      "-a",
      "amd64",
      "-o",
      "amphora",
      "-t",
      "qcow2",
      "--image-size",
      "2",
      "--image-cache",
      "/c",
      "--no-tmpfs",
      `base ${amphora}`,
    ],
    elements: `base base ${amphora} block-device-mbr`,
    outputs: ["amphora.qcow2"],
    settings: { debugTrace: 1, useTmpfs: false },
  },
  {
    client: "ironic-python-agent-builder",
    args: ["-o", "ipa-debian", "ironic-python-agent-ramdisk", "debian-minimal", "extra-hardware"],
    env: {
      DIB_CHECKSUM: "sha256",
      DIB_INSTALLTYPE_pip_and_virtualenv: "package",
      DIB_REPOREF_ironic_python_agent: "origin/master",
      DIB_IPA_COMPRESS_CMD: "zstd -19",
    },
    needs: agent,
    elements: "base ironic-python-agent-ramdisk debian-minimal extra-hardware",
    outputs: [],
    settings: { output: "ipa-debian", checksums: ["sha256"] },
    scriptsSee: {
      DIB_INSTALLTYPE_pip_and_virtualenv: "package",
      DIB_REPOREF_ironic_python_agent: "origin/master",
      DIB_IPA_COMPRESS_CMD: "zstd -19",
    },
  },
  {
    client: "Ironic's devstack, the ramdisk: one word holds several elements",
    args: ["debian-minimal  iso", "-x", "-o", "/opt/tmp/ironic-agent", "ironic-python-agent-ramdisk"],
    env: { DIB_DHCP_TIMEOUT: "60", DIB_REPOLOCATION_ironic_lib: "/opt/stack/ironic-lib" },
    needs: agent,
    elements: "base debian-minimal iso ironic-python-agent-ramdisk",
    outputs: [],
    settings: { output: "/opt/tmp/ironic-agent", debugTrace: 1 },
    scriptsSee: { DIB_DHCP_TIMEOUT: "60", DIB_REPOLOCATION_ironic_lib: "/opt/stack/ironic-lib" },
  },
  {
    client: "Ironic's devstack, a whole disk",
    args: ["debian-minimal", "block-device-efi", "bootloader", "-x", "-o", "wholedisk"],
    elements: "base debian-minimal block-device-efi bootloader",
    outputs: ["wholedisk.qcow2"],
    settings: { debugTrace: 1 },
  },
  {
    client: "Ironic's devstack, a layout of its own in a file",
    args: [
      "debian-minimal bootloader block-device-efi-lvm growvols dracut-regenerate",
      "-t",
      "qcow2",
      "--image-size",
      "7",
      "-o",
      "lvm",
    ],
    env: { DIB_BLOCK_DEVICE_CONFIG: "file://layout.yaml", DIB_BLOCK_SIZE: "512" },
    elements: "base debian-minimal bootloader block-device-efi-lvm growvols dracut-regenerate",
    outputs: ["lvm.qcow2"],
    settings: { imageSizeGiB: 7, sectorSizeBytes: 512 },
  },
  {
    client: "Ironic's documentation",
    args: ["debian-minimal", "baremetal", "dhcp-all-interfaces", "grub2", "-o", "my-image"],
    elements: "base debian-minimal baremetal dhcp-all-interfaces grub2",
    outputs: ["my-image.qcow2"],
    settings: {},
  },
  {
    client: "nodepool-builder",
    args: [
      "-x",
      "-t",
      "qcow2,raw",
      "--checksum",
      "--no-tmpfs",
      "--qemu-img-options",
      "compat=0.10",
      "-o",
      "/opt/nodepool/images/debian-0000000001",
      "debian-minimal",
      "vm",
      ...opendev.split(" "),
    ],
    env: {
      ...{ DIB_RELEASE: "bookworm", DIB_IMAGE_NAME: "debian", DIB_IMAGE_FILENAME: "debian-0000000001" },
      ...{
        TMPDIR: "/opt/dib_tmp",
        DIB_JOURNAL_SIZE: "512",
        DIB_BLOCK_DEVICE_CONFIG: layout,
        ZUUL_USER_SSH_PUBLIC_KEY: keys,
      },
      ...{
        DIB_SHOW_IMAGE_USAGE: "1",
        DIB_APT_LOCAL_CACHE: "0",
        DIB_DISABLE_APT_CLEANUP: "1",
        DIB_DEBOOTSTRAP_EXTRA_ARGS: "--no-check-gpg",
      },
    },
    elements: `base debian-minimal vm ${opendev} block-device-mbr`,
    outputs: ["/opt/nodepool/images/debian-0000000001.qcow2", "/opt/nodepool/images/debian-0000000001.raw"],
    settings: {
      debugTrace: 1,
      checksums: ["md5", "sha256"],
      useTmpfs: false,
      qemuImgOptions: "compat=0.10",
      mkfsJournalSizeMiB: 512,
      tmpDir: "/opt/dib_tmp",
      blockDevice: layout,
    },
    scriptsSee: {
      DIB_RELEASE: "bookworm",
      DIB_IMAGE_NAME: "debian",
      DIB_IMAGE_FILENAME: "debian-0000000001",
      ZUUL_USER_SSH_PUBLIC_KEY: keys,
      DIB_DEBOOTSTRAP_EXTRA_ARGS: "--no-check-gpg",
    },
  },
  {
    client: "nodepool-builder for a cloud on Xen",
    args: ["-x", "-t", "raw,vhd", "--checksum", "--no-tmpfs", "-o", "/opt/nodepool/images/debian-1", "debian", "vm"],
    elements: "base debian vm block-device-mbr",
    outputs: ["/opt/nodepool/images/debian-1.raw", "/opt/nodepool/images/debian-1.vhd"],
    settings: { checksums: ["md5", "sha256"] },
  },
  {
    client: "OpenDev, tools/build-image.sh",
    args: ["-x", "--no-tmpfs", "-o", "test", "debian-minimal", "block-device-mbr", "vm", ...opendev.split(" ")],
    elements: `base debian-minimal block-device-mbr vm ${opendev}`,
    outputs: ["test.qcow2"],
    settings: { useTmpfs: false },
  },
  {
    client: "zuul-jobs, the role build-diskimage",
    args: [
      "-o",
      "/opt/images/debian",
      "-t",
      "qcow2,raw",
      "--logfile",
      "/var/log/diskimage-debian.log",
      "debian-minimal",
      "vm",
      "simple-init",
      "growroot",
      "devuser",
      "openssh-server",
      "journal-to-console",
      "openstack-ci-mirrors",
    ],
    env: { ROOT_LABEL: "gate-rootfs", DIB_DEV_USER_AUTHORIZED_KEYS: "/home/zuul/.ssh/id_rsa.pub" },
    elements:
      "base debian-minimal vm simple-init growroot devuser openssh-server journal-to-console openstack-ci-mirrors block-device-mbr",
    outputs: ["/opt/images/debian.qcow2", "/opt/images/debian.raw"],
    settings: { rootLabel: "gate-rootfs" },
    scriptsSee: { DIB_DEV_USER_AUTHORIZED_KEYS: "/home/zuul/.ssh/id_rsa.pub" },
  },
  {
    client: "StackHPC, the role os_images: options after the elements",
    args: [
      "--image-size",
      "10",
      "-t",
      "qcow2",
      "-p",
      "vim,less",
      "cloud-init",
      "enable-serial-console",
      "stable-interface-names",
      "debian-minimal",
      "vm",
      "-o",
      "debian",
      "-a",
      "amd64",
    ],
    elements: "base cloud-init enable-serial-console stable-interface-names debian-minimal vm block-device-mbr",
    outputs: ["debian.qcow2"],
    settings: { packages: ["vim", "less"], imageSizeGiB: 10, arch: "amd64" },
  },
  {
    client: "Kayobe's deployment image",
    args: [
      "debian-minimal",
      "dynamic-login",
      "enable-serial-console",
      "ironic-python-agent-ramdisk",
      "baremetal",
      "-o",
      "ipa",
    ],
    env: { DIB_IPA_COMPRESS_CMD: "zstd -19", DIB_CONTAINERFILE_RUNTIME: "docker" },
    needs: agent,
    elements: "base debian-minimal dynamic-login enable-serial-console ironic-python-agent-ramdisk baremetal",
    outputs: [],
    settings: { output: "ipa" },
    scriptsSee: { DIB_IPA_COMPRESS_CMD: "zstd -19", DIB_CONTAINERFILE_RUNTIME: "docker" },
  },
  {
    client: "Bifrost, all that its role can set",
    args: [
      "-x",
      "-u",
      "--no-tmpfs",
      "--offline",
      "-n",
      "-a",
      "amd64",
      "-o",
      "/httpboot/deployment_image",
      "-t",
      "qcow2",
      "--image-size",
      "10",
      "--image-cache",
      "/c",
      "--max-online-resize",
      "1000000",
      "--min-tmpfs",
      "5",
      "--mkfs-options",
      "-E nodiscard",
      "--qemu-img-options",
      "compat=1.1",
      "--root-label",
      "img",
      "--ramdisk-element",
      "dracut-ramdisk",
      "--install-type",
      "package",
      "-p",
      "vim,less",
      "debian-minimal",
      "vm",
      "serial-console",
      "simple-init",
    ],
    elements: "debian-minimal vm serial-console simple-init block-device-mbr",
    outputs: ["/httpboot/deployment_image.qcow2"],
    settings: {
      qcow2Compression: "none",
      useTmpfs: false,
      offline: true,
      base: false,
      imageSizeGiB: 10,
      cacheDir: "/c",
      maxOnlineResize: 1000000,
      minTmpfsGiB: 5,
      mkfsOptions: "-E nodiscard",
      qemuImgOptions: "compat=1.1",
      rootLabel: "img",
      ramdiskElement: "dracut-ramdisk",
      ramdisk: false,
      installType: "package",
      packages: ["vim", "less"],
    },
  },
  {
    client: "Bifrost, a ramdisk",
    command: "ramdisk-image-create",
    args: ["-x", "-a", "amd64", "-o", "/httpboot/ipa", "--ramdisk-element", "own-ramdisk", "debian-minimal"],
    elements: "own-ramdisk base debian-minimal",
    outputs: [],
    settings: { ramdisk: true, ramdiskElement: "own-ramdisk", output: "/httpboot/ipa" },
  },
  {
    client: "Bifrost, a ramdisk with all that its role can set but the element",
    command: "ramdisk-image-create",
    args: ["-a", "amd64", "-o", "/httpboot/ipa", "-t", "qcow2,tar", "-n", "-p", "vim", "--no-tmpfs", "debian-minimal"],
    elements: "ramdisk debian-minimal",
    outputs: ["/httpboot/ipa.tar"],
    settings: { ramdisk: true, ramdiskElement: "ramdisk", base: false, packages: ["vim"], useTmpfs: false },
  },
  {
    client: "Trove, trovestack build-image",
    args: [
      "-x",
      "-a",
      "amd64",
      "-o",
      "trove-debian.qcow2",
      "-t",
      "qcow2",
      "--image-size",
      "5",
      "--image-cache",
      "/c",
      "base",
      "vm",
      "openstack-ci-mirrors",
      "debian-minimal",
      "cloud-init-datasources",
      "pip-cache",
      "guest-agent",
      "debian-docker",
    ],
    env: {
      DIB_REPOLOCATION_guest_agent: "/opt/stack/trove",
      DIB_REPOREF_guest_agent: "0123abc",
      DIB_CLOUD_INIT_DATASOURCES: "ConfigDrive",
    },
    elements:
      "base base vm openstack-ci-mirrors debian-minimal cloud-init-datasources pip-cache guest-agent debian-docker block-device-mbr",
    outputs: ["trove-debian.qcow2"],
    settings: { imageSizeGiB: 5 },
    scriptsSee: { DIB_REPOLOCATION_guest_agent: "/opt/stack/trove", DIB_REPOREF_guest_agent: "0123abc" },
  },
  {
    client: "Manila, manila-image-create: -offline is -o ffline, and the later -o counts",
    args: [
      "-t",
      "qcow2",
      "-a",
      "amd64",
      "-offline",
      "-x",
      "-u",
      "-o",
      "manila-service-image",
      "debian-nfs",
      "debian-cifs",
      "manila-ssh",
      "vm",
      "manila-debian-minimal",
      "dhcp-all-interfaces",
    ],
    env: { DIB_DEFAULT_INSTALLTYPE: "package" },
    needs: { "manila-debian-minimal": ["debian-minimal"] },
    elements: "base debian-nfs debian-cifs manila-ssh vm manila-debian-minimal dhcp-all-interfaces block-device-mbr",
    outputs: ["manila-service-image.qcow2"],
    settings: { offline: false, qcow2Compression: "none", installType: "package" },
    scriptsSee: { DIB_DEFAULT_INSTALLTYPE: "package" },
  },
  {
    client: "Metal3, build-image.sh",
    args: ["--no-tmpfs", "-a", "amd64", "-o", "metal3-debian.qcow2", "debian-node", "block-device-efi"],
    env: { DIB_LOCAL_IMAGE: "/opt/base.qcow2", DIB_DEV_USER_USERNAME: "metal3ci", DIB_DEV_USER_PWDLESS_SUDO: "yes" },
    needs: { "debian-node": ["debian-minimal"] },
    elements: "base debian-node block-device-efi",
    outputs: ["metal3-debian.qcow2"],
    settings: { useTmpfs: false },
    scriptsSee: {
      DIB_LOCAL_IMAGE: "/opt/base.qcow2",
      DIB_DEV_USER_USERNAME: "metal3ci",
      DIB_DEV_USER_PWDLESS_SUDO: "yes",
    },
  },
  {
    client: "capo-image-elements",
    args: [
      "-t",
      "qcow2,raw",
      "-o",
      "debian-12-v1.30.0",
      "vm",
      "debian-minimal",
      "block-device-kubernetes",
      "kubernetes",
    ],
    env: {
      DIB_KUBERNETES_VERSION: "1.30.0",
      DIB_MIN_TMPFS: "4",
      DIB_SKIP_BASE_PACKAGE_INSTALL: "1",
      DIB_IMAGE_SIZE: "3",
      DIB_CLOUD_INIT_GROWPART_DEVICES: '["/", "/var"]',
    },
    elements: "base vm debian-minimal block-device-kubernetes kubernetes",
    outputs: ["debian-12-v1.30.0.qcow2", "debian-12-v1.30.0.raw"],
    settings: { minTmpfsGiB: 4, imageSizeGiB: 3 },
    scriptsSee: {
      DIB_KUBERNETES_VERSION: "1.30.0",
      DIB_SKIP_BASE_PACKAGE_INSTALL: "1",
      DIB_IMAGE_SIZE: "3",
      DIB_CLOUD_INIT_GROWPART_DEVICES: '["/", "/var"]',
    },
  },
  {
    client: "Shaken Fist",
    args: ["-u", "-o", "temp.qcow2", "debian-minimal", "vm", "cloud-init", "sf-agent"],
    elements: "base debian-minimal vm cloud-init sf-agent block-device-mbr",
    outputs: ["temp.qcow2"],
    settings: { qcow2Compression: "none" },
  },
  {
    client: "Sylva's kanod: packages add up",
    args: ["-a", "amd64", "-t", "qcow2", "-o", "node", "-p", "curl,jq", "-p", "vim", "debian-minimal", "vm", "kanod"],
    elements: "base debian-minimal vm kanod block-device-mbr",
    outputs: ["node.qcow2"],
    settings: { packages: ["curl", "jq", "vim"] },
  },
  {
    client: "OPNFV functest",
    args: ["--image-size", "20", "-o", "shaker", "debian", "vm", "shaker"],
    elements: "base debian vm shaker block-device-mbr",
    outputs: ["shaker.qcow2"],
    settings: { imageSizeGiB: 20 },
  },
];

const caller = { uid: 1000, gid: 1000, user: "ada", home: "/home/ada" };
const host = { arch: "amd64", caller, userCacheDir: "/home/ada/.cache" };

/** An empty folder for each element that is the client's own; a layout provides what `vm` needs. */
async function writeOwnElements(folder: string, { elements, needs = {} }: ClientRow): Promise<void> {
  const places = { elementPaths: [], projectDir: folder, bundled: await bundledElements(), caller };
  const { refs } = await discoverElements(places);
  for (const name of new Set(elements.split(" ").filter((each) => !refs.has(each)))) {
    const own = join(folder, "elements", name);
    mkdirSync(own, { recursive: true });
    writeFileSync(join(own, "README.rst"), name);
    if (needs[name] !== undefined) writeFileSync(join(own, "element-deps"), `${needs[name].join("\n")}\n`);
    if (name.startsWith("block-device-")) {
      writeFileSync(join(own, "element-provides"), "block-device\n");
      writeFileSync(join(own, "block-device-default.yaml"), layout);
    }
  }
  mkdirSync(join(folder, "elements"), { recursive: true });
  writeFileSync(join(folder, "layout.yaml"), layout);
}

test.each(rows)("$client", async (row) => {
  const { command = "disk-image-create", args, env: own = {}, elements, outputs, settings, scriptsSee = {} } = row;
  await using folder = await tempFolder();
  await writeOwnElements(folder.path, row);
  const env = { PATH: process.env["PATH"], HOME: "/home/ada", ELEMENTS_PATH: "elements", ...own };
  const { options, operands } = await readCommandLine({ command, options: dropInOptions, args, env });
  const request = toDropInRequest(readOptions({ options }), operands, { command, args, env, cwd: folder.path });
  const { images } = await loadConfig({ ...request, bundled: await bundledElements(), host });
  const [config] = images;
  if (config === undefined) throw new Error("no image");

  expect(requestedElements(config).map(({ name }) => name)).toEqual(elements.split(" "));
  expect(config).toMatchObject(settings);
  const { plan } = await planImage(config);
  expect(plan.elements.map(({ name }) => name)).toEqual(expect.arrayContaining(elements.split(" ")));
  if (outputs !== undefined)
    expect(plan.outputs.map(({ extension }) => `${plan.output}.${extension}`)).toEqual(outputs);
  const seen = Object.fromEntries(plan.environment.map(({ name, value }) => [name, value]));
  expect(seen).toMatchObject(scriptsSee);
});
