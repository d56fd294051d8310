import { expect, test } from "vitest";
import { loadElement } from "@dibjs/core/elements/load.js";
import { anElement } from "../../../support/build-fixture.js";
import { tempFolder } from "../../../support/temp-folder.js";

const python = "#!/usr/bin/env python3\n";
const yaml = `${python}import json\nimport yaml\n`;
const shell = (text: string) => `#!/bin/bash\n${text}\n`;

/** Files of an element, and the modules that its Python must have; undefined when it needs none. */
const cases: Readonly<Record<string, readonly [Readonly<Record<string, string>>, readonly string[] | undefined]>> = {
  "a shell script": [{ "root.d/10-a": shell("true") }, undefined],
  "Python on the host": [{ "root.d/10-a": python }, []],
  "Python with PyYAML on the host": [{ "extra-data.d/10-merge": yaml }, ["yaml"]],
  "a program beside it, run by DIB_PYTHON_EXEC": [
    { "extra-data.d/99-squash": shell("sudo -E $DIB_PYTHON_EXEC $(dirname $0)/../bin/squash"), "bin/squash": yaml },
    ["yaml"],
  ],
  "a program for the image only": [{ "install.d/10-a": shell("run"), "bin/run": yaml }, undefined],
  "Python in the image": [{ "install.d/10-a": yaml }, undefined],
  "a script that is not run": [{ "extra-data.d/10-a.py": yaml, "extra-data.d/20-b": shell("true") }, undefined],
};

test.each(Object.entries(cases))("%s", async (_, [files, modules]) => {
  await using folder = await tempFolder();
  const element = anElement("subject");
  for (const [path, text] of Object.entries(files)) element.file(path, text, 0o755);
  const { hostCommands } = await loadElement({
    name: "subject",
    folder: element.writeTo(folder.path),
    source: "elements-path",
    version: "0.0.0-local",
  });
  expect(hostCommands.map((program) => [program.command, program.modules])).toEqual(
    modules === undefined ? [] : [["python3", modules]],
  );
});
