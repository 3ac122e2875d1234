/** A folder with a plain `s.yaml` and a `.sops.yaml` for the first of two keys, and commands that are run in it, with software keys. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { X25519Identity } from "../../src/age/x25519.ts"
import { Interrupted } from "../../src/cli/failures.ts"
import { runProgram } from "../../src/cli/main.ts"
import { program } from "../../src/cli/program.ts"
import { testWorld } from "./world.ts"

export type Ran = Readonly<{ status: number; out: string; err: string }>
/**
 * `answer`: what the person at the terminal says to a question; nothing at all, or Control-C. Without it, there is no terminal.
 * `identity`: which of the keys is at hand, if not the first.
 * `meanwhile` happens when a command looks at the clock: its input is read then, and nothing written.
 */
export type Given = Readonly<{
  input?: string
  env?: Record<string, string>
  answer?: boolean | null | "interrupt"
  identity?: number
  meanwhile?: () => void
}>

export const plain = "# c\na: 1\nb:\n    - x\n"

export class SopsFolder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "sops-run-"))
  readonly identities = [X25519Identity.generate(), X25519Identity.generate()].map((identity) => ({
    text: identity.revealText(),
    recipient: identity.recipient.text,
  }))

  constructor() {
    this.write(".sops.yaml", `creation_rules:\n  - age: ${this.recipient(0)}\n`)
    this.write("s.yaml", plain)
  }

  recipient(index: number): string {
    return this.identities[index]?.recipient ?? ""
  }

  key(index: number): { SOPS_AGE_KEY: string } {
    return { SOPS_AGE_KEY: this.identities[index]?.text ?? "" }
  }

  at(name: string): string {
    return join(this.path, name)
  }

  text(name: string): string {
    return readFileSync(this.at(name), "utf8")
  }

  write(name: string, content: string): void {
    writeFileSync(this.at(name), content)
  }

  editor(script: string): { EDITOR: string } {
    this.write("editor", `#!/bin/sh\n${script}\n`)
    chmodSync(this.at("editor"), 0o700)
    return { EDITOR: this.at("editor") }
  }

  /** Runs a command; what looks like a file's name is one in the folder. */
  async run(
    args: readonly string[],
    { input = "", env = {}, answer, identity = 0, meanwhile }: Given = {},
  ): Promise<Ran> {
    const ours = { PATH: process.env["PATH"], XDG_RUNTIME_DIR: this.path, TS_AGE_YK_READER: "none" }
    const { world, output } = testWorld({
      env: { ...ours, ...this.key(identity), ...env },
      home: this.path,
      now: () => {
        meanwhile?.()
        return new Date("2026-06-30T12:00:00Z")
      },
      input: async function* () {
        yield await Promise.resolve(Buffer.from(input))
      },
      terminal: () =>
        answer === undefined
          ? null
          : {
              tell: () => Promise.resolve(),
              ask: () => Promise.resolve(null),
              askSecret: () => Promise.resolve(null),
              confirm: () => (answer === "interrupt" ? Promise.reject(new Interrupted()) : Promise.resolve(answer)),
            },
    })
    const named = args.map((arg) => (/^[\w-]+\.(yaml|json|env|ini|bin)$/.test(arg) ? this.at(arg) : arg))
    const status = await runProgram(named, world, program)
    const { stdout, stderr } = output()
    return { status, out: stdout, err: stderr }
  }

  /** The plaintext of a file, opened with one of the keys. */
  async decrypted(name: string, identity = 0): Promise<string> {
    return (await this.run(["decrypt", this.at(name)], { identity })).out
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true })
  }
}
