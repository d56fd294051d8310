/** Packages ask for the same initramfs more than once: it is made once, unless something that it is made of has changed. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { copyPrograms } from "../support/host-programs.js";
import { outputOf, Project } from "../support/toy-os.js";

let project: Project;
beforeEach(() => {
  project = new Project();
  project.script(
    "root.d/20-debian",
    `${copyPrograms("chmod cp find grep mv sed sha256sum touch")}
mkdir -p "$TARGET_ROOT"/usr/{bin,sbin,local/sbin} "$TARGET_ROOT"/{boot,var/lib/dpkg} "$TARGET_ROOT"/etc/{initramfs-tools,apt/apt.conf.d}
touch "$TARGET_ROOT/usr/bin/dpkg" "$TARGET_ROOT"/etc/initramfs-tools/{hook,modules}
cat > "$TARGET_ROOT/usr/sbin/mkinitramfs" << 'END'
#!/bin/bash
# mkinitramfs -o FILE VERSION
echo run >> /var/log/mkinitramfs
echo "says what it does"
[ "$3" != broken ] || exit 7
(umask 077; echo "initramfs of $3: $(cat /etc/initramfs-tools/modules) \${BY-}" > "$2")
END
chmod 0755 "$TARGET_ROOT/usr/sbin/mkinitramfs"`,
  );
});
afterEach(() => project[Symbol.dispose]());

/** What the script printed last: how often mkinitramfs ran, and with which outcome. */
async function runsIn(body: string): Promise<readonly string[]> {
  project.script("install.d/10-ask", `${body}\ncat /var/log/mkinitramfs`);
  const { events } = await project.build();
  return outputOf(events, "10-ask").filter((line) => line !== "says what it does");
}

const ask = "mkinitramfs -o /boot/initrd.img-6.1.new 6.1";
const again = "mkinitramfs: made already, and nothing that it reads has changed";

test("the second who asks gets what the first got, whichever package asks", async () => {
  const lines = await runsIn(`
DPKG_MAINTSCRIPT_NAME=postinst DPKG_MAINTSCRIPT_PACKAGE=linux-image INITRAMFS_TOOLS_KERNEL_HOOK=y ${ask}
mv /boot/initrd.img-6.1.new /boot/initrd.img-6.1
echo installed >> /var/lib/dpkg/status
DPKG_MAINTSCRIPT_NAME=triggered ${ask}
cat /boot/initrd.img-6.1 /boot/initrd.img-6.1.new
stat -c %a /boot/initrd.img-6.1.new`);
  expect(lines).toEqual([again, "initramfs of 6.1:  ", "initramfs of 6.1:  ", "600", "run"]);
});

test("packages that apt installs get it too, though it gives them a PATH of its own", async () => {
  const lines = await runsIn(`
export PATH=$(sed -n 's/^DPkg::Path "\\(.*\\)";$/\\1/p' /etc/apt/apt.conf.d/*)
${ask}
${ask}`);
  expect(lines).toEqual([again, "run"]);
});

/** Each is a change to the one before. */
const changes: Readonly<Record<string, string>> = {
  "a file was written": "echo virtio > /etc/initramfs-tools/modules",
  "its time was set back": "touch -r /bin/ls /etc/initramfs-tools/modules",
  "its mode is another": "chmod 0600 /etc/initramfs-tools/modules",
  "a file is new": "touch /etc/initramfs-tools/conf",
  "a file is gone": "rm /etc/initramfs-tools/hook",
  "a folder's mode is another": "chmod 0700 /etc/initramfs-tools",
  "a variable is another": "export BY=somebody",
  "umask is another": "umask 027",
};

test("it is made again when something of it is another", async () => {
  const asked = Object.entries(changes).map(
    ([what, change]) => `${change}\necho "-- ${what}"\n${ask} || true\n${ask} || true`,
  );
  const lines = await runsIn(`${ask}\n${asked.join("\n")}\nmkinitramfs -o /boot/initrd.img-6.2 6.2`);
  expect(lines).toEqual([
    ...Object.keys(changes).flatMap((what) => [`-- ${what}`, again]),
    ...["run", ...Object.keys(changes).map(() => "run"), "run"],
  ]);
});

test("a failure is told as it is, and tried again", async () => {
  const broken = "mkinitramfs -o /boot/initrd.img broken";
  expect(await runsIn(`${broken} || echo "exit $?"\n${broken} || echo "exit $?"`)).toEqual([
    "exit 7",
    "exit 7",
    "run",
    "run",
  ]);
});

test("a phase that empties /tmp makes it as if nothing were there", async () => {
  expect(await runsIn(`${ask}\nrm -rf /tmp/dib-initramfs\n${ask}`)).toEqual(["run", "run"]);
});

test("nothing of it is in the tree that later phases see", async () => {
  const list = `ls -A "$TARGET_ROOT/usr/local/sbin" "$TARGET_ROOT/tmp" "$TARGET_ROOT/etc/apt/apt.conf.d"`;
  project.script("install.d/10-ask", ask);
  project.script("post-root.d/10-look", list);
  const { events } = await project.build();
  expect(outputOf(events, "10-look").filter((line) => line !== "" && !line.endsWith(":"))).toEqual([]);
});

test("apt settings of an element that have the name of the build's stay", async () => {
  const theirs = "/etc/apt/apt.conf.d/00dib-initramfs";
  project.script("root.d/30-theirs", `echo '// theirs' > "$TARGET_ROOT${theirs}"`);
  project.script("install.d/10-keep", `cat ${theirs}`);
  project.script("post-root.d/10-look", `cat "$TARGET_ROOT${theirs}"`);
  const { events } = await project.build();
  expect([outputOf(events, "10-keep"), outputOf(events, "10-look")]).toEqual([["// theirs"], ["// theirs"]]);
});

test("a program that is there already, or comes in the phase, stays", async () => {
  project.script("pre-install.d/10-bring", `echo '# theirs' > /usr/local/sbin/mkinitramfs`);
  project.script("install.d/10-keep", "cat /usr/local/sbin/mkinitramfs");
  project.script("post-root.d/10-look", `cat "$TARGET_ROOT/usr/local/sbin/mkinitramfs"`);
  const { events } = await project.build();
  expect([outputOf(events, "10-keep"), outputOf(events, "10-look")]).toEqual([["# theirs"], ["# theirs"]]);
});

/** As the real one: the archive is a file, and gzip's output is redirected. */
const compressing = (gzip: string) => `
${copyPrograms("gzip ln timeout unshare mount readlink true")}
cat > "$TARGET_ROOT/usr/sbin/mkinitramfs" << 'END'
#!/bin/bash
echo content > /var/log/main-archive
${gzip} /var/log/main-archive > "$2"
END
`;

test("pigz of the build host compresses it, on all cores; nothing else that calls gzip meanwhile is another", async () => {
  project.script("root.d/30-compress", compressing("gzip -c"));
  project.script(
    "install.d/10-ask",
    `${ask}\ngzip -dc /boot/initrd.img-6.1.new\ngrep -c main-archive /boot/initrd.img-6.1.new || true`,
  );
  project.script(
    "install.d/20-gzip",
    "echo text > /var/log/other; gzip -c /var/log/other | gzip -dc; ls -A /tmp/dib-initramfs",
  );
  const { events } = await project.build();
  expect(outputOf(events, "10-ask")).toEqual(["content", "0"]); // gzip writes the name of the file that it was given
  expect(outputOf(events, "20-gzip")).toEqual(expect.arrayContaining(["text"]));
  expect(outputOf(events, "20-gzip")).not.toContain("cpio");
});

test("where bytes are to be the same each time, it is the target's own gzip", async () => {
  project.script("root.d/30-compress", compressing("gzip -n -c"));
  project.script("install.d/10-ask", `${ask}\ngzip -dc /boot/initrd.img-6.1.new`);
  const { events } = await project.build();
  expect(outputOf(events, "10-ask")).toEqual(["content"]);
});

test("without pigz on the build host, too", async () => {
  project.script("root.d/30-compress", compressing("gzip -c"));
  project.script(
    "install.d/10-ask",
    `rm /tmp/dib-initramfs/ask\n${ask}\ngzip -dc /boot/initrd.img-6.1.new\ngrep -c main-archive /boot/initrd.img-6.1.new || true`,
  );
  const { events } = await project.build();
  expect(outputOf(events, "10-ask")).toEqual(["content", "1"]);
});
