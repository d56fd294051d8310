/** Octavia's diskimage-create.sh: an amphora, booted to a login that its load balancer answers at. */
import { statSync } from "node:fs";
import { expect, test } from "vitest";
import { anElement } from "../../../support/build-fixture.js";
import { ClientBuilds, infoOf, packagesBeside } from "../../../support/client-builds.js";
import { runDib } from "../../../support/dib.js";

const installs = (name: string, text: string) =>
  anElement(name).dependsOn("package-installs").file("package-installs.yaml", text);

/** They stand for Octavia's. */
const elements = [
  installs("haproxy-octavia", "haproxy:\n")
    .script("pre-install.d/20-repository", "set -eu\ninstall -d -m 755 /var/lib/octavia")
    .script("post-install.d/20-haproxy", "set -eu\nsystemctl disable haproxy.service"),
  installs("keepalived-octavia", "keepalived:\n"),
  installs("ipvsadmin", "ipvsadm:\n"),
  installs("amphora-apparmor", "apparmor:\n"),
  installs("sos", "sosreport:\n").file("pkg-map", '{ "family": { "debian": { "sosreport": "sosreport" } } }'),
  anElement("rebind-sshd").dependsOn("openssh-server").script("install.d/90-dhclient", "touch /etc/rebind-sshd"),
  anElement("no-resolvconf").script(
    "finalise.d/99-disable-resolv-conf",
    "rm -f /etc/resolv.conf\ntouch /etc/resolv.conf",
  ),
  anElement("amphora-agent")
    .dependsOn("dib-init-system", "svc-map", "install-static")
    .script("install.d/75-amphora-agent", `set -eu\necho "$DIB_REPOREF_amphora_agent" > /var/lib/octavia/agent-ref`)
    .file("static/etc/octavia/amphora-agent.conf", "[amphora_agent]\n"),
  anElement("octavia-lib").dependsOn("package-installs"),
  anElement("remove-default-ints").script("finalise.d/90-remove-default-ints", "rm -f /etc/network/interfaces.d/*"),
  anElement("certs-ramfs").script("post-install.d/30-certs", "install -d -m 750 /var/lib/octavia/certs"),
  anElement("root-passwd").script(
    "post-install.d/99-setup-pw",
    `set -eu\nset +x\necho "root:$DIB_PASSWORD" | chpasswd`,
  ),
];

const password = "correct horse battery";
/** In one word, as it is written there. */
const asked =
  "base vm debian-minimal haproxy-octavia rebind-sshd no-resolvconf amphora-agent octavia-lib sos cloud-init-datasources remove-default-ints amphora-apparmor keepalived-octavia ipvsadmin pip-cache certs-ramfs root-passwd";

test("options that are not set are empty words, all elements are one; the amphora passes Octavia's own checks and boots", async () => {
  using builds = new ClientBuilds();
  builds.own(...elements);
  const image = builds.at("images/amphora-x64-haproxy");
  const size = ["--image-size", "2", "--image-cache", builds.at("cache")];
  const args = ["", "", "-a", "amd64", "-o", `${image}.qcow2`, "-t", "qcow2", ...size, "", asked];
  await builds.build("disk-image-create", args, {
    ...{ DIB_RELEASE: "bookworm", DIB_OCTAVIA_AMP_USE_NFTABLES: "True", DIB_GRUB_TIMEOUT: "0" },
    ...{ DIB_CLOUD_INIT_DATASOURCES: "ConfigDrive", DIB_REPOREF_amphora_agent: "master", DIB_PASSWORD: password },
  });

  expect(builds.images()).toEqual(["amphora-x64-haproxy.d", "amphora-x64-haproxy.qcow2"]);
  expect(statSync(`${image}.qcow2`).size).toBeGreaterThan(0);
  expect(infoOf(`${image}.qcow2`)).toMatchObject({ format: "qcow2", "virtual-size": 2 * 2 ** 30 });
  const packages = ["haproxy", "keepalived", "ipvsadm", "apparmor", "sosreport", "openssh-server"];
  expect(packagesBeside(image)).toEqual(expect.arrayContaining(packages));

  const login = ["--expect", "login:", "--send", "root", "--expect", "Password:", "--send", password, "--expect", "# "];
  const ask = "echo $(cat /var/lib/octavia/agent-ref) $(haproxy -v | head -1 | cut -c1-7) $((40 + 2))";
  const booted = await runDib(
    ["boot", `${image}.qcow2`, ...login, "--send", ask, "--expect", "master HAProxy 42", "--timeout", "900"],
    { cwd: builds.path },
  );
  expect(booted.exitCode, booted.stdout.slice(-3000) + booted.stderr).toBe(0);
});
