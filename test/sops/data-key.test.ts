import { generateX25519Identity, identityToRecipient } from "age-encryption"
import { beforeAll, describe, expect, it } from "vitest"
import { EXIT, Failure } from "../../src/failure.ts"
import { Secret } from "../../src/secret.ts"
import { type KeyOpener, newDataKey, openDataKey, openParts, partOf, wrapDataKey } from "../../src/sops/data-key.ts"
import {
  ConfigInvalid,
  DataKeyInvalid,
  DataKeyUnavailable,
  KeyGroupEmpty,
  KeyTypeUnsupported,
  SharesInvalid,
} from "../../src/sops/failures.ts"
import type { KeyGroup, Metadata } from "../../src/sops/metadata.ts"
import { branch } from "../../src/sops/tree.ts"
import { openerOf, wrapWithAge } from "./keys.ts"

class CardGone extends Failure {
  override readonly code = "card-gone"
  override readonly exit = EXIT.card
}

let identities: string[]
let recipients: string[]

beforeAll(async () => {
  identities = await Promise.all([1, 2, 3].map(() => generateX25519Identity()))
  recipients = await Promise.all(identities.map(identityToRecipient))
})

const groupOf = (...names: string[]): KeyGroup => names.map((recipient) => ({ type: "age", recipient, enc: "" }))

function metadata(groups: readonly KeyGroup[], shamirThreshold = 0): Metadata {
  const lastModified = "2026-06-30T12:00:00Z"
  return {
    groups,
    shamirThreshold,
    lastModified,
    mac: "",
    selection: { rule: "everything" },
    macOnlyEncrypted: false,
    version: "",
  }
}

const hex = (key: Secret<string>): string => key.use((bytes) => Buffer.from(bytes).toString("hex"))

describe("a data key", () => {
  it("of one group opens with any of its keys", async () => {
    using key = newDataKey()
    const groups = await wrapDataKey(key, [groupOf(...recipients)], 0, wrapWithAge)
    for (const identity of identities) {
      using opened = await openDataKey(metadata(groups), openerOf(identity))
      expect(hex(opened)).toBe(hex(key))
    }
  })

  it.each([
    {
      threshold: 2,
      pairs: [
        [0, 1],
        [0, 2],
        [1, 2],
      ],
    },
    { threshold: 3, pairs: [[0, 1, 2]] },
  ])("of three groups opens with any $threshold", async ({ threshold, pairs }) => {
    using key = newDataKey()
    const groups = await wrapDataKey(
      key,
      recipients.map((recipient) => groupOf(recipient)),
      threshold,
      wrapWithAge,
    )
    for (const pair of pairs) {
      using opened = await openDataKey(
        metadata(groups, threshold),
        openerOf(...pair.map((index) => identities[index]!)),
      )
      expect(hex(opened)).toBe(hex(key))
    }
    await expect(openDataKey(metadata(groups, threshold), openerOf(identities[0]!))).rejects.toBeInstanceOf(
      DataKeyUnavailable,
    )
  })

  it("numbers its shares from 1, as sops does", async () => {
    using key = newDataKey()
    const groups = await wrapDataKey(
      key,
      recipients.map((recipient) => groupOf(recipient)),
      3,
      wrapWithAge,
    )
    const parts = await openParts(metadata(groups, 3), openerOf(...identities))
    expect([...parts.values()].map((part) => part.use((bytes) => bytes[32]))).toEqual([1, 2, 3])
  })

  it("gives the share of a group that was not opened, and of one that is new", async () => {
    using key = newDataKey()
    const groups = await wrapDataKey(
      key,
      recipients.map((recipient) => groupOf(recipient)),
      2,
      wrapWithAge,
    )
    const two = await openParts(metadata(groups, 2), openerOf(identities[0]!, identities[1]!))
    const third = await openParts(metadata([groups[2]!, groups[0]!], 2), openerOf(identities[2]!, identities[0]!))
    expect(hex((await partOf(two, 2))!)).toBe(hex(third.get(0)!))
    const fourth = await partOf(two, 3)
    expect(fourth!.length).toBe(33)
    expect(fourth!.use((bytes) => bytes[32])).toBe(4)
  })

  it("is not told from shares that are numbered otherwise", async () => {
    const share = (place: number) => Secret.owning("share", Uint8Array.from([...new Uint8Array(32), place]))
    expect(
      await partOf(
        new Map([
          [0, share(9)],
          [1, share(4)],
        ]),
        2,
      ),
    ).toBeNull()
  })

  it("is asked for in the order of cost, and not beyond what is needed", async () => {
    using key = newDataKey()
    const groups = await wrapDataKey(key, [groupOf(...recipients)], 0, wrapWithAge)
    const opener = openerOf(...identities)
    const cost: KeyOpener["cost"] = ({ recipient }) => [2, 0, null][recipients.indexOf(recipient)] ?? null
    using opened = await openDataKey(metadata(groups), { open: opener.open, cost })
    expect(opened.length).toBe(32)
    expect(opener.asked).toEqual([recipients[1]])
  })

  it("opens with the next key when one fails, and the failure of that one is kept", async () => {
    using key = newDataKey()
    const groups = await wrapDataKey(key, [groupOf(recipients[0]!, recipients[1]!)], 0, wrapWithAge)
    const fallback = openerOf(identities[1]!)
    const open: KeyOpener["open"] = async (entry) => {
      if (entry.recipient === recipients[0]) throw new CardGone("card removed")
      return fallback.open(entry)
    }
    using opened = await openDataKey(metadata(groups), { open })
    expect(hex(opened)).toBe(hex(key))
    const failure = await openDataKey(metadata([groups[0]!.slice(0, 1)]), { open }).catch((cause: unknown) => cause)
    expect(failure).toBeInstanceOf(DataKeyUnavailable)
    expect((failure as DataKeyUnavailable).exit).toBe(EXIT.card)
    expect((failure as DataKeyUnavailable).message).toContain("card removed")
    expect((failure as DataKeyUnavailable).cause).toBeInstanceOf(CardGone)
  })

  it("that is too short or too long is refused", async () => {
    const open: KeyOpener["open"] = () => Promise.resolve(Secret.owning("data key", new Uint8Array(16)))
    await expect(openDataKey(metadata([groupOf("age1x")]), { open })).rejects.toBeInstanceOf(DataKeyInvalid)
  })

  it.each([
    { name: "the same share twice", places: [3, 3] },
    { name: "a share at place 0", places: [0, 1] },
  ])("is not made of $name", async ({ places }) => {
    let next = 0
    const open: KeyOpener["open"] = () =>
      Promise.resolve(Secret.owning("share", Uint8Array.from([...new Uint8Array(32), places[next++]!])))
    await expect(openDataKey(metadata([groupOf("a"), groupOf("b")], 2), { open })).rejects.toBeInstanceOf(SharesInvalid)
  })

  it("is wrapped for nobody when one of the keys is of another kind", async () => {
    using key = newDataKey()
    const wrap = (): Promise<string> => Promise.reject(new RangeError("called"))
    const groups: KeyGroup[] = [[...groupOf("age1x"), { type: "pgp", fields: branch([]) }]]
    await expect(wrapDataKey(key, groups, 0, wrap)).rejects.toBeInstanceOf(KeyTypeUnsupported)
    await expect(wrapDataKey(key, [[]], 0, wrap)).rejects.toBeInstanceOf(KeyGroupEmpty)
    await expect(wrapDataKey(key, [groupOf("a"), groupOf("b")], 1, wrap)).rejects.toBeInstanceOf(ConfigInvalid)
    await expect(wrapDataKey(key, [groupOf("a"), groupOf("b")], 3, wrap)).rejects.toBeInstanceOf(ConfigInvalid)
  })
})
