import { coreVersion } from "../elements/cores.js";
import type { ElementManifest } from "../elements/element.js";
import type { KnownElements } from "../lint/source.js";
import { asideFolder } from "../pack/left-out.js";
import { descriptionOf, type ReadmeFacts } from "./convert-readme.js";

interface PackageFacts extends Pick<ReadmeFacts, "name" | "text" | "isMarkdown"> {
  readonly packageName: string;
  readonly license: string | undefined;
  readonly needs: readonly { readonly name: string; readonly range: string }[];
  readonly provides: readonly string[];
  readonly known: KnownElements;
}

/** Of every imported package. */
export const firstVersion = "1.0.0";

/** The package.json of an imported element: what element-deps and element-provides said, with versions. */
export function packageJsonOf({ name, packageName, license, needs, provides, known, ...readme }: PackageFacts) {
  const core = `^${coreVersion}`;
  const rangeOf = (needed: string, written: string) => (written === "*" ? versionsOf(needed, known) : written);
  const dib: ElementManifest = {
    apiVersion: 1,
    core,
    elements: { [name]: `./elements/${name}` },
    ...(provides.length === 0 ? {} : { provides: { [name]: provides } }),
    ...(needs.length === 0
      ? {}
      : { requires: Object.fromEntries(needs.map((each) => [each.name, rangeOf(each.name, each.range)])) }),
    manifest: "./dib-manifest.json",
  };
  const peers = needs.flatMap((each): [string, string][] => {
    const found = known.get(each.name)?.package?.name;
    return found === undefined ? [] : [[found, versionsOf(each.name, known)]];
  });
  return {
    ...{ name: packageName, version: firstVersion, description: descriptionOf({ name, ...readme }) },
    keywords: ["dib-element"],
    ...(license === undefined ? {} : { license }),
    dib,
    files: ["elements", "dib-manifest.json", asideFolder],
    scripts: { prepack: "dib pack", lint: "dib lint" },
    peerDependencies: { "@dibjs/core": core, ...Object.fromEntries(peers.sort()) },
    devDependencies: { "@dibjs/cli": core },
  };
}

/** From the version that is there now up to the next that may break; any, of a folder without a package. */
function versionsOf(name: string, known: KnownElements): string {
  const { version, package: from } = known.get(name) ?? {};
  return from === undefined || version === undefined ? "*" : `^${version}`;
}
