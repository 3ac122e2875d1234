/** What native tests share: a card in the private pcscd's reader, and other people's programs run against it. */
import { execFile } from "node:child_process"
import { mkdtempSync } from "node:fs"
import { homedir, tmpdir } from "node:os"
import { join } from "node:path"
import { type CardState, serveVpcd, VirtualCard, type VirtualOptions } from "../src/virtual/index.ts"

/** Where native-test/install-peers puts things. */
export const peers =
  process.env["TS_AGE_YK_PEERS"] ??
  join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "ts-age-yk", "peers")

/** The newest ykman, beside Debian's `/usr/bin/ykman`. */
export const newYkman = join(peers, "yubikit-venv", "bin", "ykman")
export const python = join(peers, "yubikit-venv", "bin", "python")

/** Yubico's default management key, as its tools want it written. */
export const defaultManagementKey = "010203040506070801020304050607080102030405060708"

/** What a program did. `code` is null when it was killed. */
export type Outcome = { code: number | null; stdout: string; stderr: string; all: string }

export type RunOptions = { input?: string | Uint8Array; env?: Record<string, string>; cwd?: string; seconds?: number }

/** Runs a program with the peers on its PATH, without a terminal. It never rejects: how it ended is in the outcome. */
export function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = execFile(
      program,
      args,
      {
        encoding: "utf8",
        maxBuffer: 1 << 26,
        timeout: (options.seconds ?? 50) * 1000,
        killSignal: "SIGKILL",
        env: { ...process.env, PATH: `${join(peers, "bin")}:${process.env["PATH"] ?? ""}`, ...options.env },
        ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      },
      (failure, stdout, stderr) => {
        const code = failure === null ? 0 : typeof failure.code === "number" ? failure.code : null
        resolve({ code, stdout, stderr, all: stdout + stderr })
      },
    )
    child.stdin?.on("error", () => undefined)
    child.stdin?.end(options.input)
  })
}

/** A word of a script for expect. */
export function tclWord(text: string): string {
  return `"${text.replace(/[\\"$[\]]/g, "\\$&")}"`
}

/**
 * Runs a program on a terminal, and types the PIN whenever it asks for one.
 * @returns what the terminal showed, in `stdout`
 */
export function runWithPin(pin: string, program: string, args: readonly string[], options: RunOptions = {}) {
  // Typed before the program has switched the echo off, a PIN is thrown away with the rest of the input. Some programs show the
  // question again when it was answered, with the echo on: hence the end to the patience.
  const script = `
    log_user 1
    set timeout ${options.seconds ?? 20}
    spawn -noecho ${[program, ...args].map(tclWord).join(" ")}
    expect {
      -re {Enter PIN for[^\\n]*serial} {
        set state ""
        for {set left 50} {$left > 0 && ![string match {* -echo *} $state]} {incr left -1} {
          sleep 0.02
          catch { exec stty -a < $spawn_out(slave,name) } state
        }
        send -- ${tclWord(`${pin}\r`)}
        exp_continue
      }
      timeout { exec kill -9 [exp_pid]; exit 124 }
      eof
    }
    exit [lindex [wait] 3]
  `
  return run("expect", ["-c", script], options)
}

/** A folder that goes with the namespace's /tmp. */
export function scratch(): string {
  return mkdtempSync(join(tmpdir(), "ts-age-yk-native-"))
}

class WatchedCard extends VirtualCard {
  #seen: () => void = () => undefined
  readonly seen = new Promise<void>((resolve) => {
    this.#seen = resolve
  })
  override get atr(): Uint8Array {
    this.#seen()
    return super.atr
  }
}

/** A card in a reader, until it is disposed of: `await using card = await insert(state)`. */
export type Inserted = { card: VirtualCard } & AsyncDisposable

const firstPort = 35963

/** Puts a card into the first or second reader, and waits until pcscd has noticed. */
export async function insert(state: CardState, options: VirtualOptions = {}, reader: 0 | 1 = 0): Promise<Inserted> {
  const card = new WatchedCard(state, options)
  const link = await serveVpcd(card, { host: "127.0.0.1", port: firstPort + reader })
  // pcscd reads the answer to reset, and then tells its clients of the card.
  await card.seen
  await new Promise((resolve) => setTimeout(resolve, 150))
  return {
    card,
    [Symbol.asyncDispose]: async () => {
      await link.close()
      await emptied()
    },
  }
}

/** pcscd looks for a card that left once in 400 ms. */
function emptied(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 900))
}
