import { expect, test } from "vitest";
import { parseSourceRepositories } from "@dibjs/element-base/parse-source-repositories.js";
import { vector } from "../../support/vectors.js";

const parse = (line: string, env: Readonly<Record<string, string>> = {}) =>
  parseSourceRepositories({ element: "one", file: "source-repository-one", text: `# comment\n\n${line}\n` }, env);

vector(
  "source-repositories/parse",
  () => {
    expect(parse("code git /opt/code https://example.org/code.git")).toEqual([
      { name: "code", type: "git", destination: "/opt/code", location: "https://example.org/code.git", ref: "master" },
    ]);
    expect(parse("data tar /opt/data https://example.org/data.tgz")[0]?.ref).toBe("*");
  },
  "a git line without a reference means master; an archive without one, the content of its folders",
);

test("variables are expanded, with defaults, and nothing is executed", () => {
  const [repository] = parse("code git ${DIB_WHERE:-/opt}/code $DIB_FROM/$(id) v1", {
    DIB_FROM: "https://example.org",
  });
  expect(repository).toMatchObject({ destination: "/opt/code", location: "https://example.org/$(id)" });
});

vector(
  "source-repositories/override-names",
  () => {
    const env = {
      DIB_REPOTYPE_my_code: "file",
      DIB_REPOLOCATION_my_code: "https://other.example.org/x",
      DIB_REPOREF_my_code: "v2",
    };
    expect(parse("my-code git /opt/code https://example.org/code.git", env)).toEqual([
      { name: "my-code", type: "file", destination: "/opt/code", location: "https://other.example.org/x", ref: "v2" },
    ]);
  },
  "variables named after the repository replace type, location and reference",
);

test("the reference that is not written follows from the type that counts", () => {
  const line = "code tar /opt/code https://example.org/code.git";
  const env = { DIB_REPOTYPE_code: "git", DIB_GITREPOBASE: "file:///mirror" };
  expect(parse(line, env)[0]).toMatchObject({ type: "git", ref: "master", location: "file:///mirror/code.git" });
});

test("DIB_GITREPOBASE replaces scheme and host of a git location, not of one that is overridden", () => {
  const env = { DIB_GITREPOBASE: "file:///mirror/" };
  expect(parse("a git /a https://example.org/~me/x/y", env)[0]?.location).toBe("file:///mirror/x/y");
  expect(
    parse("a git /a https://example.org/x", { ...env, DIB_REPOLOCATION_a: "https://example.net/x" })[0]?.location,
  ).toBe("https://example.net/x");
});

vector(
  "source-repositories/install-type",
  () => {
    expect(parse("code git /opt/code https://example.org/x", { DIB_INSTALLTYPE_code: "package" })).toEqual([]);
    expect(parse("code package")).toEqual([]);
  },
  "what is to be installed as a package is not fetched",
);

for (const line of [
  "code",
  "code svn /opt/code https://example.org/x",
  "code git opt/code https://example.org/x",
  "code git /opt/code",
])
  vector(
    "source-repositories/unparsable",
    () => expect(() => parse(line)).toThrow(expect.objectContaining({ code: "ELEMENT_FILE_INVALID" }) as Error),
    line,
  );

test("a line that is refused is shown without the credentials in it", () => {
  for (const location of ["https://me:token@example.org/x", "${DIB_X:-https://me:token@example.org/x}"])
    expect(() => parse(`code cvs /opt/code ${location}`)).toThrow(
      expect.objectContaining({
        code: "ELEMENT_FILE_INVALID",
        message: expect.not.stringContaining("token") as string,
      }),
    );
});
