import { anElement, type ElementFixture } from "./build-fixture.js";

/** An element that says what scripts see of a build; its output is in the event stream. Its resolv.conf stands for a distribution's. */
export const witnessElement = (): ElementFixture =>
  anElement("witness")
    .file("environment.d/10-witness.bash", "export WITNESS_WORD=${WITNESS_WORD:-taken in}\n")
    .script(
      "root.d/01-witness-folders",
      `for name in TMP_BUILD_DIR TMP_IMAGE_DIR TMP_IMAGE_PATH TMP_HOOKS_PATH TMP_MOUNT_PATH TARGET_ROOT; do echo "$name=\${!name}"; done
echo "owners=$(stat -c %u "$TMP_BUILD_DIR") $(stat -c %u "$TMP_IMAGE_DIR")"
echo "scripts=$(cd "$TMP_HOOKS_PATH" && echo *.d/*-witness-*)"`,
    )
    .script("root.d/99-witness-resolv", `echo "# of the image" > "$TARGET_ROOT/etc/resolv.conf"`)
    .script("extra-data.d/01-witness-base", `cd "$TMP_MOUNT_PATH"; echo "base:" *`)
    .script(
      "install.d/01-witness-resolv",
      `echo "word: $WITNESS_WORD"; echo "original: $(cat /etc/resolv.conf.ORIG)"; echo "sum: $(sha256sum < /etc/resolv.conf)"`,
    );
