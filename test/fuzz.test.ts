/**
 * Every parser, on arbitrary bytes, on arbitrary sequences of what its language is made of, and on damaged valid input: it gives a value
 * or a Failure, never another error. Canonical forms and round trips are with each parser's own tests.
 */
import { generateKeyPairSync, X509Certificate } from "node:crypto"
import { deflateSync, gzipSync } from "node:zlib"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { p256Compress } from "#primitives"
import { decodeArmor, encodeArmor } from "../src/age/armor.ts"
import { decodeBase64 } from "../src/age/base64.ts"
import { decodeBech32 } from "../src/age/bech32.ts"
import { ByteSource } from "../src/age/byte-source.ts"
import { decryptBytes } from "../src/age/file.ts"
import { parseHeader } from "../src/age/header.ts"
import { readIdentityFile } from "../src/age/identity-file.ts"
import { openWith } from "../src/age/open.ts"
import { readOpenSshKey } from "../src/age/openssh-key.ts"
import { parsePluginIdentity, parsePluginRecipient } from "../src/age/plugin-name.ts"
import { parseRecipient, parseRecipientsFile } from "../src/age/recipients.ts"
import { readSshPrivateKey } from "../src/age/ssh-private-key.ts"
import { decodeStandardBase64, parseSshPublicLine } from "../src/age/ssh-public-key.ts"
import { sshLinesToAge } from "../src/age/ssh-to-age.ts"
import { X25519Identity } from "../src/age/x25519.ts"
import { exchangeWith } from "../src/apdu/exchange.ts"
import { concat, decodeTlvs, encodeTlv } from "../src/apdu/tlv.ts"
import { readEvidenceText } from "../src/ceremony/attestation-evidence.ts"
import { parseExposureMarks } from "../src/ceremony/exposure-marks.ts"
import { readVersion } from "../src/ceremony/file-version.ts"
import { parseStatus } from "../src/ceremony/git.ts"
import { parseBatch, parseLog, parseTree } from "../src/ceremony/history.ts"
import { parseJournal } from "../src/ceremony/journal.ts"
import { readKeyNames } from "../src/ceremony/key-names.ts"
import { parseManifest } from "../src/ceremony/manifest-needs.ts"
import { keyFromKnownHosts } from "../src/ceremony/new-key.ts"
import { parsePolicy } from "../src/ceremony/policy.ts"
import { checkSignatures } from "../src/ceremony/signature.ts"
import { chainEvents, parseTranscript, verifyChain } from "../src/ceremony/transcript.ts"
import { splitWords } from "../src/cli/editors.ts"
import { parseSopsArguments } from "../src/cli/sops-arguments.ts"
import { parseVirtualReader } from "../src/cli/virtual-reader.ts"
import { Failure } from "../src/failure.ts"
import { pinsFromText } from "../src/keyring/pin-source.ts"
import { UnlockSession } from "../src/keyring/unlock-session.ts"
import type { CardTransport } from "../src/pcsc/card-transport.ts"
import { agreeOnSecret } from "../src/piv/keys.ts"
import { managementAlgorithm } from "../src/piv/management-key.ts"
import { referenceMetadata, slotMetadata } from "../src/piv/metadata.ts"
import { getCertificate } from "../src/piv/objects.ts"
import { pinFrom } from "../src/piv/pin.ts"
import { parseSlot } from "../src/piv/slots.ts"
import { readCommand } from "../src/plugin/framing.ts"
import { parseIndex } from "../src/plugin/indices.ts"
import { Secret } from "../src/secret.ts"
import { parseSetValue } from "../src/sops/change.ts"
import { decryptValue, encryptValue } from "../src/sops/cipher.ts"
import { parseConfig } from "../src/sops/config.ts"
import type { ConfigChange } from "../src/sops/config-change.ts"
import { editConfig } from "../src/sops/config-edit.ts"
import { decryptSops } from "../src/sops/decrypt.ts"
import { readEncrypted } from "../src/sops/file.ts"
import { storeOf } from "../src/sops/format.ts"
import { parseKeyPath } from "../src/sops/key-path.ts"
import type { Format } from "../src/sops/stores/store.ts"
import { str } from "../src/sops/tree.ts"
import { parseTimestamp } from "../src/sops/yaml/timestamp.ts"
import { loadCards, manualClock, newCard, parseCard, parseFault, VirtualCard } from "../src/virtual/index.ts"
import { messageReader } from "../src/virtual/vpcd.ts"
import { verifyAttestation, yubicoRoots } from "../src/yubikey/attestation.ts"
import { readP256PrivateKey } from "../src/yubikey/private-key-file.ts"
import { YubiKeyRecipient } from "../src/yubikey/recipient.ts"
import { readSlotCertificate } from "../src/yubikey/slot-certificate.ts"
import { keyStanzas } from "../src/yubikey/stanzas.ts"
import { parseStub } from "../src/yubikey/stub.ts"
import { pemCertificates, readCertificate } from "../src/yubikey/x509.ts"
import { inPieces } from "./age/pieces.ts"
import { vector, vectorText } from "./cards.ts"
import { fuzzRuns } from "./fuzz-runs.ts"

type Parser = Readonly<{
  name: string
  parse: (bytes: Uint8Array) => unknown
  /** Valid input, to be damaged. */
  valid: readonly (Uint8Array | string)[]
  /** What the language is made of. */
  words?: readonly (Uint8Array | string)[]
}>

const bytesOf = (content: Uint8Array | string): Uint8Array =>
  typeof content === "string" ? new TextEncoder().encode(content) : content
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
const lines = (path: string): string[] => vectorText(path).trim().split("\n")

async function drain(pieces: AsyncIterable<unknown>): Promise<void> {
  for await (const piece of pieces) expect(piece).toBeInstanceOf(Uint8Array)
}

async function drainAll(things: AsyncIterable<unknown>): Promise<void> {
  for await (const thing of things) expect(thing).toBeDefined()
}

const provision = lines("yubikey/provision-key.txt").at(-1) ?? ""
const stub = lines("yubikey/identities.txt").find((line) => line.startsWith("AGE-PLUGIN-YUBIKEY-")) ?? ""
const certificate = (name: string): Uint8Array =>
  new Uint8Array(new X509Certificate(vectorText(`certificates/${name}.pem`)).raw)
const sshKey = (name: string): string => textOf(vector(`../age/fixtures/ssh/${name}`))
const recipients = [
  "age1yubikey1qwt50d05nh5vutpdzmlg5wn80xq5negm4uj9ghv0snvdd3yysf5yw3rhl3t",
  "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa",
  sshKey("ed-none.pub"),
]
const dataKey = Secret.owning("data key", new Uint8Array(32).fill(7))
const session = new UnlockSession({ identities: [X25519Identity.parse(provision)], yubiKeys: null })
const point = YubiKeyRecipient.parse(recipients[0] ?? "").point
const certificateObject = (der: Uint8Array, info: number): Uint8Array =>
  encodeTlv(0x53, encodeTlv(0x70, der), encodeTlv(0x71, Uint8Array.of(info)), encodeTlv(0xfe))
/** A card that answers everything with these bytes. */
const answering = (data: Uint8Array) => () => Promise.resolve({ data, sw: 0x9000 })

const fromHex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "hex"))
const virtualState = newCard({ firmware: "5.7.1", serial: 1 })
const virtualCard = (): VirtualCard => new VirtualCard(virtualState, { clock: manualClock({ skipSleep: true }) })
/** A card that says this once, and that there is no more. */
const oneAnswer = (bytes: Uint8Array): CardTransport => {
  let next = bytes
  return {
    transmit: () => {
      const answer = next
      next = fromHex("6f00")
      return Promise.resolve(answer)
    },
    close: () => Promise.resolve(),
  }
}
const record = chainEvents(
  [{ event: "begin" }, { event: "end", files: 2 }],
  "0123456789ab",
  "2026-01-02T03:04:05Z",
  null,
)

const ageFiles = ["piv-one", "mixed", "many-stanzas", "tag-one"].map((name) => vector(`yubikey/age/${name}.age`))
const armored = vector("yubikey/age/piv-two-armored.age")
const stanzaWords = ["-> ", "piv-p256", "p256tag", " ", "\n", "AAAA", "A".repeat(64), "---", "age-encryption.org/v1\n"]
const formats = {
  yaml: {
    file: "app0.yaml",
    words: [
      ": ",
      "- ",
      "\n",
      "  ",
      "a",
      "sops",
      "age",
      "|",
      ">",
      "&x ",
      "*x",
      "<<",
      "!!binary ",
      "? ",
      "#",
      "[",
      "{",
      "'",
    ],
  },
  json: { file: "app.json", words: ['"', ":", ",", "{", "}", "[", "]", "1e9", "null", "\\u", '"sops"', "true", " "] },
  dotenv: { file: "app.env", words: ["=", "\n", "#", "sops_mac", "sops_age__list_0__map_enc", "\\n", "A", "__list_"] },
  ini: {
    file: "app.ini",
    words: ["[", "]", "\n", "=", ";", '"""', "sops", "DEFAULT", "\\\n", "`", "age__list_0__map_enc"],
  },
  binary: { file: "app.txt", words: ['{"data":', '"sops"', "ENC[AES256_GCM,data:", "}", ",", "[", '"'] },
} as const satisfies Record<Format, { file: string; words: readonly string[] }>

const enc = encryptValue(str("hello"), dataKey, "a:")
const card = vectorText("yubikey/cards.json")
const json = (bytes: Uint8Array): unknown => {
  try {
    return JSON.parse(textOf(bytes))
  } catch {
    return null
  }
}

const roots = yubicoRoots()
const lenaKey = "age1h4f2l5kgzlqvxr0wz86htrsj7xm2rsvn3fxp8f6gwa4sl0jnug9sl7mtlu"
const changes: readonly ConfigChange[] = [
  { kind: "add", name: "nova", recipient: recipients[1] ?? "", comment: "nova", place: { like: "lena" } },
  {
    kind: "add",
    name: "nova",
    recipient: recipients[1] ?? "",
    comment: null,
    place: { rules: [0], group: 0, behind: "lena" },
  },
  { kind: "remove", name: "lena" },
  { kind: "rename", name: "lena", to: "anna" },
  { kind: "replace", name: "lena", recipient: recipients[0] ?? "" },
]

const parsers: readonly Parser[] = [
  {
    name: "BER-TLV",
    parse: decodeTlvs,
    valid: [
      encodeTlv(0x7c, encodeTlv(0x82), encodeTlv(0x85, new Uint8Array(65))),
      encodeTlv(0x5f2f, new Uint8Array(300)),
    ],
    words: [encodeTlv(0x70, Uint8Array.of(1)), Uint8Array.of(0x81), Uint8Array.of(0x84, 0xff, 0xff, 0xff, 0xff)],
  },
  {
    name: "slot certificates",
    parse: readSlotCertificate,
    valid: ["rsa4096", "ed25519", "p256-critical-policy", "p256-text-extension"].map(certificate),
  },
  {
    name: "attestations",
    parse: (bytes) => readCertificate(bytes),
    valid: ["key", "device"].map((name) => pemCertificates(vectorText(`attestation/13078778-${name}.pem`))[0] ?? ""),
  },
  {
    name: "evidence on file",
    parse: (bytes) => {
      const { attestations, others } = readEvidenceText([textOf(bytes)])
      return attestations.map((one) => verifyAttestation(one, others, roots, new Date("2026-07-01T00:00:00Z")))
    },
    valid: [["key", "device"].map((name) => vectorText(`attestation/13078778-${name}.pem`)).join("")],
    words: ["-----BEGIN CERTIFICATE-----\n", "-----END CERTIFICATE-----\n", "MIIB", "=", "\n"],
  },
  {
    name: "known_hosts",
    parse: (bytes) => keyFromKnownHosts(textOf(bytes), "a.example", "f"),
    valid: [`a.example,!b ${sshKey("ed-none.pub")}`, `|1|AAAA|AAAA ${sshKey("ed-none.pub")}`],
    words: ["a.example ", "*", "|1|", "ssh-ed25519 ", "AAAA", ",", "!", "@revoked ", "[", "(", "\\", "?", "\n"],
  },
  {
    name: "changes of .sops.yaml",
    parse: (bytes) => editConfig(bytes, changes[bytes.length % changes.length] ?? { kind: "remove", name: "lena" }),
    valid: [vectorText("yubikey/repo/.sops.yaml")],
    words: [
      ...[
        "creation_rules:\n",
        "keys:\n",
        "- ",
        "  ",
        "age: ",
        "&lena ",
        "*lena",
        "[",
        "]",
        ", ",
        ",",
        "{",
        "}",
        "# lena\n",
      ],
      ...["\n", "\r\n", ">-\n", "|\n", "'", '"', "? ", ": ", "key_groups:\n", "! ", "<<: ", lenaKey],
    ],
  },
  {
    name: "certificate objects",
    parse: (bytes) => getCertificate(answering(bytes), 0x82),
    valid: [
      certificateObject(certificate("p384"), 0),
      certificateObject(gzipSync(certificate("p384")), 1),
      certificateObject(concat(Uint8Array.of(1, 0, 0, 4), deflateSync(certificate("p384"))), 0),
    ],
  },
  {
    name: "slot metadata",
    parse: (bytes) => slotMetadata(answering(bytes), 0x82),
    valid: [
      concat(
        encodeTlv(1, Uint8Array.of(0x11)),
        encodeTlv(2, Uint8Array.of(2, 2)),
        encodeTlv(3, Uint8Array.of(1)),
        encodeTlv(4, encodeTlv(0x86, point)),
      ),
    ],
  },
  {
    name: "PIN metadata",
    parse: (bytes) => referenceMetadata(answering(bytes), 0x80),
    valid: [concat(encodeTlv(5, Uint8Array.of(1)), encodeTlv(6, Uint8Array.of(3, 3)))],
  },
  {
    name: "age headers",
    parse: (bytes) => keyStanzas(parseHeader(bytes).header.stanzas),
    valid: ageFiles,
    words: stanzaWords,
  },
  {
    name: "whole age files",
    parse: (bytes) => decryptBytes(bytes, openWith([X25519Identity.parse(provision)])),
    valid: [...ageFiles, armored],
    words: stanzaWords,
  },
  {
    name: "armor",
    parse: (bytes) => drain(decodeArmor(inPieces(bytes, 7))),
    valid: [armored],
    words: ["-----BEGIN AGE ENCRYPTED FILE-----\n", "-----END AGE ENCRYPTED FILE-----\n", "YWdl", "\r\n", "=", " "],
  },
  { name: "what armor is made of", parse: (bytes) => drain(encodeArmor(inPieces(bytes, 7))), valid: ageFiles },
  {
    name: "the plugin protocol",
    parse: async (bytes) => {
      const source = new ByteSource(inPieces(bytes, 11))
      while ((await readCommand(source)) !== null) continue
    },
    valid: ["-> add-recipient age1x\n\n-> wrap-file-key\nAAAAAAAAAAAAAAAAAAAAAA\n-> done\n\n"],
    words: [...stanzaWords, "-> done\n\n", "-> recipient-stanza 0 x\n"],
  },
  { name: "indices of the plugin protocol", parse: (bytes) => parseIndex(textOf(bytes)), valid: ["0", "12"] },
  { name: "Bech32", parse: (bytes) => decodeBech32(textOf(bytes)), valid: [stub, provision, ...recipients] },
  {
    name: "stubs",
    parse: (bytes) => parseStub(textOf(bytes)),
    valid: [stub],
    words: ["AGE-PLUGIN-YUBIKEY-1", "Q", "1"],
  },
  {
    name: "plugin identities and recipients",
    parse: (bytes) => [parsePluginIdentity(textOf(bytes)), parsePluginRecipient(textOf(bytes))],
    valid: [stub, ...recipients],
  },
  {
    name: "recipients",
    parse: (bytes) => parseRecipient(textOf(bytes)),
    valid: recipients,
    words: ["age1", "ssh-rsa "],
  },
  { name: "recipients files", parse: (bytes) => parseRecipientsFile(textOf(bytes)), valid: [recipients.join("\n")] },
  {
    name: "identity files",
    parse: (bytes) => readIdentityFile(bytes),
    valid: [vector("yubikey/identities.txt"), vector("yubikey/provision-key.txt"), sshKey("ed-none"), armored],
    words: ["AGE-SECRET-KEY-1", "AGE-PLUGIN-", "#", "\n"],
  },
  {
    name: "SSH private keys",
    parse: (bytes) => readSshPrivateKey(textOf(bytes)).open(null),
    valid: ["ed-none", "rsa-none", "ed-aes128-gcm"].map(sshKey),
    words: [
      "-----BEGIN OPENSSH PRIVATE KEY-----\n",
      "-----END OPENSSH PRIVATE KEY-----\n",
      "AAAA",
      "-----BEGIN PRIVATE KEY-----",
    ],
  },
  {
    name: "OpenSSH's own form of private keys",
    parse: (bytes) => readOpenSshKey(bytes).open(null),
    valid: [Uint8Array.from(Buffer.from(sshKey("ed-none").replace(/-----.*-----|\n/g, ""), "base64"))],
  },
  {
    name: "P-256 private keys",
    parse: (bytes) => readP256PrivateKey(bytes)[Symbol.dispose](),
    valid: [generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ type: "sec1", format: "pem" })],
    words: ["-----BEGIN EC PRIVATE KEY-----\n", "-----END EC PRIVATE KEY-----\n", "AAAA", "MHcCAQEE"],
  },
  {
    name: "Base64, with padding and without",
    parse: (bytes) => [decodeBase64(textOf(bytes)), decodeStandardBase64(textOf(bytes))],
    valid: ["QUJD", "QQ", "QQ=="],
  },
  {
    name: "SSH public keys",
    parse: (bytes) => parseSshPublicLine(textOf(bytes)),
    valid: ["ed-none.pub", "rsa-none.pub", "ecdsa-none.pub"].map(sshKey),
    words: ["ssh-ed25519 ", "ssh-rsa ", "AAAA"],
  },
  {
    name: "SSH lines",
    parse: (bytes) => sshLinesToAge(textOf(bytes)),
    valid: [`# host\nhost.example ${sshKey("ed-none.pub")}`, sshKey("rsa-none.pub")],
    words: ["|1|", "@revoked ", "\n", "ssh-ed25519 ", "host "],
  },
  ...Object.entries(formats).flatMap(([name, { file, words }]): Parser[] => {
    const format = name as Format
    const encrypted = vector(`yubikey/repo/secrets/${file}`)
    return [
      {
        name: `SOPS files in ${format}`,
        parse: (bytes) => readEncrypted(bytes, format),
        valid: [encrypted],
        words,
      },
      {
        name: `plain ${format}`,
        parse: async (bytes) => (await storeOf(format)).parse(bytes),
        valid: [encrypted, "a = 1\n", '{"a": [1, "b"]}', "a:\n  - b: |\n      c\n# d\n"],
        words,
      },
      {
        name: `decrypting SOPS files in ${format}`,
        parse: (bytes) => decryptSops(bytes, session, { inputFormat: format }),
        valid: [encrypted],
      },
    ]
  }),
  {
    name: "ENC values",
    parse: (bytes) => decryptValue(textOf(bytes), dataKey, "a:", ["a"]),
    valid: [enc],
    words: ["ENC[AES256_GCM,", "data:", ",iv:", ",tag:", ",type:", "str", "int", "]", "AAAA", "="],
  },
  {
    name: ".sops.yaml",
    parse: (bytes) => [parseConfig(bytes), readKeyNames(textOf(bytes))],
    valid: [vector("yubikey/repo/.sops.yaml")],
    words: [
      "creation_rules:\n",
      "  - ",
      "key_groups:\n",
      "age:\n",
      "path_regex: ",
      "- *x\n",
      "&x ",
      "shamir_threshold: 2\n",
    ],
  },
  {
    name: "the ceremony's policy",
    parse: (bytes) => parsePolicy(textOf(bytes), new Map()),
    valid: [`backups: 2\nattested: true\nkeys:\n  a:\n    role: host\n    recipient: ${recipients[1]}\nprove: [a]\n`],
    words: formats.yaml.words,
  },
  {
    name: "the ceremony's record",
    parse: (bytes) => {
      const text = textOf(bytes).split("\n")
      return [verifyChain(text), parseTranscript(text)]
    },
    valid: [record.join("\n"), ...record],
    words: [...formats.json.words, '"event":', '"previous":', '"hash":"', "\n"],
  },
  {
    name: "signatures in the record",
    parse: (bytes) => {
      const [publicKey = "", signature = ""] = textOf(bytes).split(" ")
      const line = { event: "signature", by: "yubikey", publicKey, signature, serial: 1, time: "", ceremony: "" }
      return checkSignatures([JSON.stringify({ ...line, previous: "", hash: "" })], null)
    },
    valid: [`${Buffer.from(p256Compress(point) ?? "").toString("hex")} MAYCAQECAQE=`],
  },
  {
    name: "the ceremony's journal",
    parse: (bytes) => parseJournal(textOf(bytes), "journal"),
    valid: [
      JSON.stringify({
        version: 1,
        id: "0123456789ab",
        planHash: "a",
        state: "staged",
        files: [{ path: "a", before: "0".repeat(64), after: "1".repeat(64) }],
        transcript: record,
      }),
    ],
    words: formats.json.words,
  },
  {
    name: "marks of exposed values",
    parse: (bytes) => parseExposureMarks(textOf(bytes)),
    valid: [
      `marks:\n  - file: a.yaml\n    paths: ['["a"]']\n    key: lena\n    state: waived\n    reason: old\n    version: ${"0".repeat(40)}\n    date: 2026-01-02\n`,
    ],
    words: [...formats.yaml.words, "marks:\n", "file: a\n", "paths: ", "state: rotated\n"],
  },
  {
    name: "what hosts need",
    parse: (bytes) => parseManifest(textOf(bytes), "electra"),
    valid: ['{"secrets": [{"name": "a", "sopsFile": "/nix/store/x/a.yaml", "key": "a/b", "format": "yaml"}]}'],
    words: [...formats.json.words, '"secrets"', '"sopsFile"', '"key"', '"format"', "/"],
  },
  {
    name: "versions of files in git",
    parse: (bytes) => readVersion("secrets/app.yaml", bytes),
    valid: [vector("yubikey/repo/secrets/app0.yaml")],
    words: formats.yaml.words,
  },
  {
    name: "git's log",
    parse: (bytes) => drainAll(parseLog(inPieces(bytes, 11))),
    valid: [
      `\u0001${"a".repeat(40)} 2026-01-02T03:04:05Z Begin\0\n:000000 100644 ${"0".repeat(40)} ${"b".repeat(40)} A\0a.yaml\0`,
    ],
    words: ["\0", "\u0001", ":", "::", "100644 ", "120000 ", `${"c".repeat(40)} `, "\n", "a.yaml"],
  },
  {
    name: "git's trees",
    parse: (bytes) => parseTree(textOf(bytes)),
    valid: [`100644 blob ${"a".repeat(40)}\ta.yaml\0`],
    words: ["\0", "\t", " blob ", "100644", "160000 commit ", "a".repeat(40)],
  },
  {
    name: "git's blobs",
    parse: (bytes) => drainAll(parseBatch(inPieces(bytes, 11), ["a", "b"], 8, "folder")),
    valid: [`${"a".repeat(40)} blob 3\nabc\n${"b".repeat(40)} missing\n`, "a blob 12\nabcdefghijkl\nb blob 0\n\n"],
    words: [" blob ", "3\n", "99999999999999999999\n", " missing\n", "abc", "\n"],
  },
  {
    name: "git's status",
    parse: (bytes) => parseStatus(textOf(bytes)),
    valid: ["# branch.oid abc\0# branch.head main\0? a\0"],
  },
  {
    name: "key paths",
    parse: (bytes) => parseKeyPath(textOf(bytes)),
    valid: ['["a"]["b"][0]'],
    words: ["[", "]", '"', "'", "0", "a"],
  },
  {
    name: "values to set",
    parse: (bytes) => parseSetValue(textOf(bytes)),
    valid: ['{"a": [1, null]}'],
    words: formats.json.words,
  },
  {
    name: "YAML timestamps",
    parse: (bytes) => parseTimestamp(textOf(bytes)),
    valid: ["2024-01-02T10:11:12.5Z", "2024-1-2 3:4:5 +1"],
  },
  {
    name: "virtual YubiKey files",
    parse: (bytes) => parseCard(json(bytes)),
    valid: [JSON.stringify(newCard({ firmware: "5.7.1", serial: 1 }))],
    words: formats.json.words,
  },
  { name: "card lists", parse: (bytes) => loadCards(json(bytes)), valid: [card], words: formats.json.words },
  {
    name: "faults of virtual YubiKeys",
    parse: (bytes) => parseFault(textOf(bytes)),
    valid: ["slow:5@3*"],
    words: ["@", "*", ":", "removed"],
  },
  { name: "PINs", parse: (bytes) => pinFrom(textOf(bytes)), valid: ["123456"] },
  {
    name: "PIN sources",
    parse: (bytes) => {
      const source = pinsFromText(() => Promise.resolve(textOf(bytes)), "descriptor 3")
      return source.from === "program" ? source.pin(27205443) : null
    },
    valid: ["27205443 123456\n16169658 654321\n"],
  },
  {
    name: "virtual readers",
    parse: (bytes) => parseVirtualReader(textOf(bytes)),
    valid: ["virtual:key.json?touch=250&ecdh-delay=100&fault=removed@5"],
    words: ["virtual:", "?", "&", "=", "touch", "auto", "fault", "%"],
  },
  {
    name: "APDUs to a virtual YubiKey",
    parse: (bytes) => virtualCard().transmit(bytes),
    valid: ["00a4040005a000000308", "00200080083132333435363700", "0087118205", "00cb3fff055c035fc10d"].map(fromHex),
    words: ["00", "10", "87", "cb", "a4", "fe", "47", "f7", "7c", "82", "a000000308", "ff"].map(fromHex),
  },
  {
    name: "frames of vpcd",
    parse: (bytes) => {
      const read = messageReader(() => undefined)
      for (let at = 0; at < bytes.length; at += 7) read(bytes.subarray(at, at + 7))
    },
    valid: ["000104", "000500a4040000"].map(fromHex),
  },
  {
    name: "answers of a card",
    parse: (bytes) => exchangeWith(oneAnswer(bytes))({ ins: 0xcb, p1: 0x3f, p2: 0xff }),
    valid: ["9000", "53009000", "6a82"].map(fromHex),
    words: ["9000", "6100", "6c04", "6982", "63c2"].map(fromHex),
  },
  {
    name: "key agreements",
    parse: async (bytes) => {
      const secret = await agreeOnSecret(answering(bytes), 0x82, point)
      if ("use" in secret) secret[Symbol.dispose]()
    },
    valid: [encodeTlv(0x7c, encodeTlv(0x82, new Uint8Array(32)))],
  },
  {
    name: "the management key's metadata",
    parse: (bytes) => managementAlgorithm(answering(bytes)),
    valid: [concat(encodeTlv(1, Uint8Array.of(0x0a)), encodeTlv(2, Uint8Array.of(0, 1)))],
  },
  { name: "slots", parse: (bytes) => parseSlot(textOf(bytes)), valid: ["82", "9a", "1"] },
  {
    name: "editors",
    parse: (bytes) => splitWords(textOf(bytes)),
    valid: ["vim -c 'set x' \"a b\""],
    words: ["'", '"', "\\", " "],
  },
  {
    name: "sops' arguments",
    parse: (bytes) => parseSopsArguments(textOf(bytes).split(" ")),
    valid: ["decrypt --extract x file.yaml", "-d -i a", "--set x file"],
    words: ["-d", "--", "=", " ", "-e", "--extract", "encrypt"],
  },
]

/** One change of valid input: a place (modulo its length), how much goes, what comes. */
const edit = fc.record({
  at: fc.nat(),
  remove: fc.constantFrom(0, 1, 1, 2, 16, 1 << 20),
  put: fc.uint8Array({ maxLength: 3 }),
})

/** Inputs for a parser: damaged valid ones as often as all others together. */
function inputs({ valid, words = [] }: Parser): fc.Arbitrary<Uint8Array> {
  const vocabulary = [...words, ...valid].map(bytesOf)
  const damaged = fc
    .tuple(fc.constantFrom(...valid.map(bytesOf)), fc.array(edit, { minLength: 1, maxLength: 3 }))
    .map(([whole, edits]) =>
      edits.reduce<Uint8Array>((bytes, { at, remove, put }) => {
        const start = at % (bytes.length + 1)
        return Uint8Array.from(Buffer.concat([bytes.subarray(0, start), put, bytes.subarray(start + remove)]))
      }, whole),
    )
  const spoken = fc
    .array(fc.constantFrom(...vocabulary), { maxLength: 12 })
    .map((parts) => Uint8Array.from(Buffer.concat(parts)))
  return fc.oneof({ weight: 2, arbitrary: damaged }, spoken, fc.uint8Array({ maxLength: 300 }))
}

async function judge({ parse }: Pick<Parser, "parse">, bytes: Uint8Array): Promise<void> {
  try {
    await parse(bytes)
  } catch (error) {
    if (!(error instanceof Failure)) throw error
  }
}

describe("gives a value or a typed failure, whatever it is given", () => {
  it.each(parsers)("$name", async (parser) => {
    await fc.assert(
      fc.asyncProperty(inputs(parser), (bytes) => judge(parser, bytes)),
      { numRuns: fuzzRuns },
    )
  })
})

describe("the judgement", () => {
  it("lets no other error pass", async () => {
    const parse = () => {
      throw new TypeError("not ours")
    }
    await expect(judge({ parse }, new Uint8Array())).rejects.toThrow(TypeError)
  })

  it.each(parsers)("has valid input for $name", async ({ parse, valid }) => {
    // One that is refused as it stands would be tried only in its first bytes.
    const outcomes = await Promise.all(
      valid.map(async (content) => {
        try {
          await parse(bytesOf(content))
          return "read"
        } catch {
          return "refused"
        }
      }),
    )
    expect(outcomes).toContain("read")
  })
})
