/** `decrypt` among the commands, apart from the others: see `decrypt-program.ts`. */
import type { CommandEntry } from "./run-command.ts"

export const decryptEntry: CommandEntry = {
  summary: "open an age or SOPS file",
  load: () => import("./commands/decrypt.ts"),
}
