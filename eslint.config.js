import tseslint from "typescript-eslint"

/** `new Error(` has no code, place or way out; these have. Misuse by our own code is a TypeError or RangeError. */
const noBareError = {
  selector: "NewExpression[callee.name='Error']",
  message: "throw a Failure (src/failure.ts), or a TypeError or RangeError for misuse by our own code",
}
/** The world (environment, exit, console) comes in from src/cli, so that everything below it can be tested and embedded. */
const worldOnly = ["exit", "env", "argv", "stdout", "stderr", "stdin"].map((property) => ({
  object: "process",
  property,
  message: "only src/cli touches the process; take it as an argument",
}))

export default tseslint.config(
  {
    ignores: [
      "dist/",
      "coverage/",
      "test/vectors/",
      "*.config.js",
      ".dependency-cruiser.js",
      "scripts/*.js",
      "bench/*.js",
      "**/*.mjs",
    ],
  },
  ...tseslint.configs.strictTypeChecked,
  ...tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "@typescript-eslint/consistent-type-definitions": ["error", "type"],
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/switch-exhaustiveness-check": "error",
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      "@typescript-eslint/no-non-null-assertion": "off",
      "@typescript-eslint/prefer-promise-reject-errors": "error",
      "@typescript-eslint/unified-signatures": "off",
      eqeqeq: "error",
      "no-console": "error",
    },
  },
  {
    files: ["src/**/*.ts"],
    rules: { "no-restricted-syntax": ["error", noBareError] },
  },
  {
    files: ["src/**/*.ts"],
    ignores: ["src/cli/**"],
    rules: { "no-restricted-properties": ["error", ...worldOnly] },
  },
  {
    // An ambient module cannot import a type by a relative path otherwise.
    files: ["**/*.d.ts"],
    rules: { "@typescript-eslint/consistent-type-imports": ["error", { disallowTypeAnnotations: false }] },
  },
  {
    files: ["test/**/*.ts", "native-test/**/*.ts", "bench/**/*.ts", "scripts/**/*.ts"],
    rules: { "no-console": "off" },
  },
)
