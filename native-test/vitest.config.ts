import { defineConfig } from "vitest/config"

/** The tests of one folder need as many readers as its name says. */
const folder = process.env["NATIVE_TEST_FOLDER"] ?? "*"

/** Run by native-test/run inside with-pcscd; one file after the other, since they share its readers. */
export default defineConfig({
  test: {
    root: new URL("..", import.meta.url).pathname,
    include: [`native-test/${folder}/*.test.ts`],
    pool: "forks",
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})
