import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readAptSuites } from "@dibjs/core/report/apt-suites.js";
import { targetFiles } from "@dibjs/core/workspace/target.js";
import { expect, test } from "vitest";
import { tempFolder } from "../../../support/temp-folder.js";

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const release = (fields: Record<string, string>) =>
  Object.entries(fields)
    .map(([key, value]) => `${key}: ${value}\n`)
    .join("");

async function suitesOf(lists: Readonly<Record<string, string>>) {
  await using folder = await tempFolder();
  mkdirSync(join(folder.path, "var/lib/apt/lists"), { recursive: true });
  for (const [name, text] of Object.entries(lists)) writeFileSync(join(folder.path, "var/lib/apt/lists", name), text);
  return await readAptSuites(targetFiles(folder.path)); // before the folder goes
}

const date = "Mon, 01 Jan 2024 00:00:00 UTC";

test("suites are named by their origin and not by the mirror, so that two mirrors of one state are the same", async () => {
  const debian = release({ Origin: "Debian", Label: "Debian", Suite: "oldstable", Codename: "bookworm", Date: date });
  const security = release({ Origin: "Debian", Label: "Debian-Security", Suite: "oldstable-security", Date: date });
  const ubuntu = release({ Origin: "Ubuntu", Label: "Ubuntu", Suite: "noble-updates", Codename: "noble", Date: date });
  for (const mirror of ["mirror.example", "127.0.0.1:3142_other.example"]) {
    expect(
      await suitesOf({
        [`${mirror}_debian_dists_bookworm_InRelease`]: debian,
        [`${mirror}_debian_dists_bookworm_main_binary-amd64_Packages`]: "",
        [`${mirror}_debian-security_dists_bookworm-security_InRelease`]: security,
        [`${mirror}_ubuntu_dists_noble-updates_InRelease`]: ubuntu,
        partial: "",
      }),
    ).toEqual([
      { suite: "Debian bookworm", date, sha256: sha256(debian) },
      { suite: "Debian-Security bookworm-security", date, sha256: sha256(security) },
      { suite: "Ubuntu noble-updates", date, sha256: sha256(ubuntu) },
    ]);
  }
});

test("a suite with a detached signature counts, one with both forms counts once", async () => {
  const text = release({ Label: "Acme", Date: date });
  const suites = await suitesOf({
    "a.example_dists_one_Release": text,
    "a.example_dists_two_Release": text,
    "a.example_dists_two_InRelease": text,
  });
  expect(suites.map(({ suite }) => suite)).toEqual(["Acme one", "Acme two"]);
});

test("an archive that says nothing of itself is named by its place, as are two that say the same", async () => {
  const suites = await suitesOf({
    "a.example_flat%5fpath_._InRelease": release({ Date: date }),
    "b.example_dists_one_InRelease": release({ Label: "Acme", Date: date }),
    "c.example_dists_one_InRelease": release({ Label: "Acme", Date: "later" }),
  });
  expect(suites.map(({ suite }) => suite)).toEqual([
    "Acme one",
    "Acme one c.example/dists/one",
    "a.example/flat_path/.",
  ]);
});

test("without apt there are none", async () => {
  await using folder = await tempFolder();
  expect(await readAptSuites(targetFiles(folder.path))).toEqual([]);
});
