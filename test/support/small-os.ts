import { anElement, type ElementFixture } from "./build-fixture.js";

/** Provides operating-system: the small Debian of a tarball (`openBase`), whose apt has these sources and no others. */
export const smallOs = (base: string, codename: string, sources: string): ElementFixture =>
  anElement("small-os")
    .provides("operating-system")
    .dependsOn("dpkg")
    .file("environment.d/10-small-os", `export DISTRO_NAME=debian DIB_RELEASE=${codename} DIB_INIT_SYSTEM=systemd\n`)
    .script(
      "root.d/10-small-os",
      `set -euo pipefail
tar -C "$TARGET_ROOT" --numeric-owner --xattrs -xf '${base}'
rm -f "$TARGET_ROOT"/etc/apt/sources.list.d/*
cat > "$TARGET_ROOT/etc/apt/sources.list" << 'END'\n${sources}END`,
    );
