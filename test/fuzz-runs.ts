/** How many inputs each parser is tried with: 1,000 in `npm test`, as many as FUZZ_RUNS says in `npm run fuzz`. */
export const fuzzRuns = Number(process.env["FUZZ_RUNS"] ?? 1000)
