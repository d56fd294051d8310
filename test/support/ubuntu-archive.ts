/**
 * A small apt archive as Ubuntu's, on loopback: suites noble, noble-updates, noble-security and noble-backports with
 * main and universe, signed by a throw-away key. The packages are Debian's, the closure of what images need; where
 * Ubuntu's names differ there are small packages of ours. Made once and kept by what went into it.
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, copyFile, cp, mkdir, readdir, readFile, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createExec, mustRun } from "@dibjs/core/process/exec.js";
import { startAptProxy } from "./apt-proxy.js";
import { cacheFolder } from "./cache-folder.js";
import { isKept, keepFolder, lockFile } from "./file-lock.js";
import { serveFolder, type FileServer } from "./file-server.js";
import { openSigningKey, tamper, type SigningKey } from "./signing-key.js";
import { makePackages, type ArchiveKeys } from "./ubuntu-packages.js";

export interface UbuntuArchive extends ArchiveKeys {
  /** Absolute. `good`, `expired-key`, `wrong-key` and `broken-signature` are archives of the same packages. */
  readonly folder: string;
  /** Absolute: the public key where anybody can read it. */
  readonly keyring: string;
}

const exec = createExec();
const run = (file: string, ...args: string[]) => mustRun(exec, file, args);
const home = join(cacheFolder, "ubuntu-archive");

/** Each line is resolved by itself: packages of two lines may exclude each other. */
const wanted = (arch: string) => [
  "?essential ?priority(required) apt tzdata systemd-sysv busybox sudo python3 gnupg initramfs-tools adduser ca-certificates locales lsb-release netbase",
  `linux-image-${arch} open-iscsi software-properties-common openssh-server cloud-init cloud-guest-utils e2fsprogs ifupdown isc-dhcp-client iproute2 curl git`,
  ...(arch === "amd64" ? ["grub-pc", "grub-efi-amd64 grub-pc-bin efibootmgr"] : ["grub-efi-arm64 efibootmgr"]),
];

export async function openUbuntuArchive(): Promise<UbuntuArchive> {
  await using _lock = await lockFile(join(home, "lock"));
  const keys = {
    key: await openSigningKey(join(home, "keys/valid")),
    expired: await openSigningKey(join(home, "keys/expired"), "expired"),
    stranger: await openSigningKey(join(home, "keys/stranger")),
  };
  const sources = await Promise.all(
    ["ubuntu-archive", "ubuntu-packages"].map((name) => readFile(here(`${name}.ts`), "utf8")),
  );
  const recipe = sha256([keys.key.fingerprint, ...sources].join());
  const folder = (await findChecked(recipe)) ?? (await checkPackages(recipe, keys));
  await keepFolder(folder);
  await removeOld(folder);
  return { folder, keyring: join(folder, "keyring.gpg"), ...keys };
}

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex").slice(0, 16);

const halfDayMs = 12 * 3_600_000;

/** Whether there are newer packages is asked twice a day: this file names the archive of the last time. */
const checkedFile = (recipe: string) => join(home, `checked-${recipe}`);

async function findChecked(recipe: string): Promise<string | undefined> {
  const name = (await ageMs(checkedFile(recipe))) < halfDayMs ? await readFile(checkedFile(recipe), "utf8") : "";
  return name !== "" && existsSync(join(home, name)) ? join(home, name) : undefined;
}

async function checkPackages(recipe: string, keys: ArchiveKeys): Promise<string> {
  const apt = await openApt();
  const name = sha256(JSON.stringify([recipe, await apt.resolve()]));
  const folder = join(home, name);
  if (!existsSync(folder)) {
    await makeArchive(`${folder}.new`, keys, apt);
    await rename(`${folder}.new`, folder);
  }
  await writeFile(checkedFile(recipe), name);
  return folder;
}

/** Other checkouts of the project may use other archives at the same time. */
async function removeOld(current: string): Promise<void> {
  const others = (await readdir(home))
    .map((name) => join(home, name))
    .filter((path) => /[0-9a-f]{16}$/.test(path) && path !== current);
  for (const path of others) {
    const isOld = (await ageMs(path)) > 2 * halfDayMs;
    if (isOld && !(await isKept(path))) await rm(path, { recursive: true });
  }
}

const ageMs = (path: string): Promise<number> =>
  stat(path).then(
    ({ mtimeMs }) => Date.now() - mtimeMs,
    () => Infinity,
  );

/** Mirrors of the archive are `URL/good` and so on. */
export const serveUbuntuArchive = ({ folder }: UbuntuArchive): Promise<FileServer> => serveFolder(folder);

interface Apt {
  readonly arch: string;
  /** Addresses of all packages: they hold name and version. */
  resolve(): Promise<readonly string[]>;
  /** Fetches them into a folder. */
  download(folder: string): Promise<void>;
}

/** apt with a state of its own, in which nothing is installed. */
async function openApt(): Promise<Apt> {
  const { codename, mirror, securityMirror } = await startAptProxy();
  const arch = (await run("dpkg", "--print-architecture")).trim();
  const state = join(home, "apt");
  await mkdir(join(state, "lists/partial"), { recursive: true });
  await writeFile(join(state, "status"), "");
  const signed = "[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]";
  const suites = [`${mirror} ${codename}`, `${mirror} ${codename}-updates`, `${securityMirror} ${codename}-security`];
  await writeFile(join(state, "sources.list"), suites.map((suite) => `deb ${signed} ${suite} main\n`).join(""));
  const options = {
    "Dir::State": state,
    "Dir::State::status": join(state, "status"),
    "Dir::Cache": join(state, "cache"),
    "Dir::Etc::sourcelist": join(state, "sources.list"),
    "Dir::Etc::sourceparts": "/dev/null",
    "APT::Install-Recommends": "false",
    "APT::Sandbox::User": "root",
    "Acquire::Languages": "none",
  };
  const apt = (...args: string[]) =>
    run(
      "apt-get",
      "-q",
      "-y",
      ...Object.entries(options).flatMap(([key, value]) => ["-o", `${key}=${value}`]),
      ...args,
    );
  await apt("update");
  const groups = wanted(arch).map((line) => line.split(" "));
  return {
    arch,
    async resolve() {
      const printed = await Promise.all(groups.map((group) => apt("--print-uris", "-q", "install", ...group)));
      const addresses = printed.flatMap((text) =>
        [...text.matchAll(/^'[^']+' (\S+\.deb) /gm)].map(([, name]) => name ?? ""),
      );
      return [...new Set(addresses)].sort();
    },
    async download(folder) {
      await mkdir(join(folder, "partial"), { recursive: true });
      for (const group of groups)
        await apt("-o", `Dir::Cache::archives=${folder}`, "--download-only", "install", ...group);
      await rm(join(folder, "partial"), { recursive: true });
      await rm(join(folder, "lock"), { force: true });
    },
  };
}

async function makeArchive(folder: string, { key, expired, stranger }: ArchiveKeys, apt: Apt): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  const good = join(folder, "good");
  await apt.download(join(good, "pool/main"));
  await copyFile(key.keyring, join(folder, "keyring.gpg"));
  await chmod(join(folder, "keyring.gpg"), 0o644);
  await makePackages(good, apt.arch, { key, expired, stranger });
  await makeSuites(good, apt.arch);
  for (const name of ["expired-key", "wrong-key", "broken-signature"]) {
    await cp(join(good, "dists"), join(folder, name, "dists"), { recursive: true });
    await symlink("../good/pool", join(folder, name, "pool"));
  }
  const signers = { good: key, "expired-key": expired, "wrong-key": stranger, "broken-signature": key };
  for (const [name, signer] of Object.entries(signers)) await signSuites(join(folder, name, "dists"), signer);
  for (const suite of await readdir(join(folder, "broken-signature/dists"))) {
    const file = join(folder, "broken-signature/dists", suite, "InRelease");
    await tamper(file, await readFile(file, "utf8"), "Codename");
  }
}

/** Pool folders of each suite by component. */
const suites: Readonly<Record<string, Readonly<Record<string, string | undefined>>>> = {
  noble: { main: "pool/main", universe: "pool/universe" },
  "noble-updates": { main: undefined, universe: undefined },
  "noble-security": { main: "pool/security/main", universe: undefined },
  "noble-backports": { main: undefined, universe: undefined },
};

async function makeSuites(good: string, arch: string): Promise<void> {
  for (const [suite, components] of Object.entries(suites)) {
    for (const [component, pool] of Object.entries(components)) {
      const binary = join(good, "dists", suite, component, `binary-${arch}`);
      await mkdir(binary, { recursive: true });
      const index = pool === undefined ? "" : await mustRun(exec, "apt-ftparchive", ["packages", pool], { cwd: good });
      await writeFile(join(binary, "Packages"), index);
      await run("gzip", "--keep", "--no-name", join(binary, "Packages"));
    }
    const fields = {
      Origin: "Ubuntu",
      Label: "Ubuntu",
      Suite: suite,
      Version: "24.04",
      Codename: "noble",
      Architectures: arch,
      Components: "main universe",
    };
    const options = Object.entries(fields).flatMap(([key, value]) => [
      "-o",
      `APT::FTPArchive::Release::${key}=${value}`,
    ]);
    const release = await run("apt-ftparchive", ...options, "release", join(good, "dists", suite));
    await writeFile(join(good, "dists", suite, "Release"), release);
  }
}

async function signSuites(dists: string, key: SigningKey): Promise<void> {
  for (const suite of await readdir(dists)) {
    const release = join(dists, suite, "Release");
    await key.signInline(release, join(dists, suite, "InRelease"));
    await key.sign(release, `${release}.gpg`);
  }
}
