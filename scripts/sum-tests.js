// Sums vitest's JSON reports: node scripts/sum-tests.js REPORT...
// Names each test that failed or was tried again, with what it said, and ends with the line "N passed, N failed"; exits 1 unless all passed.
// A file that failed outside its tests, and a run that made no report, count as one failure each.
import { readFileSync } from "node:fs"
import { relative } from "node:path"

let passed = 0
const failures = []
const retried = []
for (const path of process.argv.slice(2)) {
  let report
  try {
    report = JSON.parse(readFileSync(path, "utf8"))
  } catch {
    failures.push({ name: path, message: "no report was made" })
    continue
  }
  passed += report.numPassedTests
  for (const { name, status, message, assertionResults } of report.testResults) {
    const file = relative(process.cwd(), name)
    const failed = assertionResults.filter((test) => test.status === "failed")
    for (const { fullName, failureMessages } of failed)
      failures.push({ name: `${file} > ${fullName}`, message: failureMessages.join("\n") })
    for (const { status: outcome, fullName, failureMessages } of assertionResults)
      if (outcome === "passed" && failureMessages.length > 0)
        retried.push({ name: `${file} > ${fullName}`, message: failureMessages.join("\n") })
    if (status === "failed" && failed.length === 0) failures.push({ name: file, message })
  }
}
/** @param {string} what @param {readonly { name: string, message: string }[]} tests */
function show(what, tests) {
  for (const { name, message } of tests)
    console.log(`${what} ${name}\n${message.slice(0, 2_000).replaceAll(/^/gm, "  ")}\n`)
}

show("PASSED WHEN TRIED AGAIN", retried)
show("FAILED", failures)
console.log(`${passed} passed, ${failures.length} failed`)
process.exitCode = failures.length === 0 && passed > 0 ? 0 : 1
