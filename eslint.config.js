import js from "@eslint/js";
import tseslint from "typescript-eslint";

const nodeGlobals = Object.fromEntries(
  [
    "AbortController",
    "Buffer",
    "URL",
    "console",
    "fetch",
    "performance",
    "process",
    "setInterval",
    "setTimeout",
    "clearInterval",
    "clearTimeout",
  ].map((name) => [name, "readonly"]),
);

export default tseslint.config(
  {
    ignores: ["**/dist/**", "out/**", "test/fixtures/**", "packages/create-element/templates/**", "**/node_modules/**"],
  },
  js.configs.recommended,
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: {
      parserOptions: {
        projectService: { allowDefaultProject: ["vitest.config.ts"] },
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/require-await": "off",
      "@typescript-eslint/no-base-to-string": "off", // it objects to String() of a narrowed unknown
      // A resource is held by its declaration alone.
      "@typescript-eslint/no-unused-vars": [
        "error",
        { ignoreUsingDeclarations: true, argsIgnorePattern: "^_", varsIgnorePattern: "^_" },
      ],
      "max-lines": ["warn", { max: 250, skipBlankLines: true, skipComments: true }],
    },
  },
  {
    files: ["**/*.js", "**/*.mjs"],
    languageOptions: { globals: nodeGlobals },
  },
);
