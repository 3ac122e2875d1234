import { describe, expect, it } from "vitest"
import { runProgram } from "../../src/cli/main.ts"
import { program } from "../../src/cli/program.ts"
import { Failure } from "../../src/failure.ts"
import { version } from "../../src/version.ts"
import { testWorld } from "./world.ts"

async function run(...args: readonly string[]): Promise<{ status: number; stdout: string; stderr: string }> {
  const { world, output } = testWorld()
  const status = await runProgram(args, world, program)
  return { status, ...output() }
}

describe("the program", () => {
  it("without a command shows all of them, and says by its status that nothing was done", async () => {
    const { status, stdout } = await run()
    expect(status).toBe(2)
    for (const name of ["decrypt", "encrypt", "identities", "rekey", "drill"])
      expect(stdout).toMatch(new RegExp(`^ {2}${name} +\\S`, "m"))
    expect(await run("--help")).toEqual({ status: 0, stdout, stderr: "" })
    expect(await run("help")).toEqual({ status: 0, stdout, stderr: "" })
  })

  it("says its version", async () => {
    expect(await run("--version")).toEqual({ status: 0, stdout: `ts-age-yk ${version}\n`, stderr: "" })
  })

  it.each([
    { args: ["decript", "a"], says: 'unknown command "decript"' },
    { args: ["--nonsense"], says: "no command" },
    { args: ["decrypt", "--nonsense"], says: "unknown option '--nonsense'" },
    { args: ["decrypt", "a", "b"], says: "too many arguments" },
    { args: ["decrypt", "--serial", "x"], says: "expected a whole number" },
    { args: ["yubikey", "generate", "--slot", "81"], says: "expected a slot" },
    { args: ["yubikey", "generate", "--pin-policy", "sometimes"], says: "expected never, once, always" },
    { args: ["exec-env", "a"], says: "missing required argument 'CMD'" },
    { args: ["filestatus"], says: "missing required argument 'FILE'" },
  ])("takes $args for wrong usage", async ({ args, says }) => {
    const { status, stdout, stderr } = await run(...args)
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" })
    expect(stderr).toContain(says)
    expect(stderr).toMatch(/^ts-age-yk: /)
  })

  it.each([
    {
      args: ["encrypt", "-i", "a"],
      hint: "ts-age-yk encrypt --help shows what it takes; behind ts-age-yk sops, it takes sops' own",
    },
    { args: ["audit", "waive", "--nonsense"], hint: "ts-age-yk audit waive --help shows what it takes" },
    { args: ["decrypt", "--serial", "x"], hint: null },
    { args: ["virtual"], hint: null },
  ])("says where it stands what $args may take", async ({ args, hint }) => {
    const { stderr } = await run(...args)
    expect(stderr.split("\n").filter((line) => line.includes("hint: "))).toEqual(
      hint === null ? [] : [`ts-age-yk: hint: ${hint}`],
    )
  })

  it("takes options in front of the command for the command's", async () => {
    expect(await run("--json", "doctor", "--reader", "virtual:/nonexistent")).toEqual(
      await run("doctor", "--json", "--reader", "virtual:/nonexistent"),
    )
  })

  it.each(["decrypt", "virtual"])("tells of %s with --help, and does nothing", async (name) => {
    const { status, stdout, stderr } = await run(name, "--help")
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" })
    expect(stdout).toMatch(new RegExp(`^Usage: ts-age-yk ${name} `))
  })
})

class Sample extends Failure {
  override readonly code = "sample"
  override readonly exit = 7
  constructor() {
    super("cut short", { where: { file: "a.age" }, hint: "take another" })
  }
}

describe("a run", () => {
  const failing = (error: unknown) => () => Promise.reject(error instanceof Error ? error : new TypeError("no error"))

  it("that fails says where, what and what next, and ends with the failure's status", async () => {
    const { world, output } = testWorld()
    expect(await runProgram([], world, failing(new Sample()))).toBe(7)
    expect(output().stderr).toBe("ts-age-yk: a.age: cut short\nts-age-yk: hint: take another\n")
  })

  it("that fails with --json says it as a document", async () => {
    const { world, output } = testWorld()
    expect(await runProgram(["--json"], world, failing(new Sample()))).toBe(7)
    expect(JSON.parse(output().stderr)).toEqual({
      failure: { code: "sample", exit: 7, where: { file: "a.age" }, text: "a.age: cut short", hint: "take another" },
    })
  })

  it("that fails by a fault of ours asks for a report, and shows nothing of what it worked on", async () => {
    const error = new TypeError("secret 123456")
    const { world, output } = testWorld()
    expect(await runProgram([], world, failing(error), "age-plugin-yubikey")).toBe(1)
    expect(output().stderr).toBe("age-plugin-yubikey: a fault in ts-age-yk itself (TypeError); please report it\n")
    const debug = testWorld({ env: { TS_AGE_YK_DEBUG: "1" } })
    await runProgram([], debug.world, failing(error))
    expect(debug.output().stderr).toContain("program.test.ts")
  })
})
