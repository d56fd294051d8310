/**
 * Ubuntu's cloud images as cloud-images.ubuntu.com lays them out, on loopback, and the ways in which a download goes
 * wrong. The tree is bootstrapped from the archive beside it; made once and kept for as long as that archive is.
 */
import { createHash } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { mkdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createExec, mustRun } from "@dibjs/core/process/exec.js";
import { lockFile } from "./file-lock.js";
import { serveFolder, type FileServer } from "./file-server.js";
import { tamper } from "./signing-key.js";
import { serveUbuntuArchive, type UbuntuArchive } from "./ubuntu-archive.js";

/** `truncated` is cut at every try; `cut-once` only at the first. */
export const cloudImageVariants = [
  "good",
  "cut-once",
  "truncated",
  "wrong-checksum",
  "broken-signature",
  "wrong-key",
  "expired-key",
] as const;
export type CloudImageVariant = (typeof cloudImageVariants)[number];

export interface CloudImageServer extends AsyncDisposable {
  /** DIB_CLOUD_IMAGES. */
  urlOf(variant: CloudImageVariant): string;
  /** Name of the tarball. */
  readonly name: string;
  readonly sizeBytes: number;
  readonly requests: FileServer["requests"];
}

const exec = createExec();
const run = (file: string, ...args: string[]) => mustRun(exec, file, args);

/** Packages of a server's cloud image that matter to a build. It comes with a boot loader and without a kernel. */
const packages =
  "apt systemd-sysv udev dbus kmod sudo openssh-server cloud-init cloud-guest-utils ifupdown isc-dhcp-client iproute2 netbase ca-certificates locales adduser initramfs-tools grub-pc grub2-common python3 e2fsprogs";

export async function startCloudImageServer(archive: UbuntuArchive): Promise<CloudImageServer> {
  const arch = (await run("dpkg", "--print-architecture")).trim();
  const name = `noble-server-cloudimg-${arch}-root.tar.xz`;
  const folder = await openCloudImages(archive, name);
  const sizeBytes = Number((await run("stat", "--format=%s", join(folder, name))).trim());
  const server = await serveFolder(folder, (path, attempt) => {
    const isCut =
      path.endsWith(".tar.xz") && (path.startsWith("/truncated/") || (path.startsWith("/cut-once/") && attempt === 1));
    return isCut ? { cutAfterBytes: Math.floor(sizeBytes / 10) } : undefined;
  });
  return {
    name,
    sizeBytes,
    requests: server.requests,
    urlOf: (variant) => `${server.url}/${variant}/noble/current`,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

async function openCloudImages(archive: UbuntuArchive, name: string): Promise<string> {
  const folder = join(archive.folder, "cloud-images");
  await using _lock = await lockFile(join(archive.folder, "cloud-images.lock"));
  if (existsSync(folder)) return folder;
  const partial = `${folder}.new`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial);
  await bootstrap(archive, join(partial, name));
  for (const variant of cloudImageVariants) await publish(variant, partial, name, archive);
  await rename(partial, folder);
  return folder;
}

async function bootstrap(archive: UbuntuArchive, tarball: string): Promise<void> {
  await using server = await serveUbuntuArchive(archive);
  const tar = tarball.replace(/\.xz$/, "");
  const sources = ["noble", "noble-updates", "noble-security"];
  const customize = [
    // As the real ones: deb822 sources on Ubuntu's own host, and a resolv.conf that leads out of a chroot.
    'rm -f "$1"/etc/apt/sources.list "$1"/etc/apt/sources.list.d/*',
    `printf 'Types: deb\\nURIs: http://security.ubuntu.com/ubuntu/\\nSuites: ${sources.join(" ")}\\nComponents: main universe\\nSigned-By: /usr/share/keyrings/ubuntu-archive-keyring.gpg\\n' > "$1/etc/apt/sources.list.d/ubuntu.sources"`,
    'ln -sf ../run/systemd/resolve/stub-resolv.conf "$1/etc/resolv.conf"',
  ];
  await run(
    "mmdebstrap",
    "--quiet",
    "--mode=root",
    "--variant=minbase",
    "--aptopt=APT::Install-Recommends false",
    "--dpkgopt=force-unsafe-io",
    `--keyring=${archive.keyring}`,
    `--include=${packages}`,
    ...customize.map((hook) => `--customize-hook=${hook}`),
    "noble",
    tar,
    ...sources.map((suite) => `deb ${server.url}/good ${suite} main universe`),
  );
  await run("xz", "--threads=0", "-1", tar);
}

async function publish(
  variant: CloudImageVariant,
  folder: string,
  name: string,
  { key, expired, stranger }: UbuntuArchive,
): Promise<void> {
  const place = join(folder, variant, "noble/current");
  await mkdir(place, { recursive: true });
  await symlink(`../../../${name}`, join(place, name));
  const sha256 = variant === "wrong-checksum" ? "0".repeat(64) : await digestOf(join(folder, name));
  const sums = join(place, "SHA256SUMS");
  await writeFile(sums, `${"1".repeat(64)} *noble-server-cloudimg-other.img\n${sha256} *${name}\n`);
  const signer = variant === "expired-key" ? expired : variant === "wrong-key" ? stranger : key;
  await signer.sign(sums, `${sums}.gpg`);
  if (variant === "broken-signature") await tamper(sums, await readFile(sums, "utf8"));
}

async function digestOf(file: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  return hash.digest("hex");
}
