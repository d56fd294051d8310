import { defineElement } from "@dibjs/core";
import { addCloudImage, deployCloudImage } from "./cloud-image.js";
import { provideArchiveKeyring } from "./keyring.js";

/** ubuntu-common is shell only. */
export default [
  // Before debootstrap's root.d/08, which reads the keyring.
  defineElement({
    name: "ubuntu-minimal",
    setup: ({ addScript }) => addScript("root", "07-ubuntu-keyring", provideArchiveKeyring),
  }),
  defineElement({
    name: "ubuntu",
    setup({ hooks, addScript }) {
      hooks.fingerprint.for("root").tapPromise(addCloudImage);
      addScript("root", "10-ubuntu-tarball", deployCloudImage);
    },
  }),
];
