import { sha256 } from "../plan/digest.js";
import type { TargetFiles } from "../workspace/target.js";
import type { AptSuite } from "./report.js";

const lists = "/var/lib/apt/lists";

/** The suites that apt has the lists of; empty for other package managers. Sorted by name. */
export async function readAptSuites(target: TargetFiles): Promise<readonly AptSuite[]> {
  const names = await target.list(lists);
  const signedInline = names.filter((name) => name.endsWith("_InRelease"));
  const detached = names.filter(
    (name) => name.endsWith("_Release") && !signedInline.includes(name.replace(/_Release$/, "_InRelease")),
  );
  const suites = new Map<string, AptSuite>();
  for (const name of [...signedInline, ...detached].sort()) {
    const suite = describeSuite(name, (await target.read(`${lists}/${name}`)) ?? "");
    // Two sources of one origin and suite, which differ, are told apart by where they are.
    const key = isOther(suites.get(suite.suite), suite) ? `${suite.suite} ${placeOf(name)}` : suite.suite;
    suites.set(key, { ...suite, suite: key });
  }
  return [...suites.values()].sort((a, b) => (a.suite < b.suite ? -1 : 1));
}

const isOther = (known: AptSuite | undefined, suite: AptSuite): boolean =>
  known !== undefined && known.sha256 !== suite.sha256;

/** From the name of its list and the fields of its Release file. */
export function describeSuite(name: string, release: string): AptSuite {
  const field = (key: string) => new RegExp(`^${key}: *(.*)$`, "m").exec(release)?.[1]?.trim() ?? "";
  const label = field("Label") || field("Origin");
  const suite = /_dists_(.+)_(In)?Release$/.exec(name)?.[1]?.replaceAll("_", "/") ?? field("Suite");
  return {
    suite: label === "" || suite === "" ? placeOf(name) : `${label} ${suite}`,
    date: field("Date"),
    sha256: sha256(release),
  };
}

/** apt writes an address as a file name: `/` becomes `_`, and what would be one is escaped. */
const placeOf = (name: string): string => {
  const path = name.replace(/_(In)?Release$/, "").replaceAll("_", "/");
  return path.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
};
