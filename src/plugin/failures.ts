/** What can go wrong between a client and a plugin, whichever of the two we are. */
import { EXIT, Failure } from "../failure.ts"
import { quote } from "../quote.ts"

/** The other side went away, or said what the protocol does not allow. */
export class ProtocolBroken extends Failure {
  override readonly code = "plugin-protocol-broken"
  override readonly exit = EXIT.failed
  constructor(what: string, cause?: unknown) {
    super(what, { cause })
  }
}

/** The other side ended before it said that it was done. */
export class PeerEnded extends ProtocolBroken {
  constructor() {
    super("it ended too early")
  }
}

/** The client asks for something that this plugin does not know. */
export class StateMachineUnknown extends Failure {
  override readonly code = "plugin-state-machine-unknown"
  override readonly exit = EXIT.usage
  constructor(name: string) {
    super(`unknown state machine ${quote(name)}`, { hint: "a newer version of this plugin may know it" })
  }
}

/** There is no program of the plugin's name. */
export class PluginMissing extends Failure {
  override readonly code = "plugin-missing"
  override readonly exit = EXIT.failed
  readonly plugin: string
  constructor(plugin: string) {
    super(`plugin age-plugin-${plugin} is not on PATH`, { hint: `install age-plugin-${plugin}, or leave that key out` })
    this.plugin = plugin
  }
}

/** A plugin could not be run, ended early, or broke the protocol. `said` is what it wrote to standard error. */
export class PluginBroke extends Failure {
  override readonly code = "plugin-broke"
  override readonly exit = EXIT.failed
  readonly plugin: string
  constructor(plugin: string, what: string, said: string, cause?: unknown) {
    const hint = said === "" ? undefined : `it wrote: ${quote(said, 400)}`
    super(`plugin age-plugin-${plugin}: ${what}`, { hint, cause })
    this.plugin = plugin
  }
}

/** A plugin was silent for too long, and was ended. */
export class PluginTimedOut extends Failure {
  override readonly code = "plugin-timed-out"
  override readonly exit = EXIT.failed
  constructor(plugin: string, milliseconds: number) {
    super(`plugin age-plugin-${plugin} was silent for ${Math.round(milliseconds / 1000)} seconds and was ended`)
  }
}

/** A plugin said why it cannot do what it was asked, in its own words. */
export class PluginRefused extends Failure {
  override readonly code = "plugin-refused"
  override readonly exit = EXIT.failed
  readonly reasons: readonly string[]
  constructor(plugin: string, reasons: readonly string[]) {
    super(`plugin age-plugin-${plugin}: ${reasons.map((reason) => quote(reason, 400)).join("; ")}`)
    this.reasons = reasons
  }
}
