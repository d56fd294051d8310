/**
 * A machine that builds loses its power at random moments. Whatever of its layers is there afterwards was stored whole: none is
 * damaged, and what is built on them is right.
 */
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { anElement } from "../../support/build-fixture.js";
import { cacheFolder } from "../../support/cache-folder.js";
import { repository, runInGuest } from "../../support/guest/guest.js";
import { copyPrograms } from "../../support/host-programs.js";
import { tempFolder } from "../../support/temp-folder.js";

const times = Number(process.env["DIB_TEST_POWER_CUTS"] ?? 20);
const dib = `${repository}/packages/cli/bin/dib.js`;

/** Three phases with a few megabytes each: while it is stored there is something to tear. The token is in all of them. */
const toy = () =>
  anElement("toy")
    .provides("operating-system")
    .script(
      "root.d/10-toy",
      `set -euo pipefail
mkdir -p "$TARGET_ROOT"/{bin,usr/bin,usr/local/bin,etc,tmp,proc,sys,dev,root,run,var/log,var/lib}
${copyPrograms("bash sh cat env head mkdir rm")}
ln -s ../../bin/env "$TARGET_ROOT/usr/bin/env"
for n in 1 2 3; do head -c 3000000 /dev/urandom > "$TARGET_ROOT/var/lib/random-$n"; done`,
    )
    .script(
      "pre-install.d/10-x",
      `. /tmp/in_target.d/token; for n in 1 2 3; do { cat /bin/bash; echo; echo $token; } > /etc/one-$n; done`,
    )
    .script("install.d/10-x", `. /tmp/in_target.d/token; { cat /bin/bash /bin/bash; echo; echo $token; } > /etc/two`)
    .file("token", "token=0\n");

/** Builds again and again, each time with another token, until the power goes. First, what is there must be whole. */
const command = (folder: string, isLast: boolean) => `
cd /var/tmp
set -e
cp -r ${folder}/elements /var/tmp/elements.new && rm -rf elements && mv elements.new elements
build() { node ${dib} build -n toy -t tar -o image --image-cache /var/tmp/cache --elements-path /var/tmp/elements --overwrite-old-image --quiet; }
check() { tar -xOf image.tar ./etc/one-3 | tail -n 1; tar -xOf image.tar ./etc/two | tail -n 1; }
node ${dib} cache verify --image-cache /var/tmp/cache || exit 3
for token in $(ls -1 tokens 2> /dev/null | tail -n 3); do
  echo "token=$token" > elements/toy/token; build; [ "$(check)" = "$(printf '%s\\n%s' $token $token)" ] || exit 4
done
touch ${folder}/checked
${isLast ? "exit 0" : ""}
mkdir -p tokens
while true; do
  token=$(date +%s%N); echo "token=$token" > elements/toy/token; touch tokens/$token; build; check
done`;

test(`after each of ${times} power cuts the layers that are there are whole, and what is built on them is right`, async () => {
  await using folder = await tempFolder();
  toy().writeTo(join(folder.path, "elements"));
  const disk = join(folder.path, "disk");
  const checked = join(folder.path, "checked");
  for (let cut = 0; cut <= times; cut++) {
    rmSync(checked, { force: true });
    const isLast = cut === times;
    const run = runInGuest({
      command: command(folder.path, isLast),
      share: [
        { folder: folder.path, isWritable: true },
        { folder: cacheFolder, isWritable: false }, // the programs of the toy lie there
      ],
      disk,
      diskGiB: 8,
      timeoutSeconds: 900,
      ...(isLast ? {} : { onStart: (kill: () => void) => void cutAfter(checked, kill) }),
    });
    const ended = await run.then(
      ({ exitCode, stderr }) => ({ exitCode, stderr }),
      () => ({ exitCode: "cut", stderr: "" }),
    );
    const found = { cut, ...ended, wasChecked: existsSync(checked) };
    expect(found, ended.stderr).toMatchObject({ exitCode: isLast ? 0 : "cut", wasChecked: true });
  }
});

/** At a random moment of what the guest builds once it has said that what it found is whole. */
async function cutAfter(checked: string, kill: () => void): Promise<void> {
  const until = performance.now() + 800_000;
  while (!existsSync(checked) && performance.now() < until) await sleep(200);
  await sleep(Math.random() * 25_000);
  kill();
}
