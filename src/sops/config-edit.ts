/**
 * Changes `.sops.yaml` as a person would: in its text, in the style that is there. Comments, anchors, order, blank lines, quotes and
 * indentation of all else stay, byte for byte. What comes out is parsed again, and must differ from what was there in exactly what was
 * wished; else nothing is changed, and the failure says what to do by hand.
 */
import { quote } from "../quote.ts"
import { anchorName, byHand, type ConfigChange, type NewPlace } from "./config-change.ts"
import { requireWished } from "./config-check.ts"
import { commentAbove, hasCommentBehind, isAbout, ownComments } from "./config-comments.ts"
import {
  aliasOfList,
  applyEdits,
  insertItem,
  insertion,
  insertPart,
  lineBreak,
  listOfAlias,
  removeItem,
  removePart,
  type TextEdit,
  wholeLine,
} from "./config-lists.ts"
import { aliasesOf, type Definition, definitionsIn, type Occurrence, occurrencesOf } from "./config-names.ts"
import { endOfLine, type PlacedNode, placedField, placeNodes, startOfLine } from "./config-places.ts"
import { ConfigNotEdited } from "./failures.ts"
import { changedLines, type LineChange } from "./line-changes.ts"
import { decodeText, encodeText } from "./text.ts"
import { parseYaml } from "./yaml/parser.ts"

/** What an edit makes. */
export type EditedConfig = Readonly<{ bytes: Uint8Array; lines: readonly LineChange[] }>

/**
 * Makes a change.
 * @param bytes - of `.sops.yaml`
 * @throws ConfigNotEdited with the way by hand; SyntaxInvalid, ConfigInvalid when it is no configuration
 */
export function editConfig(bytes: Uint8Array, change: ConfigChange): EditedConfig {
  const text = decodeText(bytes)
  parseYaml(text)
  const edited = encodeText(applyEdits(text, new Editor(text).edits(change)))
  requireWished(bytes, edited, change)
  return { bytes: edited, lines: changedLines(text, decodeText(edited)) }
}

class Editor {
  readonly #text: string
  readonly #root: PlacedNode
  readonly #definitions: readonly Definition[]

  constructor(text: string) {
    this.#text = text
    this.#root = placeNodes(text)
    this.#definitions = definitionsIn(this.#root)
  }

  edits(change: ConfigChange): TextEdit[] {
    switch (change.kind) {
      case "add":
        return this.#add(change)
      case "remove":
        return this.#remove(change)
      case "rename":
        return this.#rename(change)
      case "replace":
        return this.#replace(change)
    }
  }

  #add(change: ConfigChange & { kind: "add" }): TextEdit[] {
    const { name, recipient, place } = change
    if (!anchorName.test(name))
      throw new ConfigNotEdited(`${quote(name)} cannot be an anchor`, "names are letters, digits, _ and -")
    if (this.#definitions.some((other) => other.anchor.name === name))
      throw new ConfigNotEdited(
        `there is a key called ${quote(name)} already`,
        "take another name, or replace that key",
      )
    return "like" in place ? this.#addLike(change, place.like) : this.#addToRules(change, place, recipient)
  }

  #addLike(change: ConfigChange & { kind: "add" }, like: string): TextEdit[] {
    const model = this.#definitions.find(({ anchor, value }) => anchor.name === like || value === like)
    const recipient = model?.value ?? like
    const occurrences = occurrencesOf(this.#root, recipient, model?.anchor.name ?? null)
    if (occurrences.length === 0 && model === undefined)
      throw new ConfigNotEdited(`no key is called ${quote(like)}`, "name one that .sops.yaml has", {})
    return [
      ...(model === undefined ? [] : this.#define(change, model)),
      ...occurrences.flatMap((occurrence) => this.#insertBehind(occurrence, change, recipient, model !== undefined)),
    ]
  }

  #addToRules(
    change: ConfigChange & { kind: "add" },
    { rules, group, behind }: Exclude<NewPlace, { like: string }>,
    recipient: string,
  ): TextEdit[] {
    const model = this.#definitions.find(({ anchor }) => anchor.name === behind)
    const edits = model === undefined ? [] : this.#define(change, model)
    const entry = model === undefined ? quoted(recipient, "plain") : `*${change.name}`
    for (const index of rules) {
      const list = this.#listOf(index, group, change)
      const last = list.items.at(-1)
      if (last === undefined)
        throw new ConfigNotEdited(`rule ${index + 1} has an empty list of age keys`, byHand(change))
      edits.push(...insertItem(this.#text, list, list.items.length - 1, entry))
    }
    return edits
  }

  /** The list of age keys of a rule. */
  #listOf(index: number, group: number | null, change: ConfigChange): PlacedNode & { kind: "sequence" } {
    const refuse = (what: string): never => {
      throw new ConfigNotEdited(`rule ${index + 1} ${what}`, byHand(change))
    }
    const rules = placedField(this.#root, "creation_rules")
    const rule = rules?.kind === "sequence" ? rules.items[index]?.node : undefined
    const groups = placedField(rule, "key_groups")
    if (groups?.kind === "sequence" && groups.items.length > 1 && group === null)
      return refuse(`has ${groups.items.length} key groups, and none was named`)
    const holder = groups?.kind === "sequence" ? groups.items[group ?? 0]?.node : rule
    const list = placedField(holder, "age")
    if (list === undefined) return refuse("has no age keys of its own there")
    return list.kind === "sequence" ? list : refuse("has no list of age keys there, but a text or an alias")
  }

  /** A definition behind that of another key, with a comment where that one has one. */
  #define({ name, recipient, comment }: ConfigChange & { kind: "add" }, model: Definition): TextEdit[] {
    const anchored = `&${name} ${quoted(recipient, model.style)}`
    const text = this.#text
    if (model.holder.in === "list") {
      const { sequence, index } = model.holder
      const dash = sequence.items[index]?.dash ?? null
      const above = dash !== null && commentAbove(text, dash) !== null
      const behind = dash !== null && !above && hasCommentBehind(text, model)
      const line = comment === null ? null : `# ${comment}`
      return insertItem(text, sequence, index, anchored, { above: above ? line : null, behind: behind ? line : null })
    }
    const { key, mapping } = model.holder
    const indent = text.slice(startOfLine(text, key.start), key.start)
    if (mapping.flow || indent.trim() !== "")
      throw new ConfigNotEdited(
        `${quote(model.anchor.name)} is not defined in a list or on a line of its own`,
        byHand({ kind: "add", name, recipient, comment, place: { like: model.anchor.name } }),
      )
    return [insertion(endOfLine(text, model.end), `${lineBreak(text)}${indent}${name}: ${anchored}`)]
  }

  #insertBehind(
    occurrence: Occurrence,
    change: ConfigChange & { kind: "add" },
    model: string,
    named: boolean,
  ): TextEdit[] {
    const { name, recipient } = change
    const text = this.#text
    switch (occurrence.how) {
      case "item": {
        const { sequence, index } = occurrence
        const item = sequence.items[index]?.node
        const entry = named && item?.kind === "alias" ? `*${name}` : quoted(recipient, styleOf(item))
        const commented = item !== undefined && hasCommentBehind(text, item)
        return insertItem(text, sequence, index, entry, {
          behind: item?.kind !== "alias" && commented && change.comment !== null ? `# ${change.comment}` : null,
        })
      }
      case "part": {
        const edits = insertPart(text, occurrence.scalar, model, recipient)
        if (edits === null) throw this.#unreadable(occurrence.scalar.start, change)
        return edits
      }
      case "value":
        return listOfAlias(occurrence.alias, name)
    }
  }

  #unreadable(at: number, change: ConfigChange): ConfigNotEdited {
    const line = this.#text.slice(0, at).split("\n").length
    return new ConfigNotEdited("a list with commas stands there in escapes", byHand(change), { where: { line } })
  }

  #definition(name: string): Definition {
    const named = this.#definitions.filter(({ anchor }) => anchor.name === name)
    const [definition] = named
    if (definition === undefined)
      throw new ConfigNotEdited(
        `no key is called ${quote(name)}`,
        "names are the anchors of .sops.yaml: ts-age-yk host list",
      )
    if (named.length > 1)
      throw new ConfigNotEdited(
        `the anchor ${quote(name)} stands for ${named.length} keys`,
        "give each its own name first",
      )
    return definition
  }

  #remove(change: ConfigChange & { kind: "remove" }): TextEdit[] {
    const definition = this.#definition(change.name)
    const text = this.#text
    const edits = occurrencesOf(this.#root, definition.value, change.name).flatMap((occurrence) => {
      switch (occurrence.how) {
        case "item":
          return aliasOfList(text, occurrence) ?? removeItem(text, occurrence.sequence, occurrence.index)
        case "part": {
          const part = removePart(text, occurrence.scalar, definition.value)
          if (part === null) throw this.#unreadable(occurrence.scalar.start, change)
          return part
        }
        case "value":
          throw new ConfigNotEdited(
            `a rule would be left without keys`,
            "remove the rule, or add another key to it first",
            {
              where: { line: text.slice(0, occurrence.alias.start).split("\n").length },
            },
          )
      }
    })
    return merged([...edits, ...this.#undefine(definition)])
  }

  #undefine(definition: Definition): TextEdit[] {
    const text = this.#text
    if (definition.holder.in === "mapping") {
      const { key, mapping } = definition.holder
      if (mapping.flow || text.slice(startOfLine(text, key.start), key.start).trim() !== "")
        throw new ConfigNotEdited(
          `${quote(definition.anchor.name)} is not defined in a list or on a line of its own`,
          byHand({ kind: "remove", name: definition.anchor.name }),
        )
      return [wholeLine(text, key.start)]
    }
    const { sequence, index } = definition.holder
    const edits = removeItem(text, sequence, index)
    const dash = sequence.items[index]?.dash ?? null
    const comment = dash === null ? null : commentAbove(text, dash)
    if (comment === null) return edits
    const next = sequence.items[index + 1]?.dash ?? null
    // A comment above several keys is a heading; one above each is its own.
    const own = isAbout(comment.text, definition.anchor.name) || next === null || commentAbove(text, next) !== null
    return own ? [...ownComments(text, comment, definition.anchor.name), ...edits] : edits
  }

  #rename({ name, to }: ConfigChange & { kind: "rename" }): TextEdit[] {
    if (!anchorName.test(to))
      throw new ConfigNotEdited(`${quote(to)} cannot be an anchor`, "names are letters, digits, _ and -")
    if (this.#definitions.some(({ anchor }) => anchor.name === to))
      throw new ConfigNotEdited(`there is a key called ${quote(to)} already`, "take another name")
    const definition = this.#definition(name)
    const { anchor, holder } = definition
    const edits = [{ start: anchor.start + 1, end: anchor.end, text: to }]
    for (const alias of aliasesOf(this.#root, name)) edits.push({ start: alias.start + 1, end: alias.end, text: to })
    const dash = holder.in === "list" ? (holder.sequence.items[holder.index]?.dash ?? null) : null
    const comment = dash === null ? null : commentAbove(this.#text, dash)
    const labelled = comment === null ? null : new RegExp(`^(#\\s*)${name}(?=[:\\s]|$)`).exec(comment.text)
    if (comment !== null && labelled !== null) {
      const start = comment.start + (labelled[1]?.length ?? 0)
      edits.push({ start, end: start + name.length, text: to })
    }
    if (holder.in === "mapping" && holder.key.kind === "scalar" && holder.key.value === name)
      edits.push({ start: holder.key.content, end: holder.key.end, text: to })
    return edits
  }

  #replace(change: ConfigChange & { kind: "replace" }): TextEdit[] {
    const definition = this.#definition(change.name)
    const edits: TextEdit[] = [
      { start: definition.content, end: definition.end, text: quoted(change.recipient, definition.style) },
    ]
    for (const occurrence of occurrencesOf(this.#root, definition.value, null)) {
      if (occurrence.how === "value") continue
      const node = occurrence.how === "item" ? occurrence.sequence.items[occurrence.index]?.node : occurrence.scalar
      if (node?.kind !== "scalar") continue
      const start = this.#text.indexOf(definition.value, node.content)
      if (start === -1) throw this.#unreadable(node.start, change)
      edits.push({ start, end: start + definition.value.length, text: change.recipient })
    }
    return edits
  }
}

/** Two edits may take the same line. */
function merged(edits: readonly TextEdit[]): TextEdit[] {
  const seen = new Set<string>()
  return edits.filter(({ start, end }) => {
    const id = `${start}-${end}`
    if (seen.has(id)) return false
    seen.add(id)
    return true
  })
}

function styleOf(node: PlacedNode | undefined): Definition["style"] {
  return node?.kind === "scalar" ? node.style : "plain"
}

/** A recipient in the quotes that another has; it has no character that would want an escape. */
function quoted(recipient: string, style: Definition["style"]): string {
  return style === "double" ? `"${recipient}"` : style === "single" ? `'${recipient}'` : recipient
}
