/** Where a YubiKey's PIN comes from: a person who is asked, or a descriptor or command that is read. */
import { spawn } from "node:child_process"
import type { Dialogue } from "../age/dialogue.ts"
import { PinSourceFailed } from "./failures.ts"

/** A person may correct a PIN; a program has one to give, and it is never shown to a card twice. */
export type PinSource =
  | Readonly<{ from: "person"; dialogue: Dialogue }>
  | Readonly<{
      from: "program"
      /** Whether it matters to it which YubiKey is asked about; then the serial is read from the card, not from a stub. */
      keyed: boolean
      /** @returns the PIN for this YubiKey, or null when it has none */
      pin: (serial: number | null) => Promise<string | null>
    }>
  | Readonly<{ from: "nobody" }>

/** A line `SERIAL PIN`; a PIN has at least 6 characters. */
const keyedLine = /^(\d{1,10})[ \t]+(\S{6,})$/

/**
 * A PIN source over text that is read when the first PIN is wanted: one line, the PIN of every YubiKey; or lines `SERIAL PIN`.
 * @param read - gives the whole text, once
 * @param name - how failures call it
 */
export function pinsFromText(read: () => Promise<string>, name: string): PinSource {
  let lines: Promise<string[]> | undefined
  return {
    from: "program",
    keyed: true,
    async pin(serial) {
      lines ??= read().then((text) => text.split(/\r?\n/).filter((line) => line !== ""))
      return pinFor(await lines, serial, name)
    },
  }
}

function pinFor(lines: readonly string[], serial: number | null, name: string): string | null {
  const [first] = lines
  if (first === undefined)
    throw new PinSourceFailed(`${name} gave no PIN`, "it must give one line, the PIN, or lines of SERIAL and PIN")
  const keyed = lines.map((line) => keyedLine.exec(line))
  if (keyed.every((match) => match === null)) {
    if (lines.length === 1) return first
    throw new PinSourceFailed(
      `${name} gave ${lines.length} lines that are not SERIAL and PIN`,
      "it must give one line, the PIN, or lines of SERIAL and PIN",
    )
  }
  return keyed.find((match) => Number(match?.[1]) === serial)?.[2] ?? null
}

/** Longest answer of a PIN command, in bytes, and its patience, in milliseconds. */
const commandLimit = 4096
const commandPatience = 120_000

/**
 * A PIN source that runs a shell command for each YubiKey, with `TS_AGE_YK_SERIAL` in its environment.
 * @param environment - passed on to it
 */
export function pinsFromCommand(command: string, environment: Readonly<Record<string, string | undefined>>): PinSource {
  return {
    from: "program",
    keyed: true,
    async pin(serial) {
      const text = await runPinCommand(command, {
        ...environment,
        ...(serial === null ? {} : { TS_AGE_YK_SERIAL: String(serial) }),
      })
      return pinFor(
        text.split(/\r?\n/).filter((line) => line !== ""),
        serial,
        "the PIN command",
      )
    },
  }
}

function runPinCommand(command: string, environment: Record<string, string | undefined>): Promise<string> {
  const hint = "its standard output must be the PIN, and its exit status 0"
  return new Promise((resolve, reject) => {
    const child = spawn(command, {
      shell: true,
      env: environment,
      stdio: ["ignore", "pipe", "inherit"],
      timeout: commandPatience,
    })
    const parts: Buffer[] = []
    child.stdout.on("data", (part: Buffer) => {
      parts.push(part)
      if (parts.reduce((total, { length }) => total + length, 0) > commandLimit) child.kill()
    })
    child.on("error", (cause) => {
      reject(new PinSourceFailed("the PIN command cannot be run", hint, { cause }))
    })
    child.on("close", (status, signal) => {
      const text = Buffer.concat(parts).toString("utf8")
      for (const part of parts) part.fill(0)
      if (status === 0) resolve(text)
      else
        reject(
          new PinSourceFailed(
            `the PIN command failed (${status === null ? (signal ?? "killed") : `exit status ${status}`})`,
            hint,
          ),
        )
    })
  })
}
