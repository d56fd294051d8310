import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { planImage } from "@dibjs/core/build.js";
import { loadConfig } from "@dibjs/core/config/load.js";
import { expect, test } from "vitest";
import { anElement } from "../../../support/build-fixture.js";
import { tempFolder } from "../../../support/temp-folder.js";

interface Asked {
  readonly flags?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
  /** Written beside the elements. */
  readonly files?: Readonly<Record<string, string>>;
  readonly isLive?: boolean;
}

async function planOf(formats: string, { flags = {}, env = {}, files = {}, isLive = false }: Asked = {}) {
  await using temp = await tempFolder();
  const folder = join(temp.path, "elements");
  mkdirSync(folder);
  anElement("os").provides("operating-system").script("root.d/10-os").writeTo(folder);
  anElement("live").script("install.d/10-live", "install-packages live-boot").writeTo(folder);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(temp.path, name), text);
  const { images } = await loadConfig({
    ...{ cwd: temp.path, elements: ["os", ...(isLive ? ["live"] : [])], elementPaths: [folder] },
    flags: { base: false, arch: "amd64", output: "image", formats, ...flags },
    env: { PATH: "/usr/bin:/bin", HOME: "/root", ...env },
  });
  const [config] = images;
  if (config === undefined) throw new Error("no image");
  return (await planImage(config)).plan;
}

const largeDisk =
  "[{ local_loop: { name: image0, size: 3TiB, mkfs: { name: mkfs_root, mount: { mount_point: / } } } }]";

const options = (qemuImgOptions: string): Asked => ({ flags: { qemuImgOptions } });

test.each<[formats: string, setting: string, asked: Asked, hint: string]>([
  ["qcow2", "qemuImgOptions", options("cluster_sise=65536"), "cluster_size"],
  ["qcow2", "qemuImgOptions", options("encrypt.format=luks"), "cluster_size"],
  ["vmdk,vdi", "qemuImgOptions", options("refcount_bits=8"), "adapter_type"],
  ["vmdk", "qemuImgOptions", options("subformat=monolithicFlat"), "streamOptimized"],
  ["vhd-fixed", "qemuImgOptions", options("subformat=dynamic"), "fixed"],
  ["docker", "dockerTarget", { flags: { dockerTarget: "Team/Image" } }, "small letters"],
  ["oci", "dockerTarget", { flags: { dockerTarget: "image:a:b" } }, "REPOSITORY:TAG"],
  ["tgz", "gzipProgram", { env: { DIB_GZIP_BIN: "gzip; reboot" } }, "pigz"],
  ["aci", "aciManifest", { env: { ACI_MANIFEST: "missing.json" } }, "image manifest"],
  ["aci", "aciManifest", { env: { ACI_MANIFEST: "m.json" }, files: { "m.json": "{" } }, "JSON"],
  ["aci", "aciManifest", { env: { ACI_MANIFEST: "m.json" }, files: { "m.json": `{"acKind":"x"}` } }, "image manifest"],
  ["vhd", "imageSizeGiB", { flags: { imageSizeGiB: "2041" } }, "vhdx"],
  [...(["vhd", "blockDevice"] as const), { env: { DIB_BLOCK_DEVICE_CONFIG: largeDisk } }, "vhdx"],
  ["vhd-fixed", "sectorSizeBytes", { flags: { sectorSizeBytes: "4096" } }, "512"],
  ["vmdk", "sectorSizeBytes", { env: { DIB_BLOCK_SIZE: "4096" } }, "512"],
  ["iso", "arch", { flags: { arch: "s390x", packages: "live-boot" } }, "Leave iso out"],
  ["iso", "formats", {}, "-p live-boot"],
  ["iso", "formats", { files: { "elements/os/README.rst": "Needs live-boot." } }, "-p live-boot"],
])("%s with a wrong %s is refused before anything runs", async (formats, setting, asked, hint) => {
  await expect(planOf(formats, asked)).rejects.toMatchObject({
    code: "CONFIG_RULE_BROKEN",
    context: { setting },
    hint: expect.stringContaining(hint) as string,
  });
});

test.each<[formats: string, asked: Asked]>([
  ["qcow2,vmdk", options("compat=0.10,subformat=monolithicSparse,adapter_type=lsilogic")],
  ["tar", options("anything=1")],
  ["vhd", options("subformat=fixed")],
  ["docker,oci", { flags: { dockerTarget: "registry.example.com:5000/team/image_2:v1.0" } }],
  ["tgz", { env: { DIB_GZIP_BIN: "/usr/bin/pigz -p 2" } }],
  ["iso", { flags: { packages: "live-boot" } }],
  ["iso", { isLive: true }],
  ["iso", { files: { "elements/os/package-installs.yaml": "live-boot:\n" } }],
  ["iso", { files: { "elements/os/package-installs-live.json": `{"live-boot": null}` } }],
])("%s with %j is planned", async (formats, asked) => {
  expect((await planOf(formats, asked)).outputs.map(({ format }) => format).join()).toBe(formats);
});

test("an unknown format names the nearest one", async () => {
  await expect(planOf("vhdd")).rejects.toMatchObject({ code: "FORMAT_UNKNOWN", context: { nearest: "vhd" } });
});

test.each([
  ["vhd", 2 * 2 ** 20],
  ["vhdx,qcow2", 2 ** 20],
  ["vhdx,vhd-fixed", 2 * 2 ** 20],
  ["qcow2,raw", undefined],
])("the disk of %s has a size that is a multiple of what they need", async (formats, expected) => {
  expect((await planOf(formats)).disk?.sizeMultipleBytes).toBe(expected);
});

test("the plan has the text of ACI_MANIFEST, which a path of this machine is no part of", async () => {
  const text = `{"acKind":"ImageManifest"}`;
  const asked = { env: { ACI_MANIFEST: "m.json" }, files: { "m.json": text } };
  expect((await planOf("aci", asked)).settings.aciManifest).toBe(text);
});

test.each([
  ["tgz", { env: { DIB_GZIP_BIN: "zopfli -x" } }, "zopfli"],
  ["tgz", {}, "gzip"],
  ["iso", { flags: { packages: "live-boot" } }, "/usr/lib/grub/x86_64-efi"],
  ["iso", { flags: { packages: "live-boot", arch: "arm64" } }, "/usr/lib/grub/arm64-efi"],
  ["oci-dir", {}, "umoci"],
  ["vhd", {}, "qemu-img"],
])("%s with %j needs %s", async (formats, asked, command) => {
  expect((await planOf(formats, asked)).hostCommands.map((each) => each.command)).toContain(command);
});
