/** ironic-python-agent-builder: a kernel, an initramfs that is the whole root, and one file with the sums of both. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { anElement } from "../../../support/build-fixture.js";
import { ClientBuilds, sumsOf } from "../../../support/client-builds.js";

/** They stand for the builder's, which rely on hooks on the host, on install types, and on a source in git. */
const elements = [
  anElement("ironic-python-agent-ramdisk")
    .dependsOn("install-static", "no-final-image", "package-installs", "pip-and-virtualenv", "source-repositories")
    .file("package-installs.yaml", "cpio:\nzstd:\n  when: DIB_IPA_COMPRESS_CMD != gzip\n")
    .file(
      "source-repository-ironic-python-agent",
      "ironic-python-agent git /opt/agent https://agent.invalid/ironic-python-agent\n",
    )
    .file("static/etc/agent.conf", "[DEFAULT]\n")
    .script("extra-data.d/15-ssl", `set -eu\necho "of $IMAGE_NAME" > "$TMP_HOOKS_PATH/agent-note"`)
    .script(
      "install.d/ironic-python-agent-ramdisk-source-install/60-agent",
      "set -eu\ncp /opt/agent/version /etc/agent-version\ncp /tmp/in_target.d/agent-note /etc/agent-note",
    )
    .script("install.d/ironic-python-agent-ramdisk-package-install/60-agent", "exit 1")
    .script("post-install.d/99-init", "ln -sf /sbin/init /init")
    .script(
      "cleanup.d/99-ramdisk-create",
      `set -euo pipefail
source $_LIB/img-functions
select_boot_kernel_initrd $TARGET_ROOT
sudo cp $BOOTDIR/$KERNEL $IMAGE_NAME.kernel
sudo chmod a+r $IMAGE_NAME.kernel
cd $TARGET_ROOT
sudo find . -xdev ! -path './boot/*' ! -path './tmp/*' | sudo busybox cpio -o -H newc | $DIB_IPA_COMPRESS_CMD > $IMAGE_NAME.initramfs`,
    ),
  anElement("extra-hardware").script("install.d/70-extra-hardware", "touch /etc/extra-hardware"),
];

/** A repository with a first commit, which is asked for, and a later one. */
function writeSource(folder: string): string {
  mkdirSync(folder);
  const git = (...args: readonly string[]) =>
    execFileSync("git", ["-C", folder, "-c", "user.name=ada", "-c", "user.email=ada@example.org", ...args], {
      encoding: "utf8",
    }).trim();
  git("init", "--quiet", "--initial-branch=master");
  const commit = (version: string) => {
    writeFileSync(join(folder, "version"), `${version}\n`);
    git("add", "version");
    git("commit", "--quiet", "-m", version);
  };
  commit("first");
  const asked = git("rev-parse", "HEAD");
  commit("second");
  return asked;
}

test("both files are there, with the agent of the wanted commit, and nothing else is", async () => {
  using builds = new ClientBuilds();
  builds.own(...elements);
  await builds.beginWithBase();
  const commit = writeSource(builds.at("agent"));
  const image = builds.at("images/ipa-debian");
  await builds.build(
    "disk-image-create",
    ["-o", image, "ironic-python-agent-ramdisk", "debian-minimal", "extra-hardware"],
    {
      ...{ DIB_CHECKSUM: "sha256", DIB_INSTALLTYPE_pip_and_virtualenv: "package", DIB_PYTHON_VERSION: "3" },
      ...{ DIB_REPOLOCATION_ironic_python_agent: builds.at("agent"), DIB_REPOREF_ironic_python_agent: commit },
      DIB_IPA_COMPRESS_CMD: "zstd -3 -T0",
    },
  );

  const names = ["ipa-debian.d", "ipa-debian.initramfs", "ipa-debian.kernel", "ipa-debian.sha256"];
  expect(builds.images()).toEqual(names);
  const sums = readFileSync(`${image}.sha256`, "utf8").trimEnd().split("\n");
  expect(sums.map((line) => line.split(/\s+/)[0]).sort()).toEqual(
    [`${image}.kernel`, `${image}.initramfs`].map((file) => sumsOf(file).sha256).sort(),
  );
  expect(execFileSync("file", ["--brief", `${image}.kernel`], { encoding: "utf8" })).toMatch(/^Linux kernel/);

  mkdirSync(builds.at("root"));
  const unpack = 'zstd -dc "$1" | busybox cpio -id etc/agent-version etc/agent-note etc/extra-hardware etc/agent.conf';
  execFileSync("sh", ["-c", unpack, "sh", `${image}.initramfs`], { cwd: builds.at("root"), stdio: "ignore" });
  const read = (path: string) => readFileSync(builds.at(join("root/etc", path)), "utf8");
  expect(["agent-version", "agent-note", "extra-hardware", "agent.conf"].map(read)).toEqual([
    "first\n",
    `of ${image}\n`,
    "",
    "[DEFAULT]\n",
  ]);
  expect(readFileSync(join(`${image}.d`, "dib-manifests/dib-manifest-git-ipa-debian"), "utf8")).toContain(commit);
});
