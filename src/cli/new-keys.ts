/** Where the key of a new host or person comes from, by the options of `host add`, `key add` and `key replace`. */
import { join } from "node:path"
import type { Command } from "commander"
import {
  keyFromKnownHosts,
  keyFromRecipient,
  keyFromSshFile,
  keyFromSshLine,
  type NewKey,
} from "../ceremony/new-key.ts"
import { printable } from "../quote.ts"
import { readText } from "../read-file.ts"
import { WrongUsage } from "./failures.ts"
import { collect, parseNumber } from "./options.ts"
import type { World } from "./world.ts"

export type KeyOptions = Readonly<{
  sshKey?: string
  sshPublic?: string
  knownHosts?: string
  knownHostsFile?: string
  age?: string
}>

/** The sources of a key. */
export function declareNewKey(command: Command): Command {
  return command
    .option("--ssh-key <FILE>", "its SSH key file: public, or private to prove itself")
    .option("--ssh-public <LINE>", "its public line, ssh-ed25519 AAAA…")
    .option("--known-hosts <HOST>", "its key as known_hosts has it")
    .option("--known-hosts-file <FILE>", "another file than ~/.ssh/known_hosts")
    .option("--age <RECIPIENT>", "its recipient, age1…")
}

/** Where a new key goes, and whether it must prove itself. */
export function declareJoin(command: Command): Command {
  return command
    .option("--like <NAME>", "it shall read what this key reads")
    .option(
      "--rule <RULE>",
      "it shall read what this rule is for: its number, or its path_regex (repeatable)",
      collect(String),
    )
    .option("--group <N>", "the key group of the rules, where they have several", parseNumber)
    .option("--comment <TEXT>", "what .sops.yaml says of it, where it says something of others")
}

/** `--no-proof REASON`: commander makes it a value of `proof`, which is true without it. */
export function declareProof(command: Command): Command {
  return command.option("--no-proof <REASON>", "it need not open a challenge; the reason is recorded")
}

/**
 * Reads the key that the options name.
 * @throws WrongUsage when they name none, or several; NewKeyRefused, ReadFailed
 */
export async function readNewKey(options: KeyOptions, world: World): Promise<NewKey> {
  const { sshKey, sshPublic, knownHosts, age } = options
  const given = [sshKey, sshPublic, knownHosts, age].filter((source) => source !== undefined)
  if (given.length !== 1)
    throw new WrongUsage(given.length === 0 ? "whose key is it?" : "several keys are named", {
      hint: "one of --ssh-key FILE, --ssh-public LINE, --known-hosts HOST, --age RECIPIENT",
    })
  if (sshKey !== undefined) return keyFromSshFile(await readText(sshKey), printable(sshKey), world.terminal())
  if (sshPublic !== undefined) return keyFromSshLine(sshPublic, "the line that was given")
  if (knownHosts !== undefined) {
    const file = options.knownHostsFile ?? join(world.home, ".ssh", "known_hosts")
    return keyFromKnownHosts(await readText(file), knownHosts, file)
  }
  return keyFromRecipient(age ?? "")
}
