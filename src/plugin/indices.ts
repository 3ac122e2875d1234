/** Numbers in commands: files, stanzas, recipients and identities count from 0. */
import { ProtocolBroken } from "./failures.ts"

/** @throws ProtocolBroken when it is no decimal number without leading zeroes, below 2^31 */
export function parseIndex(text: string | undefined): number {
  if (text === undefined || !/^(0|[1-9][0-9]{0,9})$/.test(text) || Number(text) >= 2 ** 31)
    throw new ProtocolBroken("it sent a command without a number where one belongs")
  return Number(text)
}
