/** What commands share that write to a YubiKey: the PIN's sources, and a management key that is given. */
import type { Command } from "commander"
import { MANAGEMENT_ALGORITHMS, managementKeyLength } from "../../../piv/management-key.ts"
import { Secret } from "../../../secret.ts"
import { WrongUsage } from "../../failures.ts"
import { declareReaders, parseNumber } from "../../options.ts"
import type { World } from "../../world.ts"

/** `--pin-fd`, `--pin-command`, and the readers. */
export function declarePins(command: Command): Command {
  return declareReaders(command)
    .option("--pin-fd <N>", "read the PIN from this descriptor", parseNumber)
    .option("--pin-command <CMD>", "run CMD for the PIN, with TS_AGE_YK_SERIAL set")
}

/** Reads `--management-key-fd`. @throws WrongUsage */
export async function readManagementKey(
  descriptor: number | undefined,
  world: World,
): Promise<Secret<"management key"> | undefined> {
  if (descriptor === undefined) return undefined
  const text = (await world.readDescriptor(descriptor)).trim()
  const lengths = MANAGEMENT_ALGORITHMS.map(managementKeyLength)
  if (!/^[0-9a-f]+$/i.test(text) || !lengths.includes(text.length / 2))
    throw new WrongUsage("the management key must be 16, 24 or 32 bytes in hex", {
      where: { option: "--management-key-fd" },
    })
  return Secret.owning("management key", Uint8Array.from(Buffer.from(text, "hex")))
}
