import { readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { p256KeyPair } from "#primitives"
import { X25519Identity } from "../../src/age/x25519.ts"
import {
  CeremonyLocked,
  GuardStops,
  LockoutRefused,
  PlanChanged,
  VerificationFailed,
} from "../../src/ceremony/failures.ts"
import { recordFolder } from "../../src/ceremony/journal.ts"
import { whileLocked } from "../../src/ceremony/lock.ts"
import { changedFiles } from "../../src/ceremony/plan.ts"
import { requireNothingHalfDone } from "../../src/ceremony/rekey.ts"
import { readTranscript, verifyChain } from "../../src/ceremony/transcript.ts"
import { importKey, newCard } from "../../src/virtual/index.ts"
import { YubiKeyRecipient } from "../../src/yubikey/recipient.ts"
import { inReader, PIN } from "../cards.ts"
import {
  card,
  ceremony,
  host,
  type Keys,
  leftovers,
  plaintextOf,
  prepare,
  provisionKey,
  secretsOf,
  vectorRepository,
} from "./repository.ts"

const nano = 16169658
const nfc = 27205443
const lenaKey = "age1h4f2l5kgzlqvxr0wz86htrsj7xm2rsvn3fxp8f6gwa4sl0jnug9sl7mtlu"

const withoutLena = (text: string): string =>
  text
    .split("\n")
    .filter((line) => !line.includes("lena"))
    .join("\n")

async function plaintexts(root: string, keys: Keys): Promise<Map<string, string | null>> {
  const texts = new Map<string, string | null>()
  for (const path of secretsOf(root).keys()) texts.set(path, await plaintextOf(root, path, keys))
  return texts
}

describe("removing a host", () => {
  it("gives what it could read new data keys, and leaves all else byte for byte", async () => {
    using repository = vectorRepository()
    const everybody = { identities: [provisionKey()], cards: [card(nano)] }
    const before = secretsOf(repository.root)
    const texts = await plaintexts(repository.root, everybody)
    repository.edit(withoutLena)
    const outcome = await ceremony(repository.root, { identities: [provisionKey()] })
    expect(outcome.replaced).toBe(12)
    const after = secretsOf(repository.root)
    const changed = [...after]
      .filter(([path, bytes]) => !bytes.equals(before.get(path) ?? Buffer.alloc(0)))
      .map(([path]) => path)
    expect(changed.length).toBe(12)
    for (const path of changed) {
      expect(String(after.get(path))).not.toContain(lenaKey)
      expect(await plaintextOf(repository.root, path, { identities: host("lena") })).toBeNull()
      expect(await plaintextOf(repository.root, path, { identities: host("vega") })).toBe(texts.get(path))
    }
    expect(await plaintexts(repository.root, { ...everybody, cards: [card(nano)] })).toEqual(texts)
    expect(leftovers(repository.root)).toEqual([])
  })

  it("shows that the removed key fails, where it is at hand", async () => {
    using repository = vectorRepository()
    repository.edit(withoutLena)
    const { verification } = await ceremony(repository.root, { identities: [provisionKey(), ...host("lena")] })
    expect([...verification.refused]).toEqual([[lenaKey, 12]])
  })

  it("with one YubiKey asks for one PIN, and for as many key agreements as were forecast", async () => {
    using repository = vectorRepository()
    repository.edit(withoutLena)
    await using prepared = await prepare(repository.root, { cards: [card(nfc)] })
    expect(prepared.forecast.yubiKeys).toEqual([{ serial: nfc, pins: 1, touches: 1, agreements: 24 }])
    const { rekey } = await import("../../src/ceremony/rekey.ts")
    const { verification } = await rekey(prepared)
    expect([...prepared.tallies()]).toEqual([[`YubiKey ${nfc}`, { pins: 1, touches: 0, uses: 24 }]])
    expect(verification.proofs.filter(({ opened }) => opened > 0).map(({ opened }) => opened)).toEqual([12])
  })
})

describe("adding a host", () => {
  it("keeps the data key and every other recipient's bytes", async () => {
    using repository = vectorRepository()
    const nova = X25519Identity.generate()
    repository.edit((text) =>
      text
        .replace("  # YubiKey Nano 5C", `  - &nova ${nova.recipient.text}\n  # YubiKey Nano 5C`)
        .replace("          - *vega\n", "          - *vega\n          - *nova\n"),
    )
    const before = secretsOf(repository.root)
    const outcome = await ceremony(repository.root, { cards: [card(nano)] })
    expect(outcome.replaced).toBe(12)
    for (const [path, bytes] of secretsOf(repository.root)) {
      const old = before.get(path) ?? Buffer.alloc(0)
      if (bytes.equals(old)) continue
      const lost = String(old)
        .split("\n")
        .filter((line) => !String(bytes).split("\n").includes(line))
      // Of JSON and of the flat formats, a line may get a comma, or a number of its place in the list.
      if (path.endsWith(".yaml")) expect(lost, path).toEqual([])
      expect(await plaintextOf(repository.root, path, { identities: [nova] })).not.toBeNull()
    }
  })
})

describe("replacing a YubiKey", () => {
  it("opens everything with the new one, and nothing new with the old", async () => {
    using repository = vectorRepository()
    const privateKey = new Uint8Array(32).fill(0x33)
    const state = importKey(newCard({ firmware: "5.7.1", serial: 77, pin: PIN }), {
      slot: 0x82,
      privateKey,
      pinPolicy: "once",
      touchPolicy: "cached",
    })
    const recipient = new YubiKeyRecipient(p256KeyPair(privateKey).publicPoint, "piv-p256").text
    repository.edit((text) =>
      text.replace("age1yubikey1qtfd8v8t4q4fe26jqmkgyds5eq7fllw49nzn3xrehtvl86hk7stljgc4qtd", recipient),
    )
    const texts = await plaintexts(repository.root, { identities: [provisionKey()], cards: [card(nfc)] })
    await ceremony(repository.root, { identities: [provisionKey()], cards: [card(nfc)] })
    for (const [path, text] of texts) {
      if (path.includes("quorum")) {
        expect(
          await plaintextOf(repository.root, path, { identities: [provisionKey()], cards: [inReader(state)] }),
        ).toBe(text)
        expect(
          await plaintextOf(repository.root, path, { identities: [provisionKey()], cards: [card(nano)] }),
        ).toBeNull()
      } else {
        expect(await plaintextOf(repository.root, path, { cards: [inReader(state)] }), path).toBe(text)
        expect(await plaintextOf(repository.root, path, { cards: [card(nano)] }), path).toBeNull()
      }
    }
  })
})

describe("changing a quorum", () => {
  it("splits a new data key, and wants as many groups as the rule says", async () => {
    using repository = vectorRepository()
    repository.edit((text) => text.replace("shamir_threshold: 2", "shamir_threshold: 3"))
    const keys = { identities: [provisionKey()], cards: [card(nano), card(nfc)] }
    const text = await plaintextOf(repository.root, "secrets/quorum/root.yaml", keys)
    const outcome = await ceremony(repository.root, keys)
    expect(outcome.replaced).toBe(2)
    const all = { ...keys, cards: [card(nano), card(nfc)] }
    expect(await plaintextOf(repository.root, "secrets/quorum/root.yaml", all)).toBe(text)
    expect(
      await plaintextOf(repository.root, "secrets/quorum/root.yaml", { cards: [card(nano), card(nfc)] }),
    ).toBeNull()
  })
})

describe("a ceremony that cannot be", () => {
  it("changes nothing when a MAC does not match", async () => {
    using repository = vectorRepository()
    const path = join(repository.root, "secrets/app3.yaml")
    writeFileSync(path, readFileSync(path, "utf8").replace(/mac: ENC\[AES256_GCM,data:./, "mac: ENC[AES256_GCM,data:A"))
    repository.edit(withoutLena)
    repository.commit("tamper")
    const before = secretsOf(repository.root)
    await expect(ceremony(repository.root, { identities: [provisionKey()] })).rejects.toMatchObject({
      exit: 7,
      where: { file: "secrets/app3.yaml" },
    })
    expect(secretsOf(repository.root)).toEqual(before)
    expect(leftovers(repository.root)).toEqual([])
  })

  it("changes nothing when the only identity at hand is the one that goes", async () => {
    using repository = vectorRepository()
    repository.edit(withoutLena)
    const before = secretsOf(repository.root)
    await expect(ceremony(repository.root, { identities: host("lena") })).rejects.toBeInstanceOf(LockoutRefused)
    expect(secretsOf(repository.root)).toEqual(before)
    expect(leftovers(repository.root)).toEqual([])
    expect(await readTranscript(repository.root)).toEqual([])
  })

  it("changes nothing when a key that must be proven is not at hand", async () => {
    using repository = vectorRepository()
    repository.edit(withoutLena)
    const before = secretsOf(repository.root)
    const prove = ["age1yubikey1qtfd8v8t4q4fe26jqmkgyds5eq7fllw49nzn3xrehtvl86hk7stljgc4qtd"]
    await expect(ceremony(repository.root, { identities: [provisionKey()] }, { prove })).rejects.toBeInstanceOf(
      VerificationFailed,
    )
    expect(secretsOf(repository.root)).toEqual(before)
    await ceremony(repository.root, { identities: [provisionKey()], cards: [card(nano)] }, { prove })
  })

  it("stops at a file that has changes which are not committed, unless it is overridden with a reason", async () => {
    using repository = vectorRepository()
    const path = join(repository.root, "secrets/app3.yaml")
    writeFileSync(path, `${readFileSync(path, "utf8")}\n`)
    repository.edit(withoutLena)
    await expect(ceremony(repository.root, { identities: [provisionKey()] })).rejects.toBeInstanceOf(GuardStops)
    const outcome = await ceremony(
      repository.root,
      { identities: [provisionKey()] },
      { overrides: [{ guard: "dirty-targets", reason: "I know" }] },
    )
    expect(outcome.replaced).toBe(12)
    expect((await readTranscript(repository.root))[0]).toContain(
      '"overridden":[{"guard":"dirty-targets","reason":"I know"',
    )
  })

  it("is refused while another one is under way, and not after it", async () => {
    using repository = vectorRepository()
    repository.edit(withoutLena)
    const folder = await recordFolder(repository.root)
    await whileLocked(folder, async () => {
      await expect(ceremony(repository.root, { identities: [provisionKey()] })).rejects.toBeInstanceOf(CeremonyLocked)
    })
    await ceremony(repository.root, { identities: [provisionKey()] })
  })

  it("leaves a file alone that somebody changed while keys were asked for", async () => {
    using repository = vectorRepository()
    repository.edit(withoutLena)
    const path = join(repository.root, "secrets/app5.yaml")
    const theirs = `${readFileSync(path, "utf8")}# theirs\n`
    const work = ceremony(
      repository.root,
      { identities: [provisionKey()] },
      {
        progress: (step, done) => {
          if (step === "verify" && done === 3) writeFileSync(path, theirs)
        },
      },
    )
    await expect(work).rejects.toBeInstanceOf(PlanChanged)
    expect(readFileSync(path, "utf8")).toBe(theirs)
    await requireNothingHalfDone(repository.root)
    expect(leftovers(repository.root)).toEqual([])
  })
})

describe("after a ceremony", () => {
  it("there is nothing left to do, and the files have their modes", async () => {
    using repository = vectorRepository()
    const mode = statSync(join(repository.root, "secrets/app0.yaml")).mode
    repository.edit(withoutLena)
    await ceremony(repository.root, { identities: [provisionKey()] })
    await using again = await prepare(repository.root, {})
    expect(changedFiles(again.plan)).toEqual([])
    expect(statSync(join(repository.root, "secrets/app0.yaml")).mode).toBe(mode)
  })

  it("the transcript is chained over ceremonies, and any byte that is changed is found", async () => {
    using repository = vectorRepository()
    repository.edit(withoutLena)
    await ceremony(repository.root, { identities: [provisionKey()] })
    repository.commit("one")
    await ceremony(repository.root, { identities: [provisionKey()], cards: [card(nano)] }, { rotateAll: true })
    const lines = await readTranscript(repository.root)
    expect(lines.filter((line) => line.includes('"event":"rekey"')).length).toBe(2)
    expect(verifyChain(lines)).toEqual([])
    for (const [index, line] of lines.entries()) {
      const changed = [...lines]
      changed[index] = line
        .replace("secrets/", "secretz/")
        .replace('"files":', '"filez":')
        .replace('"plan":"', '"plan":"0')
      if (changed[index] === line) continue
      expect(verifyChain(changed).map((fault) => fault.line)).toContain(index + 1)
      expect(verifyChain(lines.toSpliced(index, 1)).length, "a line that is missing").toBeGreaterThan(
        index === lines.length - 1 ? -1 : 0,
      )
    }
  })

  it("neither journal nor transcript holds a data key", async () => {
    using repository = vectorRepository()
    repository.edit(withoutLena)
    await ceremony(repository.root, { identities: [provisionKey()] })
    const text = (await readTranscript(repository.root)).join("\n")
    expect(text).not.toContain("AGE-SECRET-KEY")
    expect(text).not.toContain("ENC[")
  })
})
