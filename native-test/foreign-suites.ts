/** Other people's test suites, run against a card in the reader, with the outcome of each of their tests. */
import { mkdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { peers, python, run, scratch } from "./harness.ts"

/** One test of theirs. `said` is what it gave as the reason of a skip, or the failure's text. */
export type ForeignTest = { name: string; result: "passed" | "failed" | "skipped"; said: string }

function unescapeXml(text: string): string {
  const named: Record<string, string> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" }
  return text.replace(/&(?:#(\d+)|#x([0-9a-f]+)|(\w+));/gi, (whole, decimal?: string, hex?: string, name?: string) => {
    if (decimal !== undefined) return String.fromCodePoint(Number(decimal))
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16))
    return named[name ?? ""] ?? whole
  })
}

function attribute(tag: string, name: string): string {
  return unescapeXml(new RegExp(`\\b${name}="([^"]*)"`).exec(tag)?.[1] ?? "")
}

/** Reads pytest's JUnit report. */
export function readJunit(xml: string): ForeignTest[] {
  const cases = xml.matchAll(/<testcase\b([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g)
  return Array.from(cases, ([, head = "", body = ""]) => {
    const skip = /<skipped\b([^>]*)/.exec(body)
    const failure = /<(?:failure|error)\b([^>]*)>/.exec(body)
    return {
      name: `${attribute(head, "classname").replace(/^tests\.device\./, "")}.${attribute(head, "name")}`,
      result: failure !== null ? "failed" : skip !== null ? "skipped" : "passed",
      said: attribute((failure ?? skip)?.[1] ?? "", "message"),
    }
  })
}

/** Reads what a Go test binary says with -test.v: its top-level tests, and for each the lines before its verdict. */
export function readGoTest(output: string): ForeignTest[] {
  const tests: ForeignTest[] = []
  let said: string[] = []
  for (const line of output.split("\n")) {
    const verdict = /^--- (PASS|FAIL|SKIP): (\S+)/.exec(line)
    if (verdict === null) {
      if (!line.startsWith("=== ")) said.push(line.trim())
      continue
    }
    const result = verdict[1] === "PASS" ? "passed" : verdict[1] === "FAIL" ? "failed" : "skipped"
    tests.push({ name: verdict[2] ?? "", result, said: result === "passed" ? "" : said.join("\n") })
    said = []
  }
  return tests
}

/** Yubico's device tests of PIV, library and command line. */
export async function runYubikitSuite(serial: number): Promise<ForeignTest[]> {
  const report = join(scratch(), "report.xml")
  const args = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "--device", String(serial), `--junitxml=${report}`]
  const outcome = await run(python, [...args, "tests/device/test_piv.py", "tests/device/cli/piv"], {
    cwd: join(peers, "yubikit-tests"),
    seconds: 300,
  })
  try {
    return readJunit(readFileSync(report, "utf8"))
  } catch (cause) {
    throw new TypeError(`pytest made no report: ${outcome.all.slice(-2000)}`, { cause })
  }
}

/** piv-go's tests, all but those that `leaveOut` matches, which count as skipped. */
export async function runPivGoSuite(leaveOut: RegExp): Promise<ForeignTest[]> {
  const home = scratch()
  mkdirSync(home, { recursive: true })
  const binary = join(peers, "bin", "piv-go.test")
  const listed = (await run(binary, ["-test.list", "."])).stdout.split("\n").filter((name) => name.startsWith("Test"))
  const chosen = listed.filter((name) => !leaveOut.test(name))
  const outcome = await run(binary, ["--wipe-yubikey", "-test.v", "-test.run", `^(?:${chosen.join("|")})$`], {
    cwd: home,
    // It makes RSA keys that Go's own library now refuses to make, as tests of the card's refusal.
    env: { GODEBUG: "rsa1024min=0" },
    seconds: 300,
  })
  const left = listed.filter((name) => leaveOut.test(name))
  return [
    ...readGoTest(outcome.stdout),
    ...left.map((name): ForeignTest => ({ name, result: "skipped", said: "left out by skips.json" })),
  ]
}
