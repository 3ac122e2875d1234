/** Our SOPS and the real one, on random files: `npm run differential` in small. */
import { join } from "node:path"
import { expect, it } from "vitest"
import { peers, run } from "./harness.ts"

it("sops decrypts what we encrypt and change, and we what it does, to the same bytes in 200 random cases", {
  timeout: 300_000,
}, async () => {
  const sops = join(peers, "bin", "sops")
  const args = ["scripts/run-ts.js", "scripts/differential.ts", "--cases", "200", "--sops", sops]
  const { code, stdout, all } = await run(process.execPath, args, { seconds: 280 })
  expect(stdout, all.slice(-3000)).toContain("200 cases, 0 differences")
  // Were sops not there, or its options others, no case would come to a comparison.
  const compared = [...stdout.matchAll(/^ *(\d+) same: /gm)].reduce((sum, match) => sum + Number(match[1]), 0)
  expect(compared).toBeGreaterThan(150)
  expect(code).toBe(0)
})
