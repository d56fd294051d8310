import { masker, secretTexts } from "@dibjs/core/mask.js";
import { expect, test } from "vitest";

test("what a program says of a URL is masked, also when it does not say all of it", () => {
  const secrets = { DIB_PYPI_MIRROR_URL: "https://ada:hunter2!@pypi.example/simple" };
  const runEnvironment = { http_proxy: "http://ada:pr0xy@proxy.example:3128", TERM: "xterm" };
  const mask = masker(secretTexts({ secrets, runEnvironment }));
  expect(mask("using https://ada:hunter2!@pypi.example/simple")).toBe("using ***");
  expect(mask("GET https://ada:hunter2!@pypi.example/other")).toBe("GET https://ada:***@pypi.example/other");
  expect(mask("via ada:pr0xy@proxy.example, xterm")).toBe("via ada:***@proxy.example, xterm");
});
