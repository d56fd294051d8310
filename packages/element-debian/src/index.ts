import { defineElement } from "@dibjs/core";
import { setUpAptCache } from "./apt-cache.js";
import { setUpAptPreferences } from "./apt-preferences.js";
import { addSuites } from "./apt-suites.js";
import { withDebianSources } from "./debian-sources.js";
import { readMirrors, type Mirrors } from "./mirrors.js";

export default [
  defineElement({ name: "apt-preferences", setup: setUpAptPreferences }),
  defineElement({ name: "dpkg", setup: setUpAptCache }),
  defineElement({
    name: "debootstrap",
    setup({ hooks }) {
      hooks.fingerprint.for("root").tapPromise((fingerprint) => addSuites(fingerprint));
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
