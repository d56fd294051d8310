import { expect, test } from "vitest";
import { cureOf } from "@dibjs/cli/commands/doctor.js";

const fact = (ok: boolean, fix?: string, packages: readonly string[] = []) => ({
  what: "x",
  ok,
  isRequired: false,
  detail: "",
  fix,
  packages,
});

test("one command installs all that is missing, each package once", () => {
  const facts = [
    fact(true),
    fact(false, "apt-get install xfsprogs mtools", ["xfsprogs", "mtools"]),
    fact(false, "apt-get install mtools", ["mtools"]),
    fact(false, "modprobe loop"),
  ];
  expect(cureOf(facts)).toBe("apt-get install xfsprogs mtools");
});

test("nothing missing, no command", () => {
  expect(cureOf([fact(true), fact(false, "modprobe loop")])).toBeUndefined();
});
