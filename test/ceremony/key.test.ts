import { copyFileSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { X25519Identity } from "../../src/age/x25519.ts"
import { importKey, newCard, testAttestationRoot, writeCardFile } from "../../src/virtual/index.ts"
import { YubiKeyRecipient } from "../../src/yubikey/recipient.ts"
import { certificatePem } from "../../src/yubikey/x509.ts"
import { PIN } from "../cards.ts"
import { newHost, recorded, run, stateOf, withProvisionKey } from "./commands.ts"
import { plaintextOf, type TestRepository, vectorRepository } from "./repository.ts"

const pin = ["--pin-command", `echo ${PIN}`] as const

type TestYubiKey = Readonly<{ reader: string; recipient: string; serial: number }>

/** A virtual YubiKey in a file that git does not see, with a key that was made in it. */
async function newYubiKey(repository: TestRepository, serial: number): Promise<TestYubiKey> {
  const folder = join(repository.root, ".git", "cards")
  mkdirSync(folder, { recursive: true })
  const file = join(folder, `${serial}.json`)
  await writeCardFile(file, newCard({ firmware: "5.7.1", serial, pin: PIN }))
  const reader = `virtual:${file}`
  const made = await run(repository, [
    "yubikey",
    "generate",
    "--reader",
    reader,
    "--touch-policy",
    "cached",
    ...pin,
    "--json",
  ])
  const { recipient } = JSON.parse(made.stdout) as { recipient: string }
  return { reader, recipient, serial }
}

/** The test root's certificate, for those who name it. */
function testRoot(repository: TestRepository): string {
  const file = join(repository.root, ".git", "test-root.pem")
  writeFileSync(file, certificatePem(testAttestationRoot()))
  return file
}

describe("key add", () => {
  it("has a YubiKey open a challenge before anything is written, and records it", async () => {
    using repository = vectorRepository()
    const yubikey = await newYubiKey(repository, 555)
    const add = ["key", "add", "spare", "--age", yubikey.recipient, "--rule", "4", "--yes"]
    const before = stateOf(repository)
    const absent = await run(repository, [...add, "--no-yubikey"])
    expect(absent.status).toBe(4)
    expect(absent.stderr).toMatch(/nothing at hand opens what is encrypted to age1yubikey1.*\n.*--no-proof 'REASON'/)
    expect(stateOf(repository)).toEqual(before)

    const added = await run(repository, [...add, "--reader", yubikey.reader, ...pin])
    expect(added).toMatchObject({ status: 0 })
    expect(added.stderr).toMatch(/touch YubiKey 555 \(slot 82\)|has proven itself/)
    expect(recorded(repository, "key-added")).toMatchObject([
      { key: "spare", proven: true, challenge: expect.stringMatching(/^[0-9a-f]{64}$/) as string },
    ])
    expect(repository.config()).toContain(`  - &spare ${yubikey.recipient}\n`)
    // Behind the last of its kind, not at the end.
    expect(repository.config().indexOf("&spare")).toBeLessThan(repository.config().indexOf("&provision-key"))
    const listed = await run(repository, ["key", "list", "--json"])
    expect((JSON.parse(listed.stdout) as { keys: unknown[] }).keys).toContainEqual(
      expect.objectContaining({ names: ["spare"], role: "backup", files: 12, proven: "2026-06-30T12:00:00.000Z" }),
    )
  })

  it("takes a software key that proves itself at once, or the reason why it does not", async () => {
    using repository = vectorRepository()
    const anna = X25519Identity.generate()
    const add = ["key", "add", "anna", "--age", anna.recipient.text, "--like", "provision-key", "--yes", "--no-yubikey"]
    const quorum = await run(repository, add)
    expect(quorum.status).toBe(4)
    const rule = ["key", "add", "anna", "--age", anna.recipient.text, "--rule", "2", "--yes", "--no-yubikey"]
    const file = join(repository.root, ".git", "anna.txt")
    writeFileSync(file, `${anna.revealText()}\n`)
    expect(await run(repository, [...rule, "-i", file])).toMatchObject({ status: 0 })
    expect(await plaintextOf(repository.root, "secrets/hosts/electra/wifi.yaml", { identities: [anna] })).not.toBeNull()
    repository.commit("anna")
    const berta = X25519Identity.generate().recipient.text
    const excused = [
      "key",
      "add",
      "berta",
      "--age",
      berta,
      "--rule",
      "3",
      "--yes",
      "--no-yubikey",
      "--no-proof",
      "on a journey",
    ]
    expect((await run(repository, excused)).stderr).toContain("is not proven: on a journey")
    expect(recorded(repository, "key-added")).toMatchObject([
      { key: "anna", proven: true },
      { key: "berta", proven: false, reason: "on a journey" },
    ])
    const shown = await run(repository, ["transcript", "show"])
    expect(shown.stdout).toMatch(/anna joined, and opened a challenge\n[\s\S]*berta joined, not proven: on a journey\n/)
  })

  it("knows a YubiKey's key under its other recipient", async () => {
    using repository = vectorRepository()
    const tag = YubiKeyRecipient.parse("age1yubikey1qtfd8v8t4q4fe26jqmkgyds5eq7fllw49nzn3xrehtvl86hk7stljgc4qtd").as(
      "p256tag",
    ).text
    const refused = await run(repository, [
      "key",
      "add",
      "again",
      "--age",
      tag,
      "--like",
      "lena",
      "--yes",
      "--no-yubikey",
    ])
    expect(refused).toMatchObject({ status: 2 })
    expect(refused.stderr).toContain("it is called yubikey-nano5c")
  })
})

describe("key replace", () => {
  it("puts a new YubiKey in the place of a lost one, under its name and comment", async () => {
    using repository = vectorRepository()
    const yubikey = await newYubiKey(repository, 556)
    const before = repository.config()
    const args = [
      "key",
      "replace",
      "yubikey-nano5c",
      "--age",
      yubikey.recipient,
      "--yes",
      "--reader",
      yubikey.reader,
      ...pin,
    ]
    const failed = await run(repository, args)
    // The quorum's files want a second group, and only the provisioning key is at hand.
    expect(failed.status).toBe(4)
    expect(repository.config()).toBe(before)
    writeFileSync(join(repository.root, ".ts-age-yk.yaml"), "exclude: [secrets/quorum/]\n")
    expect(await run(repository, args)).toMatchObject({ status: 0 })
    expect(repository.config()).toBe(
      before.replace("age1yubikey1qtfd8v8t4q4fe26jqmkgyds5eq7fllw49nzn3xrehtvl86hk7stljgc4qtd", yubikey.recipient),
    )
    expect(recorded(repository, "key-added")).toMatchObject([
      {
        key: "yubikey-nano5c",
        proven: true,
        replaces: "age1yubikey1qtfd8v8t4q4fe26jqmkgyds5eq7fllw49nzn3xrehtvl86hk7stljgc4qtd",
      },
    ])
  })
})

describe("key rename", () => {
  it("changes the name in .sops.yaml and in the policy, and no file", async () => {
    using repository = vectorRepository()
    const policy = join(repository.root, ".ts-age-yk.yaml")
    writeFileSync(
      policy,
      '# who\nkeys:\n  lena: # the laptop\n    role: host\nprove: [provision-key, "lena"]\nrevoked:\n  - age1q\n',
    )
    const before = stateOf(repository) as { secrets: unknown }
    expect(await run(repository, ["key", "rename", "lena", "anna", "--yes", "--no-yubikey"])).toMatchObject({
      status: 0,
    })
    expect(readFileSync(policy, "utf8")).toBe(
      '# who\nkeys:\n  anna: # the laptop\n    role: host\nprove: [provision-key, "anna"]\nrevoked:\n  - age1q\n',
    )
    expect(repository.config()).toContain("  # anna: host SSH key\n  - &anna age1h4f2l")
    expect((stateOf(repository) as { secrets: unknown }).secrets).toEqual(before.secrets)
    expect(recorded(repository, "key-renamed")).toMatchObject([{ key: "anna", was: "lena" }])
  })
})

describe("key remove", () => {
  it("is refused while the policy names the key, with its line", async () => {
    using repository = vectorRepository()
    writeFileSync(join(repository.root, ".ts-age-yk.yaml"), "backups: 1\nkeys:\n  lena:\n    role: host\n")
    const before = stateOf(repository)
    const refused = await run(repository, ["key", "remove", "lena", "--yes", "--no-yubikey"])
    expect(refused.stderr).toMatch(/\.ts-age-yk\.yaml, line 3: the policy names "lena".*\n.*take it out/)
    expect(stateOf(repository)).toEqual(before)
  })

  it("that would leave a rule without keys changes nothing", async () => {
    using repository = vectorRepository()
    const before = stateOf(repository)
    const refused = await run(repository, ["key", "remove", "provision-key", "--yes", "--no-yubikey"])
    expect(refused.stderr).toMatch(/rule 1 would be left without keys/)
    expect(stateOf(repository)).toEqual(before)
  })
})

describe("attestation", () => {
  it("is filed when it verifies, and then counts where the policy demands it", async () => {
    using repository = vectorRepository()
    const root = testRoot(repository)
    const yubikey = await newYubiKey(repository, 557)
    const policy = "attested: true\nexclude: [secrets/quorum/, secrets/hosts/, secrets/app]\n"
    writeFileSync(join(repository.root, ".ts-age-yk.yaml"), policy)
    repository.edit((text) => text.replaceAll(/^ +- \*yubikey-.*\n/gm, ""))
    const add = [
      "key",
      "add",
      "spare",
      "--age",
      yubikey.recipient,
      "--rule",
      "4",
      "--yes",
      "--reader",
      yubikey.reader,
      ...pin,
    ]
    const stopped = await run(repository, add)
    expect(stopped.stderr).toMatch(
      /spare: no attestation on file that it is in a YubiKey\n.*--override not-attested='REASON'/,
    )

    const attest = ["yubikey", "attest", "--reader", yubikey.reader, "--file"]
    const untrusted = await run(repository, attest)
    expect(untrusted.status).toBe(1)
    expect(untrusted.stderr).toMatch(/leads to "TEST ONLY virtual YubiKey PIV Root CA", which is not trusted/)
    expect(readdirSync(repository.root)).not.toContain(".sops-attestations")
    const filed = await run(repository, [...attest, "--root", root])
    expect(filed).toMatchObject({ status: 0, stdout: ".sops-attestations/557-82.pem\n" })

    // Filed, and yet worth nothing to whoever does not trust its root.
    const warned = await run(repository, add)
    expect(warned.stderr).toMatch(/warning: \.sops-attestations\/557-82\.pem: it leads to "TEST ONLY/)
    expect(warned.status).toBe(1)
    const trusted = [...add, "--attestation-root", root]
    expect(await run(repository, trusted)).toMatchObject({ status: 0 })
    expect(recorded(repository, "attested")).toMatchObject([
      {
        keys: [
          {
            key: "spare",
            recipient: yubikey.recipient,
            serial: 557,
            slot: "82",
            firmware: "5.7.1",
            fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
            root: "TEST ONLY virtual YubiKey PIV Root CA",
          },
        ],
      },
    ])
    const verified = await run(repository, ["yubikey", "verify", "--root", root])
    expect(verified).toMatchObject({ status: 0 })
    expect(verified.stdout).toMatch(/YubiKey 557, slot 82, firmware 5\.7\.1[\s\S]*in \.sops\.yaml: spare\n/)
  })

  it.each<{ what: string; bend: (folder: string) => void; says: RegExp }>([
    {
      what: "under another serial number",
      bend: (folder) => renameSync(join(folder, "558-82.pem"), join(folder, "559-82.pem")),
      says: /REFUSED \.sops-attestations\/559-82\.pem: it is about YubiKey 558, not 559/,
    },
    {
      what: "under another slot",
      bend: (folder) => renameSync(join(folder, "558-82.pem"), join(folder, "558-83.pem")),
      says: /it is about slot 82, not 83/,
    },
    {
      what: "under a name that says nothing",
      bend: (folder) => renameSync(join(folder, "558-82.pem"), join(folder, "mine.pem")),
      says: /mine\.pem is no name of evidence/,
    },
    {
      what: "altered",
      bend: (folder) => {
        const file = join(folder, "558-82.pem")
        const lines = readFileSync(file, "utf8").split("\n")
        // A character of the public key.
        lines[5] = (lines[5] ?? "").replace(/.(?=.{3}$)/, (letter) => (letter === "A" ? "B" : "A"))
        writeFileSync(file, lines.join("\n"))
      },
      says: /REFUSED .*558-82\.pem: /,
    },
    {
      what: "without the attestation key's certificate",
      bend: (folder) => {
        const file = join(folder, "558-82.pem")
        writeFileSync(file, readFileSync(file, "utf8").replace(/(END CERTIFICATE-----\n)[\s\S]*/, "$1"))
      },
      says: /which has signed it, is not there/,
    },
    {
      what: "twice in one file",
      bend: (folder) => {
        const file = join(folder, "558-82.pem")
        writeFileSync(file, readFileSync(file, "utf8").repeat(2))
      },
      says: /2 attestations stand in it/,
    },
    { what: "empty", bend: (folder) => writeFileSync(join(folder, "558-82.pem"), ""), says: /no certificate in it/ },
    {
      what: "of a key that is no recipient",
      bend: () => undefined,
      says: /it holds, and is about age1yubikey1\S+, which is no recipient of \.sops\.yaml/,
    },
  ])("is refused $what", async ({ bend, says }) => {
    using repository = vectorRepository()
    const root = testRoot(repository)
    const yubikey = await newYubiKey(repository, 558)
    await run(repository, ["yubikey", "attest", "--reader", yubikey.reader, "--file", "--root", root])
    bend(join(repository.root, ".sops-attestations"))
    const refused = await run(repository, ["yubikey", "verify", "--root", root])
    expect(refused.status).toBe(1)
    expect(refused.stdout).toMatch(says)
  })

  it("of a key that was imported is not to be had, and a slot's own certificate is none", async () => {
    using repository = vectorRepository()
    const yubikey = await newYubiKey(repository, 560)
    const file = yubikey.reader.replace("virtual:", "").replace("560", "561")
    const imported = {
      slot: 0x82,
      privateKey: new Uint8Array(32).fill(3),
      pinPolicy: "once",
      touchPolicy: "never",
    } as const
    await writeCardFile(file, importKey(newCard({ firmware: "5.4.3", serial: 561, pin: PIN }), imported))
    const none = await run(repository, ["yubikey", "attest", "--slot", "82", "--reader", `virtual:${file}`])
    expect(none.stderr).toMatch(/no key in the slot, or one that was not made in it/)
    const own = join(repository.root, ".git", "own.pem")
    copyFileSync(new URL("../vectors/certificates/p256-critical.pem", import.meta.url), own)
    const worthless = await run(repository, ["yubikey", "verify", own])
    expect(worthless.status).toBe(1)
    expect(worthless.stdout).toMatch(/signed by itself: a slot's own certificate proves nothing/)
    const old = yubikey.reader.replace("virtual:", "").replace("560", "562")
    await writeCardFile(old, newCard({ firmware: "3.4.9", serial: 562, pin: PIN }))
    const neo = await run(repository, ["yubikey", "attest", "--slot", "82", "--reader", `virtual:${old}`])
    expect(neo.stderr).toMatch(/makes no attestations\n.*firmware 4\.3/)
  })

  it("of a real YubiKey verifies in two files, for its own recipient and no other", async () => {
    using repository = vectorRepository()
    const files = ["key", "device"].map(
      (name) => new URL(`../vectors/attestation/13078778-${name}.pem`, import.meta.url).pathname,
    )
    const verify = (...args: readonly string[]) =>
      run(repository, ["yubikey", "verify", ...files, ...args], withProvisionKey())
    const own = "age1yubikey1q09utj4jdpqkqv3uyhxsdsesw9u2dvw3exu5jv5y2whyw0zm5af8unh58j6"
    expect(await verify("--recipient", own, "--serial", "13078778", "--slot", "9c")).toMatchObject({ status: 0 })
    const json = await verify("--json")
    expect(JSON.parse(json.stdout)).toMatchObject({
      evidence: [
        {
          holds: true,
          serial: 13078778,
          slot: "9c",
          firmware: "5.2.6",
          recipient: own,
          advisories: [{ id: "YSA-2024-03" }],
        },
      ],
    })
    const other = await verify("--recipient", "age1yubikey1qtfd8v8t4q4fe26jqmkgyds5eq7fllw49nzn3xrehtvl86hk7stljgc4qtd")
    expect(other.status).toBe(1)
    expect(other.stdout).toMatch(/REFUSED .*it is about another key/)
    expect((await verify("--root", testRoot(repository))).stdout).toMatch(
      /leads to "Yubico PIV Root CA Serial 263751", which is not trusted/,
    )
    expect((await run(repository, ["yubikey", "verify"])).stderr).toMatch(
      /no evidence on file\n.*yubikey attest --file/,
    )
    expect((await run(repository, ["yubikey", "verify", "--serial", "1"])).status).toBe(2)
  })
})

describe("a challenge", () => {
  it("is not opened by a host's key that is another's", async () => {
    using repository = vectorRepository()
    const [nova, other] = [newHost(repository, "nova"), newHost(repository, "other")]
    const before = stateOf(repository)
    const args = [
      "key",
      "add",
      "nova",
      "--age",
      nova.recipient,
      "--rule",
      "2",
      "--yes",
      "--no-yubikey",
      "-i",
      other.privateFile,
    ]
    expect(await run(repository, args)).toMatchObject({ status: 4 })
    expect(stateOf(repository)).toEqual(before)
  })
})
