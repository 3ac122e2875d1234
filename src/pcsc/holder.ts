/** Which process keeps a card busy. Linux tells; other systems do not, and then nobody is named. */
import { readdir, readFile } from "node:fs/promises"
import { basename } from "node:path"
import type { CardHolder } from "./failures.ts"

/** Programs that hold a card for long, most likely first. Linux cuts process names at 15 characters. */
const known = ["scdaemon", "yubikey-agent", "pivy-agent", "age-plugin-yubikey", "ts-age-yk", "ykman", "gpg-agent"]

/**
 * Looks for another process that has the PC/SC client library loaded.
 * @param ownPid - the process that asks, which is left out
 * @returns the likeliest holder, or null when none is seen (another user's processes are not)
 */
export async function findCardHolder(ownPid: number, proc = "/proc"): Promise<CardHolder | null> {
  const entries = await readdir(proc).catch(() => [])
  const holders: CardHolder[] = []
  for (const entry of entries) {
    const pid = Number(entry)
    if (!Number.isInteger(pid) || pid === ownPid) continue
    const holder = await clientOfPcsc(proc, pid)
    if (holder !== null) holders.push(holder)
  }
  const rank = (holder: CardHolder): number => {
    const index = known.indexOf(holder.name)
    return index < 0 ? known.length : index
  }
  return holders.sort((a, b) => rank(a) - rank(b) || a.pid - b.pid)[0] ?? null
}

async function clientOfPcsc(proc: string, pid: number): Promise<CardHolder | null> {
  try {
    const maps = await readFile(`${proc}/${pid}/maps`, "utf8")
    if (!maps.includes("libpcsclite")) return null
    const comm = (await readFile(`${proc}/${pid}/comm`, "utf8")).trim()
    if (comm === "pcscd") return null
    const argv = (await readFile(`${proc}/${pid}/cmdline`, "utf8")).split("\0")
    return { name: programName(comm, argv), pid }
  } catch {
    // The process has ended, or is not ours to look at.
    return null
  }
}

/** Options of Node that are followed by a module which is not the program. */
const preloads: ReadonlySet<string> = new Set(["-r", "--require", "--import", "--loader"])

/** An interpreter's name says nothing; the script's does. */
function programName(comm: string, argv: readonly string[]): string {
  const interpreted = /^(node|python\d?(\.\d+)?|MainThread)$/.test(comm)
  const script = argv
    .slice(1)
    .find((argument, index) => argument !== "" && !argument.startsWith("-") && !preloads.has(argv[index] ?? ""))
  const name = interpreted && script !== undefined ? basename(script) : basename(argv[0] ?? comm)
  return name === "cli.js" ? "ts-age-yk" : name === "plugin.js" ? "age-plugin-yubikey" : name
}
