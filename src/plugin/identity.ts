/** Recipients and identities of other people's plugins, as any others. */
import type { Asks, Identity, Match, Recipient } from "../age/identity.ts"
import type { PluginText } from "../age/plugin-name.ts"
import type { FileKey, Stanza } from "../age/stanza.ts"
import { PluginClient, type PluginWorld, type Unwrapped } from "./client.ts"
import { PluginRefused } from "./failures.ts"

/** A recipient of another plugin. Its labels are known when it has wrapped. */
export class PluginRecipient implements Recipient {
  readonly text: string
  readonly #client: PluginClient
  #labels: readonly string[] = []

  constructor(plugin: PluginText, world: PluginWorld) {
    this.text = plugin.text
    this.#client = new PluginClient(plugin.name, world)
  }

  get labels(): readonly string[] {
    return this.#labels
  }

  /** @throws PluginMissing, PluginBroke, PluginRefused, PluginTimedOut */
  async wrapFileKey(fileKey: FileKey): Promise<Stanza[]> {
    const { stanzas, labels } = await this.#client.wrap([this.text], [], [fileKey])
    this.#labels = labels
    return stanzas.flat()
  }
}

const asksPlugin: ReadonlySet<Asks> = new Set(["plugin"])

/** All identities of one other plugin, as one: its process is asked once a file, or once for many. */
export class PluginIdentity implements Identity {
  readonly label: string
  readonly #texts: readonly string[]
  readonly #client: PluginClient

  /** @param plugins - all of the same name */
  constructor(plugins: readonly [PluginText, ...PluginText[]], world: PluginWorld) {
    const [{ name }] = plugins
    if (plugins.some((plugin) => plugin.name !== name)) throw new RangeError(`"plugins" expected one name`)
    this.label = `${name} plugin`
    this.#texts = plugins.map((plugin) => plugin.text)
    this.#client = new PluginClient(name, world)
  }

  match(): Match {
    // Which stanzas are a plugin's is known to the plugin alone.
    return { fits: "maybe", asks: asksPlugin }
  }

  /** @throws PluginMissing, PluginBroke, PluginRefused, PluginTimedOut */
  async unwrapFileKey(stanzas: readonly Stanza[]): Promise<FileKey | null> {
    const { fileKeys, errors } = await this.unwrapFileKeys([stanzas])
    const fileKey = fileKeys.get(0)
    if (fileKey !== undefined) return fileKey
    if (errors.length > 0) throw new PluginRefused(this.#client.name, errors)
    return null
  }

  /** The same for many files, in one process. @throws PluginMissing, PluginBroke, PluginTimedOut */
  unwrapFileKeys(files: readonly (readonly Stanza[])[]): Promise<Unwrapped> {
    return this.#client.unwrap(this.#texts, files)
  }
}
