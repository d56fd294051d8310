import { expect, test } from "vitest";
import { formatProfile } from "@dibjs/cli/progress/profile.js";

test("the profile is DIB's table, scripts in bytewise order of their names", () => {
  const lines = formatProfile("install.d", [
    { script: "2-late", seconds: 1.5 },
    { script: "10-long", seconds: 123.4567 },
  ]);
  expect(lines).toEqual([
    "----------------------- PROFILING -----------------------",
    "",
    "Target: install.d",
    "",
    "Script                                     Seconds",
    "---------------------------------------  ----------",
    "",
    "10-long                                     123.457",
    "2-late                                        1.500",
    "",
    "--------------------- END PROFILING ---------------------",
  ]);
});
