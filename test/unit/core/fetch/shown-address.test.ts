import { expect, test } from "vitest";
import { shownAddress } from "@dibjs/core";

test.each([
  ["https://example.org/x@1", "https://example.org/x@1"],
  ["https://me:token@example.org/x", "https://example.org/x"],
  ["HTTPS://token@example.org?x=@", "HTTPS://example.org?x=@"],
  ["https://me:to@ken@example.org/x", "https://example.org/x"],
  ["git@example.org:x", "git@example.org:x"],
])("%s is shown as %s", (url, shown) => expect(shownAddress(url)).toBe(shown));
