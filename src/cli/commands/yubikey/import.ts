/** `ts-age-yk yubikey import`: an age identity of a key from elsewhere. */
import { Command } from "commander"
import { Failure } from "../../../failure.ts"
import type { Secret } from "../../../secret.ts"
import { readP256PrivateKey } from "../../../yubikey/private-key-file.ts"
import { readInput } from "../../input.ts"
import type { World } from "../../world.ts"
import { declareEnrolment, type EnrolmentOptions, enrolOnOneCard, printEnrolled } from "./enrolment.ts"

export function importCommand(world: World, done: (status: number) => void): Command {
  return declareEnrolment(new Command("import"))
    .description("make an age identity of a P-256 private key from elsewhere, in PEM")
    .argument("[FILE]", "the key; - or nothing for standard input")
    .action(async (path: string | undefined, options: EnrolmentOptions) => {
      using privateKey = await readKey(path === "-" ? undefined : path, world)
      const facts = await enrolOnOneCard(options, world, privateKey)
      const note =
        "the key was not made there: it can have copies, and no attestation will show that it is in a YubiKey alone"
      await printEnrolled(facts, note, options, world)
      done(0)
    })
}

async function readKey(file: string | undefined, world: World): Promise<Secret<"private key">> {
  const pem = await readInput(file, world)
  try {
    return readP256PrivateKey(pem)
  } catch (failure) {
    throw failure instanceof Failure ? failure.within({ file: file ?? "standard input" }) : failure
  } finally {
    pem.fill(0)
  }
}
