/** The mechanisms of element-base, all on one image: what each makes of it beside the others. */
import { afterAll, beforeAll } from "vitest";
import { anElement } from "../support/build-fixture.js";
import { fileOf, testDifference } from "../support/test-difference.js";
import { buildToy } from "../support/toy-image.js";

const elements = [
  "base",
  "cache-url",
  "dib-init-system",
  "dib-python",
  "element-manifest",
  "install-bin",
  "install-static",
  "install-types",
  "manifests",
  "modprobe",
  "package-installs",
  "pkg-map",
  "svc-map",
  "sysprep",
];

const subject = anElement("subject")
  .file("bin/hello", "#!/bin/sh\necho hello\n")
  .file("static/etc/note", "static\n")
  .file("init-scripts/systemd/hello.service", "[Service]\nExecStart=/bin/true\n")
  .file("modprobe.d/subject.conf", "options loop max_part=8\n")
  .file("pkg-map", '{"default":{"one":"mapped-one"}}')
  .file("svc-map", "web:\n  debian: apache2\n")
  .file("package-installs.yaml", "one:\nanother:\n  phase: post-install.d\n")
  .script("install.d/foo-source-install/50-foo", "echo source > /root/foo")
  .script("install.d/foo-package-install/50-foo", "echo package > /root/foo")
  .script(
    "install.d/50-look",
    `readlink /usr/local/bin/dib-python > /root/python; pkg-map --element subject one > /root/mapped
svc-map web > /root/service; echo 0123 > /etc/machine-id`,
  );

let built: Awaited<ReturnType<typeof buildToy>>;
beforeAll(async () => {
  built = await buildToy({
    elements: [...elements, "subject"],
    fixtures: [subject],
    env: { DIB_CLOUD_INIT_ETC_HOSTS: "localhost", DIB_MODPROBE_BLACKLIST: "floppy", DIB_NOTE: "seen" },
  });
});
afterAll(() => built.folder[Symbol.asyncDispose]());

const run = () => built.run;
const hostTool = { kind: "file", mode: 0o755, owner: "0:0" } as const;

testDifference("install-bin", "a program of another element is in the PATH of the image", run, {
  added: { "/usr/local/bin/hello": fileOf("#!/bin/sh\necho hello\n", 0o755) },
});
testDifference("install-static", "a file of another element is there, with the folders it needs", run, {
  added: { "/etc/note": fileOf("static\n") },
});
testDifference("install-types", "the script of the default type has run, and the other has not", run, {
  added: { "/root/foo": fileOf("source\n") },
});
testDifference("dib-init-system", "a unit of another element is there, and a command that names the init system", run, {
  added: {
    "/usr/lib/systemd/system/hello.service": fileOf("[Service]\nExecStart=/bin/true\n"),
    "/usr/local/bin/dib-init-system": fileOf("#!/bin/sh\necho systemd\n", 0o755),
  },
});
testDifference("dib-python", "scripts find the Python that they ask for", run, {
  added: { "/root/python": fileOf("/usr/bin/python3\n") },
});
testDifference("pkg-map", "scripts can ask for the names of packages", run, {
  added: { "/usr/local/bin/pkg-map": hostTool, "/root/mapped": fileOf("mapped-one\n") },
});
testDifference("svc-map", "scripts can ask for the names of services", run, {
  added: { "/usr/local/bin/svc-map": hostTool, "/root/service": fileOf("apache2\n") },
});
testDifference("modprobe", "options of another element and what is blacklisted are there", run, {
  added: {
    "/etc/modprobe.d/subject.conf": fileOf("options loop max_part=8\n"),
    "/etc/modprobe.d/floppy.conf": fileOf("blacklist floppy\n"),
  },
});
testDifference("manifests", "the variables of the build are there, for root only", run, {
  added: {
    "/etc/dib-manifests": { kind: "folder" },
    "/etc/dib-manifests/dib_environment": { kind: "file", mode: 0o600, owner: "0:0" },
  },
});
testDifference("element-manifest", "the names of the elements are there, for root only", run, {
  added: { "/etc/dib-manifests/dib-element-manifest": { kind: "file", mode: 0o600, owner: "0:0" } },
});
testDifference("base", "cloud-init is told what to do with /etc/hosts", run, {
  added: { "/etc/cloud/cloud.cfg.d/10_etc_hosts.cfg": fileOf("manage_etc_hosts: localhost\n") },
});
testDifference("cache-url", "its program is there", run, { added: { "/usr/local/bin/cache-url": hostTool } });
testDifference("sysprep", "the machine has no id yet", run, {
  added: { "/etc/machine-id": fileOf("uninitialized\n", 0o644) },
});
