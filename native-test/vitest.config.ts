import { defineConfig } from "vitest/config"

/** The tests of one folder need as many readers as its name says; those of native-test/ itself need none. */
const folders: Readonly<Record<string, string>> = {
  "no-reader": "native-test/*.test.ts",
  "one-reader": "native-test/one-reader/*.test.ts",
  "two-readers": "native-test/two-readers/*.test.ts",
}

/** Run by native-test/run inside with-pcscd; one file after the other, since they share its readers. */
export default defineConfig({
  test: {
    root: new URL("..", import.meta.url).pathname,
    include: [folders[process.env["NATIVE_TEST_FOLDER"] ?? ""] ?? "native-test/**/*.test.ts"],
    pool: "forks",
    fileParallelism: false,
    // Other people's programs, a daemon and terminals are not always on time; what needed a second attempt is named beside the sum.
    retry: 1,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})
