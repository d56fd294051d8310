import { describe, expect, test } from "vitest";
import { withDebianSources } from "@dibjs/element-debian/debian-sources.js";

const env = { DIB_RELEASE: "bookworm", DIB_DEBIAN_COMPONENTS: "main,contrib" };
const host = { debian: "https://host.example.org/debian", security: "https://host.example.org/debian-security" };

describe("the sources of an image", () => {
  test("are release, updates and security of the mirrors that are given", () => {
    const given = {
      ...env,
      DIB_DISTRIBUTION_MIRROR: "http://m.example.org/debian",
      DIB_DEBIAN_SECURITY_MIRROR: "http://m.example.org/sec",
    };
    expect(withDebianSources(given, host).DIB_APT_SOURCES_CONF?.split("\n")).toEqual([
      "default:deb http://m.example.org/debian bookworm main contrib",
      "updates:deb http://m.example.org/debian bookworm-updates main contrib",
      "security:deb http://m.example.org/sec bookworm-security main contrib",
    ]);
  });

  test("come from the host's own archives when none is given", () => {
    expect(withDebianSources(env, host)).toMatchObject({
      DIB_DISTRIBUTION_MIRROR: host.debian,
      DIB_DEBIAN_SECURITY_MIRROR: host.security,
    });
  });

  test("are left to the bootstrapper when nothing is known", () => {
    expect(withDebianSources(env, {})).toEqual(env);
  });

  test("with a mirror alone, no image is made without security updates", () => {
    expect(() => withDebianSources({ ...env, DIB_DISTRIBUTION_MIRROR: "http://m.example.org/debian" }, {})).toThrow(
      expect.objectContaining({
        code: "PLAN_VARIABLE_INVALID",
        context: expect.objectContaining({ name: "DIB_DEBIAN_SECURITY_MIRROR" }) as unknown,
      }) as Error,
    );
  });

  test("are left alone when written out", () => {
    const written = { ...env, DIB_APT_SOURCES_CONF: "mine:deb http://x.example.org/debian sid main" };
    expect(withDebianSources(written, host)).toEqual(written);
  });

  test.each(["sid", "testing", "unstable"])("of %s have neither updates nor security", (release) => {
    expect(withDebianSources({ DIB_RELEASE: release }, host).DIB_APT_SOURCES_CONF).toBe(
      `default:deb ${host.debian} ${release} main`,
    );
  });
});
