import { defineElement } from "@dibjs/core";
import { setUpAptCache } from "./apt-cache.js";
import { setUpAptPreferences } from "./apt-preferences.js";
import { addSuites, fetchSuites, type AptSuite } from "./apt-suites.js";
import { withDebianSources } from "./debian-sources.js";
import { readMirrors, type Mirrors } from "./mirrors.js";
import { verifySuites } from "./verify-suites.js";

export default [
  defineElement({ name: "apt-preferences", setup: setUpAptPreferences }),
  defineElement({ name: "dpkg", setup: setUpAptCache }),
  defineElement({
    name: "debootstrap",
    setup({ hooks, addScript }) {
      let suites: readonly AptSuite[] = [];
      hooks.fingerprint.for("root").tapPromise(async (fingerprint) => {
        suites = await fetchSuites(fingerprint.env);
        addSuites(fingerprint, suites);
      });
      // Before the bootstrap (08), after what provides a keyring (07-ubuntu-keyring).
      addScript("root", "07-verify-suites", (run) => verifySuites(suites, run));
    },
  }),
  defineElement({
    name: "debian-minimal",
    setup({ hooks }) {
      let found: Mirrors | undefined;
      hooks.environment.tap((env) => withDebianSources(env, (found ??= readMirrors())));
    },
  }),
];
