import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { anElement } from "../support/build-fixture.js";
import { buildToy, filesThatDiffer, textOf, type ToyRequest, type ImageTree } from "../support/toy-image.js";
import { vector } from "../support/vectors.js";

let bare: ImageTree;
const folders: AsyncDisposable[] = [];

beforeAll(async () => {
  const { tree, folder } = await buildToy({ elements: [] });
  bare = tree;
  folders.push(folder);
});

afterAll(async () => {
  for (const folder of folders) await folder[Symbol.asyncDispose]();
});

async function build(request: ToyRequest) {
  const built = await buildToy(request);
  folders.push(built.folder);
  return { ...built, difference: filesThatDiffer(bare, built.tree) };
}

const subject = () => anElement("subject");
const fails = (request: ToyRequest) => buildToy(request).then(({ folder }) => folders.push(folder));

describe("install-bin", () => {
  test("puts the programs of all elements into /usr/local/bin before other scripts run, and nothing else", async () => {
    const fixture = subject()
      .file("bin/hello", "#!/bin/sh\necho hello\n")
      .script("pre-install.d/02-use", "hello > /root/said");
    const { tree, difference } = await build({ elements: ["install-bin", "subject"], fixtures: [fixture] });
    expect(difference).toEqual({ added: ["/root/said", "/usr/local/bin/hello"], removed: [], changed: [] });
    expect(tree.get("/usr/local/bin/hello")).toMatchObject({ mode: 0o755, owner: "0:0" });
    expect(textOf(tree, "/root/said")).toBe("hello\n");
  });
});

describe("install-static", () => {
  test("copies files and links, keeps folders that exist, and follows a folder that is a link in the image", async () => {
    const fixture = subject()
      .script("pre-install.d/10-merge", "mkdir -p /srv/real; ln -s srv/real /merged; chmod 700 /srv")
      .file("static/merged/note", "static\n")
      .link("static/srv/link", "real/note");
    const { tree, difference } = await build({ elements: ["install-static", "subject"], fixtures: [fixture] });
    expect(difference.added).toEqual(["/merged", "/srv/link", "/srv/real/note"]);
    expect(tree.get("/srv/real/note")).toMatchObject({ kind: "file", mode: 0o644, owner: "0:0" });
    expect(textOf(tree, "/srv/real/note")).toBe("static\n");
    expect(tree.get("/srv/link")).toMatchObject({ kind: "link", content: "real/note" });
    expect(tree.get("/srv")?.mode).toBe(0o700);
  });

  test("a folder that can't be made ends the build", async () => {
    const static_ = ["blocked", "a", "b", "c", "d", "e", "f"].map((name) => `"$TMP_HOOKS_PATH/static/${name}"`);
    const fixture = subject()
      .script("extra-data.d/10-folders", `mkdir -p ${static_.join(" ")}`)
      .script("pre-install.d/10-file", "touch /blocked");
    await expect(fails({ elements: ["install-static", "subject"], fixtures: [fixture] })).rejects.toMatchObject({
      code: "SCRIPT_FAILED",
      context: { script: "10-install-static-files" },
    });
  });
});

describe("install-types", () => {
  const fixture = () =>
    subject()
      .script("install.d/foo-source-install/50-foo", "echo source > /root/foo")
      .script("install.d/foo-package-install/50-foo", "echo package > /root/foo")
      .script("install.d/my_bar-package-install/50-bar", "echo package > /root/bar");

  vector(
    "install-types/default",
    async () => {
      const { tree, difference } = await build({ elements: ["install-types", "subject"], fixtures: [fixture()] });
      expect(difference.added).toEqual(["/root/foo"]);
      expect(textOf(tree, "/root/foo")).toBe("source\n");
    },
    "runs the scripts of the default type only",
  );

  vector(
    "install-types/chosen",
    async () => {
      const env = { DIB_INSTALLTYPE_foo: "package", DIB_INSTALLTYPE_my_bar: "package" };
      const { tree } = await build({ elements: ["install-types", "subject"], fixtures: [fixture()], env });
      expect(textOf(tree, "/root/foo") + textOf(tree, "/root/bar")).toBe("package\npackage\n");
    },
    "runs those that a variable chooses, also where the prefix has an underscore",
  );

  test("refuses to hide a script of the same name", async () => {
    const request = { elements: ["install-types", "subject"], fixtures: [fixture().script("install.d/50-foo")] };
    await expect(fails(request)).rejects.toMatchObject({ code: "SCRIPT_FAILED" });
  });
});

describe("dib-init-system", () => {
  test("installs the scripts of the image's init system only, and the command that names it", async () => {
    const fixture = subject()
      .file("init-scripts/systemd/hello.service", "[Service]\nExecStart=/bin/true\n")
      .file("init-scripts/openrc/hello", "#!/sbin/openrc-run\n");
    const { tree, difference } = await build({ elements: ["dib-init-system", "subject"], fixtures: [fixture] });
    expect(difference.added).toEqual(["/usr/lib/systemd/system/hello.service", "/usr/local/bin/dib-init-system"]);
    expect(textOf(tree, "/usr/local/bin/dib-init-system")).toBe("#!/bin/sh\necho systemd\n");
  });

  test("ends the build of an operating system that names no init system", async () => {
    const fixture = subject().file("environment.d/50-none", "export DIB_INIT_SYSTEM=runit\n");
    const request = { elements: ["dib-init-system", "subject"], fixtures: [fixture] };
    await expect(fails(request)).rejects.toMatchObject({
      code: "ENVIRONMENT_FAILED",
      context: { file: "99-dib-init-system" },
    });
  });
});

describe("pkg-map", () => {
  const map = {
    default: { a: "default-a", b: "default-b", c: "default-c", d: "default-d" },
    family: { debian: { b: "family-b", c: "family-c", d: "family-d" } },
    distro: { debian: { c: "distro-c", d: "distro-d" } },
    release: { debian: { bookworm: { d: "release d", none: "" } } },
  };
  const ask = (words: string, status = 0) =>
    subject()
      .file("pkg-map", JSON.stringify(map))
      .script("install.d/50-ask", `set +e; pkg-map ${words} > /root/names; [ $? = ${status} ]`);

  test("the most special section wins, and what is mapped to nothing is left out", async () => {
    const { tree, difference } = await build({
      elements: ["pkg-map", "subject"],
      fixtures: [ask("--element subject d c b a none")],
    });
    expect(difference.added).toEqual(["/root/names", "/usr/local/bin/pkg-map", "/usr/share/pkg-map/subject"]);
    expect(textOf(tree, "/root/names")).toBe("release d\ndistro-c\nfamily-b\ndefault-a\n");
  });

  test("answers for another distribution, with a prefix, and passes unknown names on when told to", async () => {
    const { tree } = await build({
      elements: ["pkg-map", "subject"],
      fixtures: [ask("--element=subject --distro fedora --prefix - --missing-ok a zebra")],
    });
    expect(textOf(tree, "/root/names")).toBe("-default-a\n-zebra\n");
  });

  test("an unknown name ends with 1, an element without a map with 2", async () => {
    const { tree } = await build({
      elements: ["pkg-map", "subject"],
      fixtures: [
        ask("--element subject zebra", 1).script("install.d/60-ask", "set +e; pkg-map --element other x; [ $? = 2 ]"),
      ],
    });
    expect(textOf(tree, "/root/names")).toBe("");
  });

  test("a map that is no JSON is refused", async () => {
    const request = { elements: ["pkg-map", "subject"], fixtures: [subject().file("pkg-map", "{ a: }")] };
    await expect(fails(request)).rejects.toMatchObject({
      code: "ELEMENT_FILE_INVALID",
      context: { element: "subject", file: "pkg-map" },
    });
  });
});

describe("svc-map", () => {
  test("names services as the distribution does, itself when it is there under its own name", async () => {
    const fixture = subject()
      .file("svc-map", "web:\n  debian: apache2\n  redhat: httpd\nother:\n  default: other-name\n")
      .script(
        "install.d/50-ask",
        "mkdir -p /lib/systemd/system; touch /lib/systemd/system/here.service; svc-map web other here unknown > /root/names",
      );
    const { tree, difference } = await build({ elements: ["svc-map", "subject"], fixtures: [fixture] });
    expect(difference.added).toEqual(expect.arrayContaining(["/usr/local/bin/svc-map", "/usr/share/svc-map/services"]));
    expect(textOf(tree, "/root/names")).toBe("apache2\nother-name\nhere\nunknown\n");
  });

  test("a service that two elements define is refused", async () => {
    const fixtures = ["one", "two"].map((name) => anElement(name).file("svc-map", "web:\n  default: x\n"));
    await expect(fails({ elements: ["svc-map", "one", "two"], fixtures })).rejects.toMatchObject({
      code: "ELEMENT_FILE_INVALID",
      context: { element: "two" },
    });
  });
});

describe("dib-python", () => {
  test("links the image's Python while the build runs, and leaves nothing", async () => {
    const fixture = subject().script("install.d/50-look", "readlink /usr/local/bin/dib-python > /root/link");
    const { tree, difference } = await build({ elements: ["dib-python", "subject"], fixtures: [fixture] });
    expect(difference.added).toEqual(["/root/link"]);
    expect(textOf(tree, "/root/link")).toBe("/usr/bin/python3\n");
  });
});

describe("package-installs", () => {
  const packages = `
plain:
mapped:
conditional:
  - when: DIB_FEATURE = yes please
  - when: [DIB_FEATURE != no, DIB_OTHER = 1]
skipped:
  when: DIB_FEATURE = no
tool:
  build-only: true
unwanted:
  uninstall: true
kept:
  uninstall: "False"
foreign:
  arch: arm64, s390x
late:
  phase: post-install.d
native:
  arch: s390x, amd64
`;
  const fixture = () =>
    subject()
      .file("package-installs.yaml", packages)
      .file("pkg-map", JSON.stringify({ default: { mapped: "real-one real-two" } }))
      .file("environment.d/50-feature", "export DIB_FEATURE='yes please' DIB_OTHER=0\n");

  test("makes one transaction per phase of what all elements want, and removes at the phase's end", async () => {
    const other = anElement("another").file(
      "package-installs.json",
      JSON.stringify({ plain: null, "pre-tool": { phase: "pre-install.d" } }),
    );
    const { tree } = await build({
      elements: ["package-installs", "subject", "another"],
      fixtures: [fixture(), other],
      flags: { arch: "amd64" },
    });
    expect(textOf(tree, "/var/lib/packages").trim().split("\n")).toEqual([
      "install-packages pre-tool",
      "install-packages conditional kept native plain real-one real-two tool",
      "install-packages -e tool unwanted",
      "install-packages late",
    ]);
  });

  test("takes DIB's older lists too: a name a line, with a dash those that go again", async () => {
    const fixtures = [
      subject().script("install.d/50-x").file("install.d/package-installs-subject", "one # why\n-two\n"),
    ];
    const { tree } = await build({ elements: ["package-installs", "subject"], fixtures });
    expect(textOf(tree, "/var/lib/packages")).toBe("install-packages one two\ninstall-packages -e two\n");
  });

  test("refuses a file that it does not understand", async () => {
    const request = {
      elements: ["package-installs", "subject"],
      fixtures: [subject().file("package-installs.yaml", "x:\n  unless: A = b\n")],
    };
    await expect(fails(request)).rejects.toMatchObject({
      code: "ELEMENT_FILE_INVALID",
      context: { element: "subject", file: "package-installs.yaml" },
    });
  });
});

describe("base", () => {
  test("upgrades first, then installs the baseline in the transactions of its phases", async () => {
    const { tree } = await build({ elements: ["base"], env: { DIB_CLOUD_INIT_ETC_HOSTS: "localhost" } });
    expect(textOf(tree, "/var/lib/packages").trim().split("\n")).toEqual([
      "install-packages software-properties-common",
      "install-packages -u",
      "install-packages open-iscsi",
    ]);
    expect(textOf(tree, "/etc/cloud/cloud.cfg.d/10_etc_hosts.cfg")).toBe("manage_etc_hosts: localhost\n");
  });

  test("leaves packages alone when told so", async () => {
    const { difference } = await build({
      elements: ["base"],
      env: { DIB_AVOID_PACKAGES_UPDATE: "1", DIB_SKIP_BASE_PACKAGE_INSTALL: "1" },
    });
    expect(difference.added).not.toContain("/var/lib/packages");
  });
});

describe("modprobe", () => {
  test("installs the files of all elements and blacklists what is asked for", async () => {
    const fixture = subject().file("modprobe.d/subject.conf", "options loop max_part=8\n");
    const { tree, difference } = await build({
      elements: ["modprobe", "subject"],
      fixtures: [fixture],
      env: { DIB_MODPROBE_BLACKLIST: "floppy pcspkr" },
    });
    expect(difference.added).toEqual([
      "/etc/modprobe.d/floppy.conf",
      "/etc/modprobe.d/pcspkr.conf",
      "/etc/modprobe.d/subject.conf",
    ]);
    expect(textOf(tree, "/etc/modprobe.d/floppy.conf")).toBe("blacklist floppy\n");
  });
});

describe("sysprep", () => {
  test("empties the machine ids", async () => {
    const fixture = subject().script(
      "install.d/50-id",
      "mkdir -p /var/lib/dbus; echo 0123 | tee /etc/machine-id > /var/lib/dbus/machine-id",
    );
    const { tree } = await build({ elements: ["sysprep", "subject"], fixtures: [fixture] });
    expect(textOf(tree, "/etc/machine-id")).toBe("uninitialized\n");
    expect(textOf(tree, "/var/lib/dbus/machine-id")).toBe("");
  });
});
