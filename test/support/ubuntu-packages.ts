/** The packages of the archive that Debian does not have, or not so. */
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { createExec, mustRun } from "@dibjs/core/process/exec.js";
import type { SigningKey } from "./signing-key.js";

export interface ArchiveKeys {
  /** Signs the good archive and the cloud images. Only a pinned fingerprint makes it trusted. */
  readonly key: SigningKey;
  readonly expired: SigningKey;
  readonly stranger: SigningKey;
}

const exec = createExec();
const run = (file: string, ...args: string[]) => mustRun(exec, file, args);

/** A few of those that Ubuntu has in universe: a build that leaves universe out does not find them. */
const inUniverse = new Set(["busybox", "dib-test-update"]);

/** Changes and adds packages in the pool of `good`. */
export async function makePackages(good: string, arch: string, { key, expired, stranger }: ArchiveKeys): Promise<void> {
  const main = join(good, "pool/main");
  const universe = join(good, "pool/universe");
  const security = join(good, "pool/security/main");
  for (const folder of [universe, security]) await mkdir(folder, { recursive: true });

  await brandBaseFiles(main);
  for (const name of await readdir(main)) {
    if (name.startsWith("debian-archive-keyring_")) await rm(join(main, name));
    if (inUniverse.has(name.replace(/_.*/, ""))) await rename(join(main, name), join(universe, name));
  }
  const kernel = `linux-image-${arch}, initramfs-tools`;
  await pack(main, { Package: "linux-image-generic", Version: "6.8.0", Architecture: arch, Depends: kernel });
  await pack(main, { Package: "linux-image-virtual", Version: "6.8.0", Architecture: arch, Depends: kernel });
  // Debian's apt depends on this one, as Ubuntu's depends on ubuntu-keyring.
  await pack(main, {
    Package: "debian-archive-keyring",
    Version: "9999",
    Architecture: "all",
    Depends: "ubuntu-keyring",
  });
  const keys = Buffer.concat(await Promise.all([stranger, key, expired].map(({ keyring }) => readFile(keyring))));
  await pack(
    main,
    { Package: "ubuntu-keyring", Version: "2023.11.28.1", Architecture: "all" },
    {
      "usr/share/keyrings/ubuntu-archive-keyring.gpg": keys,
      "usr/share/keyrings/ubuntu-cloudimage-keyring.gpg": keys,
      "etc/apt/trusted.gpg.d/ubuntu-keyring-2018-archive.gpg": await readFile(key.keyring),
    },
  );
  // The same package, newer in noble-security: an image says which suites it was made from.
  await pack(universe, { Package: "dib-test-update", Version: "1.0", Architecture: "all" });
  await pack(security, { Package: "dib-test-update", Version: "1.1", Architecture: "all" });
}

/** Debian's base-files with Ubuntu's names in it. */
async function brandBaseFiles(main: string): Promise<void> {
  const name = (await readdir(main)).find((each) => each.startsWith("base-files_"));
  if (name === undefined) throw new Error("the closure has no base-files");
  const tree = join(main, "base-files");
  await run("dpkg-deb", "--raw-extract", join(main, name), tree);
  await writeFile(
    join(tree, "usr/lib/os-release"),
    'PRETTY_NAME="Ubuntu 24.04 LTS"\nNAME="Ubuntu"\nVERSION_ID="24.04"\nVERSION_CODENAME=noble\nID=ubuntu\nID_LIKE=debian\nUBUNTU_CODENAME=noble\n',
  );
  await writeFile(join(tree, "etc/issue"), "Ubuntu 24.04 LTS \\n \\l\n\n");
  await rm(join(tree, "DEBIAN/md5sums"), { force: true });
  await rm(join(main, name));
  await run("dpkg-deb", "--root-owner-group", "-Zgzip", "--build", tree, join(main, name));
  await rm(tree, { recursive: true });
}

type Control = Readonly<{ Package: string; Version: string; Architecture: string; Depends?: string }>;

/** Makes a package of the fields and files (path → content). */
async function pack(folder: string, control: Control, files: Readonly<Record<string, Uint8Array>> = {}): Promise<void> {
  const tree = await mkdtemp(join(folder, ".pack-"));
  const fields = { ...control, Maintainer: "dibjs tests <root@localhost>", Description: "made for tests" };
  await mkdir(join(tree, "DEBIAN"), { mode: 0o755 });
  await writeFile(
    join(tree, "DEBIAN/control"),
    `${Object.entries(fields)
      .map(([key, value]) => `${key}: ${value}`)
      .join("\n")}\n`,
  );
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(tree, path)), { recursive: true });
    await writeFile(join(tree, path), content);
  }
  await run("chmod", "0755", tree);
  const name = `${control.Package}_${control.Version}_${control.Architecture}.deb`;
  await run("dpkg-deb", "--root-owner-group", "-Zgzip", "--build", tree, join(folder, name));
  await rm(tree, { recursive: true });
}
