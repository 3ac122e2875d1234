/** The examination behind `doctor`: it looks, changes nothing, needs no PIN, and goes on after a finding. */
import { access, constants } from "node:fs/promises"
import { delimiter, join } from "node:path"
import { counted } from "../counted.ts"
import { explain, Failure } from "../failure.ts"
import type { Reader } from "../pcsc/card-transport.ts"
import { AppletMissing } from "../piv/failures.ts"
import type { PivSession } from "../piv/session.ts"
import { printable } from "../quote.ts"
import { advisoriesFor } from "../yubikey/attestation-advisories.ts"
import { YubiKeyCard } from "../yubikey/card.ts"
import { cardKind, takeInventory } from "../yubikey/inventory.ts"

/** One thing that was looked at. `remedy`: what to do about it, a command as a rule. */
export type Finding = Readonly<{ state: "good" | "note" | "bad"; what: string; remedy?: string }>

type Examination = Readonly<{
  readers: () => Promise<Reader[]>
  /** The PATH that clients of the plugin search. */
  path: string
  show: (finding: Finding) => Promise<void>
}>

/** Looks at the programs on PATH, the smart card service, each reader and each YubiKey. */
export async function examine({ readers, path, show }: Examination): Promise<void> {
  for (const name of ["age-plugin-yubikey", "age-plugin-tag"]) await show(await examineProgram(name, path))
  let found: Reader[]
  try {
    found = await readers()
  } catch (failure) {
    if (!(failure instanceof Failure)) throw failure
    const { text, hint } = explain(failure)
    await show({ state: "bad", what: text, ...(hint === undefined ? {} : { remedy: hint }) })
    return
  }
  await show({ state: "good", what: "smart card service answers" })
  if (found.length === 0)
    await show({
      state: "bad",
      what: "no reader holds a card",
      remedy:
        "plug the YubiKey in; on a virtual machine, pass its USB device through; a charge-only cable has no data lines",
    })
  for (const reader of found) await examineReader(reader, show)
}

async function examineProgram(name: string, path: string): Promise<Finding> {
  for (const folder of path.split(delimiter).filter((entry) => entry !== "")) {
    const file = join(folder, name)
    try {
      await access(file, constants.X_OK)
      return { state: "good", what: `${name} is on PATH: ${printable(file)}` }
    } catch {
      // Not in this folder.
    }
  }
  return {
    state: "note",
    what: `${name} is not on PATH: age, rage and sops cannot call it`,
    remedy: "npm install --global ts-age-yk, or link dist/plugin.js under that name",
  }
}

async function examineReader(reader: Reader, show: Examination["show"]): Promise<void> {
  const name = `reader ${printable(reader.name)}`
  try {
    await using card = await YubiKeyCard.open(reader)
    await show({ state: "good", what: `${name}: not held by another program, PIV is on` })
    const inventory = await takeInventory(card, "all")
    const key = inventory.serial === null ? name : `YubiKey ${inventory.serial}`
    await show({ state: "good", what: `${key}: ${cardKind(inventory)}` })
    await examineFirmware(key, inventory.firmware, show)
    await card.use((session) => examineReferences(key, session, show))
    const identities = inventory.slots.filter(({ use }) => use === "identity").length
    const usable = inventory.slots.filter(({ use }) => use === "usable").length
    await show(
      identities > 0
        ? { state: "good", what: `${key}: ${counted(identities, "age identity", "age identities")}` }
        : {
            state: "note",
            what: `${key}: no age identity${usable > 0 ? `, but ${usable} keys that could decrypt` : ""}`,
            remedy: "make one: ts-age-yk yubikey generate; look at all keys: ts-age-yk identities --all",
          },
    )
  } catch (failure) {
    if (!(failure instanceof Failure)) throw failure
    const { text, hint } = explain(failure.within({ reader: reader.name }))
    await show({
      state: failure instanceof AppletMissing && !/yubi/i.test(reader.name) ? "note" : "bad",
      what: text,
      ...(hint === undefined ? {} : { remedy: hint }),
    })
  }
}

async function examineFirmware(
  key: string,
  firmware: readonly [number, number, number] | null,
  show: Examination["show"],
): Promise<void> {
  if (firmware === null) return
  for (const { id, text, remedy } of advisoriesFor(firmware))
    await show({ state: "note", what: `${key}: ${text} (${id})`, remedy })
}

async function examineReferences(key: string, session: PivSession, show: Examination["show"]): Promise<void> {
  const status = await session.pinStatus()
  const pin = await session.pinMetadata()
  const total = pin === "unsupported" ? undefined : pin.tries?.total
  switch (status.state) {
    case "blocked":
      await show({
        state: "bad",
        what: `${key}: PIN is blocked`,
        remedy: "ts-age-yk yubikey pin --unblock, with the PUK",
      })
      break
    case "verified":
      await show({ state: "good", what: `${key}: PIN is verified at present` })
      break
    case "needed":
      await show({
        state: status.triesLeft < (total ?? 3) ? "note" : "good",
        what: `${key}: ${status.triesLeft}${total === undefined ? "" : ` of ${total}`} PIN tries left`,
        ...(status.triesLeft < (total ?? 3) ? { remedy: "a right PIN brings the others back" } : {}),
      })
  }
  if (pin !== "unsupported" && pin.isDefault === true)
    await show({ state: "note", what: `${key}: the PIN is the factory's`, remedy: "ts-age-yk yubikey pin" })
  const puk = await session.pukMetadata()
  if (puk !== "unsupported") {
    if (puk.isDefault === true)
      await show({ state: "note", what: `${key}: the PUK is the factory's`, remedy: "ts-age-yk yubikey puk" })
    if (puk.tries?.left === 0)
      await show({ state: "note", what: `${key}: the PUK is blocked: a blocked PIN could not be unblocked` })
  }
  const management = await session.managementKeyMetadata()
  if (management !== "unsupported" && management.isDefault === true)
    await show({
      state: "note",
      what: `${key}: the management key is the factory's: any program can overwrite slots`,
      remedy: "ts-age-yk yubikey management-key",
    })
}
