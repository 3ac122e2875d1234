/** The PIV application: which command does what, by firmware. */
import { Failure } from "../../failure.ts"
import type { FirmwareProfile } from "../firmware-profiles.ts"
import { type Answer, type Command, ok, refuse, SW } from "../iso7816.ts"
import { attestKey } from "./attestation.ts"
import { generate, importPrivateKey, move, useKey } from "./keys.ts"
import { authenticateManagementKey, managementKeyReference, setManagementKey } from "./management-key.ts"
import { getMetadata } from "./metadata.ts"
import { getData, putData } from "./objects.ts"
import { changeReference, reset, resetRetry, setRetries, verify } from "./pin.ts"
import type { PivContext } from "./piv-context.ts"

/** The whole AID with version 1.0; any beginning of it with at least the five bytes of NIST's RID selects. */
export const pivAid = Uint8Array.from(Buffer.from("a000000308000010000100", "hex"))

/** The application property template that SELECT answers ([800-73-4] part 2, table 3). */
export const pivPropertyTemplate = Uint8Array.from(Buffer.from("61114f0600001000010079074f05a000000308", "hex"))

type Handler = (context: PivContext, command: Command, pinJustVerified: boolean) => Answer | Promise<Answer>

/** By instruction: since when a firmware has it, and what it does. */
const commands: Readonly<Record<number, { has?: (profile: FirmwareProfile) => boolean; run: Handler }>> = {
  0x20: { run: verify },
  0x24: { run: changeReference },
  0x2c: { run: resetRetry },
  0x47: { run: generate },
  0x87: {
    run: (context, command, pinJustVerified) =>
      command.p2 === managementKeyReference
        ? authenticateManagementKey(context, command)
        : useKey(context, command, pinJustVerified),
  },
  0xcb: { run: getData },
  0xdb: { run: putData },
  0xf6: { has: (profile) => profile.moveKey, run: move },
  0xf7: { has: (profile) => profile.metadata, run: getMetadata },
  0xf8: { has: (profile) => profile.serialInPiv, run: serial },
  0xf9: { has: (profile) => profile.attestation, run: attestKey },
  0xfa: { run: setRetries },
  0xfb: { run: reset },
  0xfd: { run: ({ profile }) => ok(Uint8Array.from(profile.pivVersion)) },
  0xfe: { run: importPrivateKey },
  0xff: { run: setManagementKey },
}

function serial({ state }: PivContext): Answer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(state.serial)
  return ok(Uint8Array.from(bytes))
}

/** Carries out a whole command of the PIV application. Data that is no TLV is refused as the card does. */
export async function runPiv(context: PivContext, command: Command): Promise<Answer> {
  const { session, profile } = context
  const pinJustVerified = session.pinJustVerified
  session.pinJustVerified = false
  if (command.ins !== 0x87) session.challenge = null
  const known = commands[command.ins]
  if (known === undefined || known.has?.(profile) === false) return refuse(SW.instructionNotSupported)
  try {
    return await known.run(context, command, pinJustVerified)
  } catch (cause) {
    if (cause instanceof Failure) return refuse(SW.wrongData)
    throw cause
  }
}
