import { defineConfig } from "vitest/config"

/** Run by native-test/run inside with-pcscd; one file after the other, since they share its readers. */
export default defineConfig({
  test: {
    root: new URL("..", import.meta.url).pathname,
    include: ["native-test/**/*.test.ts"],
    pool: "forks",
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})
