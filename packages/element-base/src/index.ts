import { defineElement } from "@dibjs/core";
import { setUpElementManifest, setUpManifests } from "./manifests.js";
import { setUpPackageInstalls } from "./package-installs.js";
import { setUpPackageMap } from "./package-map.js";
import { setUpServiceMap } from "./service-map.js";
import { setUpSourceRepositories } from "./source-repositories.js";

/** The mechanisms that DIB has as programs on the build host. The other elements of this package are shell only. */
export default [
  defineElement({ name: "element-manifest", setup: setUpElementManifest }),
  defineElement({ name: "manifests", setup: setUpManifests }),
  defineElement({ name: "package-installs", setup: setUpPackageInstalls }),
  defineElement({ name: "pkg-map", setup: setUpPackageMap }),
  defineElement({ name: "source-repositories", setup: setUpSourceRepositories }),
  defineElement({ name: "svc-map", setup: setUpServiceMap }),
];
