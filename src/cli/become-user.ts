/** Another user for the rest of the process, as `sops exec-env --user` has it. */
import { execFileSync } from "node:child_process"
import { userInfo } from "node:os"
import { quote } from "../quote.ts"
import { WrongUsage } from "./failures.ts"

/**
 * Gives this process the user's id and groups, for good; what it starts has them too.
 * @returns what the environment says of the user
 * @throws WrongUsage when there is no such user, or only root may do it
 */
export function becomeUser(name: string): Record<string, string> {
  if (process.platform === "win32")
    throw new WrongUsage("Windows has no way to run a command as another user", { where: { option: "--user" } })
  try {
    // What the operating system knows of a user, it says of the effective one only.
    process.seteuid?.(name)
    const { username, gid, homedir } = userInfo()
    process.seteuid?.(0)
    process.setgroups?.(execFileSync("id", ["-G", username], { encoding: "utf8" }).trim().split(" ").map(Number))
    process.setgid?.(gid)
    process.setuid?.(name)
    return { HOME: homedir, USER: username, LOGNAME: username }
  } catch (cause) {
    throw new WrongUsage(`cannot become ${quote(name)}: there is no such user, or you are not root`, {
      where: { option: "--user" },
      cause,
    })
  }
}
