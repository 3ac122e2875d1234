import { linkSync, mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { stage } from "../../src/ceremony/commit.ts"
import { NewKeyRefused, PlanChanged } from "../../src/ceremony/failures.ts"
import { type Journal, keptPath, recordFolder, stagedPath, writeJournal } from "../../src/ceremony/journal.ts"
import { keyFromKnownHosts, keyFromSshFile, keyFromSshLine, sameKeyAs } from "../../src/ceremony/new-key.ts"
import { finishHalfDone, rekey, requireNothingHalfDone } from "../../src/ceremony/rekey.ts"
import { sha256Hex } from "../../src/ceremony/repository.ts"
import { verifyChain } from "../../src/ceremony/transcript.ts"
import { YubiKeyRecipient } from "../../src/yubikey/recipient.ts"
import { vectorText } from "../cards.ts"
import { newHost, recorded, run, stateOf } from "./commands.ts"
import { host, leftovers, plaintextOf, prepare, provisionKey, secretsOf, vectorRepository } from "./repository.ts"

const vegaLine = vectorText("yubikey/hosts/vega/ssh_host_ed25519_key.pub").trim()
const vegaRecipient = "age1x4n97jnw7v36kextxd6uerfez87ngc2wmfjmhjxxqyvj6vr8mvms94yjkk"
const rsaLine =
  "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQC97KBNN9JjCaJRQaF6ZNUdNAuWe5roLGdQ6yBXpYotisDCP/Mf39/ymVVI5sa12dajvU+Zav13qkp8CIJba30matAodTdV5/RCkOYUfP7gjh0KSqvptnpil5f4E2LfmJl98PBpKRYX6qg9GF8uxJwidnjv8A4HKRw2gVXOaTd0NoKfu71Jn4p/Y2ZGV3Ph4htQeKD0VWzX8iO4qk3h0UZZvk2Cg5b2YZXbmFNxM/hqg/elja6INjW6JFgPWNODyfGBp5Uvm4YZvFol6w2pBK2hHTCBfj22uiy4vGGl9YzTCimx2hWDUz7DhHS7Xidi9MSWpCNqayivy0L0ol/G2csB r"
const ecdsaLine =
  "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBExLUfs19Ob9OGW9O7h3hYxVPljITjIJId7SwMJch33CBIiQyooMo78XZnfY+efV2/CJparGQz5FIcMbAKRrqTU= r"

describe("host add", () => {
  it("gives a host what another reads, leaves all other lines as they are, and host remove takes it all back", async () => {
    using repository = vectorRepository()
    const nova = newHost(repository, "nova")
    const before = repository.config()
    const added = await run(repository, [
      "host",
      "add",
      "nova",
      "--ssh-key",
      nova.publicFile,
      "--like",
      "lena",
      "--yes",
      "--no-yubikey",
    ])
    expect(added).toMatchObject({ status: 0 })
    expect(added.stderr).toContain("  + nova\n")
    const lines = repository.config().split("\n")
    expect(lines.filter((line) => !before.split("\n").includes(line))).toEqual([
      "  # nova: host SSH key",
      `  - &nova ${nova.recipient}`,
      "          - *nova",
    ])
    expect(lines.filter((line) => !line.includes("nova")).join("\n")).toBe(before)
    for (const path of secretsOf(repository.root).keys()) {
      const readable = (await plaintextOf(repository.root, path, { identities: nova.identities })) !== null
      expect(readable, path).toBe((await plaintextOf(repository.root, path, { identities: host("lena") })) !== null)
    }
    repository.commit("add nova")

    const removed = await run(repository, ["host", "remove", "nova", "--yes", "--no-yubikey"])
    expect(removed).toMatchObject({ status: 0 })
    expect(repository.config()).toBe(before)
    for (const path of secretsOf(repository.root).keys())
      expect(await plaintextOf(repository.root, path, { identities: nova.identities }), path).toBeNull()
    expect(await plaintextOf(repository.root, "secrets/app0.yaml", { identities: host("lena") })).not.toBeNull()
    expect(recorded(repository, "key-added")).toMatchObject([
      { key: "nova", recipient: nova.recipient, proven: false, reason: "the key is not at hand" },
    ])
    expect(recorded(repository, "key-removed")).toMatchObject([{ key: "nova", recipient: nova.recipient }])
    const record = readFileSync(join(repository.root, ".sops-ceremonies.jsonl"), "utf8").trim().split("\n")
    expect(verifyChain(record)).toEqual([])
  })

  it("lets a host's private key prove itself, and shows the fingerprint as ssh-keygen does", async () => {
    using repository = vectorRepository()
    const nova = newHost(repository, "nova")
    const added = await run(repository, [
      "host",
      "add",
      "nova",
      "--ssh-key",
      nova.privateFile,
      "--rule",
      "secrets/hosts/vega/.*",
      "--yes",
      "--no-yubikey",
    ])
    expect(added).toMatchObject({ status: 0 })
    expect(added.stderr).toContain("has proven itself")
    expect(recorded(repository, "key-added")).toMatchObject([
      { proven: true, fingerprint: expect.stringMatching(/^SHA256:[\w+/]{43}$/) as string },
    ])
    expect(
      await plaintextOf(repository.root, "secrets/hosts/vega/net.yaml", { identities: nova.identities }),
    ).not.toBeNull()
    expect(await plaintextOf(repository.root, "secrets/app0.yaml", { identities: nova.identities })).toBeNull()
    // ssh-keygen -lf of the vectors' hosts.
    expect(keyFromSshLine(vegaLine, "x").fingerprint).toBe("SHA256:vMscGWHFDyIdL2a6tcq2tJhjVRtDlnBaXNcbFKxnXnM")
    expect(keyFromSshLine(vegaLine, "x").recipient).toBe(vegaRecipient)
  })

  it("with --dry-run changes nothing, says what it would, and exits 3", async () => {
    using repository = vectorRepository()
    const nova = newHost(repository, "nova")
    const before = stateOf(repository)
    const args = ["host", "add", "nova", "--ssh-public", nova.line, "--like", "vega", "--dry-run", "--no-yubikey"]
    const text = await run(repository, args, {})
    expect(text.status).toBe(3)
    expect(text.stdout).toMatch(/SSH fingerprint SHA256:.*\n[\s\S]*\.sops\.yaml:\n {5}8 \+ {3}# nova: host SSH key\n/)
    expect(text.stdout).toContain("secrets/hosts/vega/net.yaml: new recipients, the data key stays\n    + nova\n")
    const json = await run(repository, [...args, "--json"], {})
    expect(JSON.parse(json.stdout)).toMatchObject({
      occasion: { kind: "add", name: "nova", recipient: nova.recipient, lines: [{ path: ".sops.yaml" }] },
    })
    expect(stateOf(repository)).toEqual(before)
  })

  it("that ends in a failure leaves .sops.yaml, the files and the record as they were", async () => {
    using repository = vectorRepository()
    const nova = newHost(repository, "nova")
    const before = stateOf(repository)
    for (const args of [
      ["host", "add", "nova", "--ssh-key", nova.publicFile, "--like", "lena"],
      ["host", "remove", "lena"],
    ]) {
      const failed = await run(repository, [...args, "--yes", "--no-yubikey"], {})
      expect(failed.status).toBe(4)
      expect(stateOf(repository)).toEqual(before)
    }
    // The only key at hand is the one that goes.
    const lockedOut = await run(
      repository,
      [
        "host",
        "remove",
        "lena",
        "--yes",
        "--no-yubikey",
        "-i",
        new URL("../vectors/yubikey/hosts/lena/ssh_host_ed25519_key", import.meta.url).pathname,
      ],
      {},
    )
    expect(lockedOut.stderr).toContain("no identity at hand opens what would be written")
    expect(stateOf(repository)).toEqual(before)
    expect(recorded(repository, "key-removed")).toEqual([])
  })

  it.each([
    {
      what: "an RSA key",
      args: ["--ssh-public", rsaLine, "--like", "lena"],
      says: /key of type ssh-rsa, and only ssh-ed25519.*\n.*ssh-keygen -t ed25519/,
    },
    {
      what: "an ECDSA key",
      args: ["--ssh-public", ecdsaLine, "--like", "lena"],
      says: /ecdsa-sha2-nistp256.*\n.*ssh-keygen -t ed25519/,
    },
    {
      what: "a line that is cut short",
      args: ["--ssh-public", vegaLine.slice(0, 60), "--like", "lena"],
      says: /malformed, or cut short/,
    },
    {
      what: "a key that is there already",
      args: ["--ssh-public", vegaLine, "--like", "lena"],
      says: /there already: it is called vega \(line 7\)\n.*key rename vega NAME/,
    },
    {
      what: "a recipient that is mistyped",
      args: ["--age", `${vegaRecipient.slice(0, -1)}q`, "--like", "lena"],
      says: /not valid Bech32/,
    },
    { what: "no place", args: ["--ssh-public", vegaLine], says: /what is it to read\?/ },
    {
      what: "two places",
      args: ["--ssh-public", vegaLine, "--like", "lena", "--rule", "1"],
      says: /exclude each other/,
    },
    { what: "no key", args: ["--like", "lena"], says: /whose key is it\?/ },
    {
      what: "two keys",
      args: ["--ssh-public", vegaLine, "--age", vegaRecipient, "--like", "lena"],
      says: /several keys are named/,
    },
  ])("refuses $what, before anything is asked or written", async ({ args, says }) => {
    using repository = vectorRepository()
    const before = stateOf(repository)
    const refused = await run(repository, ["host", "add", "nova", ...args, "--yes", "--no-yubikey"])
    expect(refused.status).toBe(2)
    expect(refused.stderr).toMatch(says)
    expect(stateOf(repository)).toEqual(before)
  })

  it("refuses rules that are not there, or that have several groups, with the way out", async () => {
    using repository = vectorRepository()
    const nova = newHost(repository, "nova")
    const add = (...args: readonly string[]) =>
      run(repository, ["host", "add", "nova", "--ssh-public", nova.line, "--yes", "--no-yubikey", ...args])
    expect((await add("--rule", "9")).stderr).toMatch(/no rule is called 9\n.*counted from 1: 1 \(secrets\/quorum/)
    expect((await add("--rule", "1")).stderr).toMatch(
      /rule 1 has 3 key groups, and none was named\n.*by hand: "- &nova age1/,
    )
    expect((await add("--like", "anna")).stderr).toMatch(/no key is called "anna"/)
    expect((await add("--rule", "2", "--rule", "3")).status).toBe(0)
  })

  it("does not follow a link away from the repository", async () => {
    using repository = vectorRepository()
    const nova = newHost(repository, "nova")
    const config = join(repository.root, ".sops.yaml")
    renameSync(config, join(repository.root, "real.yaml"))
    symlinkSync("real.yaml", config)
    const refused = await run(repository, [
      "host",
      "add",
      "nova",
      "--ssh-public",
      nova.line,
      "--like",
      "lena",
      "--yes",
      "--no-yubikey",
    ])
    expect(refused.stderr).toContain("symbolic link")
  })
})

describe("a change of .sops.yaml and the files", () => {
  it("is one: whoever edits .sops.yaml meanwhile loses nothing, and nothing is replaced", async () => {
    using repository = vectorRepository()
    repository.edit((text) =>
      text
        .split("\n")
        .filter((line) => !line.includes("lena"))
        .join("\n"),
    )
    await using prepared = await prepare(repository.root, { identities: [provisionKey()] })
    const config = Buffer.from(repository.config())
    const before = secretsOf(repository.root)
    const alongside = [
      { path: ".sops.yaml", before: sha256Hex(config), bytes: Buffer.from(`${String(config)}# new\n`) },
    ]
    repository.edit((text) => `${text}# meanwhile\n`)
    await expect(rekey({ ...prepared, alongside })).rejects.toBeInstanceOf(PlanChanged)
    expect(repository.config()).toBe(`${String(config)}# meanwhile\n`)
    for (const [path, bytes] of before) expect(readFileSync(join(repository.root, path)).equals(bytes)).toBe(true)
    await requireNothingHalfDone(repository.root)
    expect([...secretsOf(repository.root).keys()]).toEqual([...before.keys()])
  })

  it.each(["resume", "abort"] as const)("that was cut short is all-new or all-old after %s", async (wish) => {
    using repository = vectorRepository()
    const old = repository.config()
    const path = "secrets/app0.yaml"
    const secret = readFileSync(join(repository.root, path))
    const place = { root: repository.root, folder: await recordFolder(repository.root) }
    const [config, file] = [Buffer.from("creation_rules: []\n"), Buffer.from("new: 1\n")]
    const journal: Journal = {
      version: 1,
      id: "0123456789ab",
      planHash: "x",
      state: "staged",
      files: [
        { path, before: sha256Hex(secret), after: sha256Hex(file) },
        { path: ".sops.yaml", before: sha256Hex(Buffer.from(old)), after: sha256Hex(config) },
      ],
      transcript: [],
    }
    await stage(place, journal, [
      { planned: { path }, bytes: file },
      { planned: { path: ".sops.yaml" }, bytes: config },
    ])
    await writeJournal(place.folder, journal)
    await finishHalfDone(repository.root, wish)
    expect(repository.config()).toBe(wish === "resume" ? String(config) : old)
    expect(readFileSync(join(repository.root, path))).toEqual(wish === "resume" ? file : secret)
  })

  it("that was cut short while files were replaced is undone around a file that somebody changed", async () => {
    using repository = vectorRepository()
    const old = repository.config()
    const path = "secrets/app0.yaml"
    const secret = readFileSync(join(repository.root, path))
    const place = { root: repository.root, folder: await recordFolder(repository.root) }
    const [config, file] = [Buffer.from("creation_rules: []\n"), Buffer.from("new: 1\n")]
    const journal: Journal = {
      version: 1,
      id: "0123456789ab",
      planHash: "x",
      state: "committing",
      files: [
        { path: ".sops.yaml", before: sha256Hex(Buffer.from(old)), after: sha256Hex(config) },
        { path, before: sha256Hex(secret), after: sha256Hex(file) },
      ],
      transcript: [],
    }
    await stage(place, journal, [
      { planned: { path }, bytes: file },
      { planned: { path: ".sops.yaml" }, bytes: config },
    ])
    const configPath = join(repository.root, ".sops.yaml")
    linkSync(configPath, keptPath(repository.root, journal, ".sops.yaml"))
    renameSync(stagedPath(repository.root, journal, ".sops.yaml"), configPath)
    writeFileSync(join(repository.root, path), "theirs\n")
    await expect(finishHalfDone(repository.root, "resume")).rejects.toMatchObject({ where: { file: path } })
    expect((await finishHalfDone(repository.root, "abort")).now).toBe("old")
    expect(repository.config()).toBe(old)
    expect(readFileSync(join(repository.root, path), "utf8")).toBe("theirs\n")
    expect(leftovers(repository.root)).toEqual([])
  })
})

describe("known_hosts", () => {
  const [type, encoded] = vegaLine.split(" ")
  const vega = `${type} ${encoded}`
  const other = vectorText("yubikey/hosts/lena/ssh_host_ed25519_key.pub").trim().split(" ").slice(0, 2).join(" ")
  // Written by ssh-keygen -H for vega.example.org.
  const hashed = "|1|OVdI3gtDn4vYj3+EfECGDW2RAeo=|5jjr5cPwYy6Rhz5u4mvIUy5C1nw="

  it.each<{ what: string; text: string; host?: string; says: RegExp }>([
    { what: "a name", text: `# c\nvega.example.org ${vega} comment\n`, says: /^age1x4n97/ },
    { what: "one of several names", text: `10.0.0.1,vega.example.org ${vega}\n`, says: /^age1x4n97/ },
    {
      what: "a name with a port",
      text: `[vega.example.org]:2222 ${vega}\n`,
      host: "[vega.example.org]:2222",
      says: /^age1x4n97/,
    },
    { what: "a pattern", text: `*.example.org,!vega.example.com ${vega}\n`, says: /^age1x4n97/ },
    { what: "a hashed name", text: `${hashed} ${vega}\n`, says: /^age1x4n97/ },
    {
      what: "other types beside it",
      text: `vega.example.org ${rsaLine}\nvega.example.org ${ecdsaLine}\nvega.example.org ${vega}\n`,
      says: /^age1x4n97/,
    },
    { what: "the same key twice", text: `vega.example.org ${vega}\n${hashed} ${vega}\n`, says: /^age1x4n97/ },
    { what: "no such host", text: `lena.example.org ${vega}\n`, says: /does not know "vega.example.org"/ },
    { what: "a negated pattern", text: `*.example.org,!vega.example.org ${vega}\n`, says: /does not know/ },
    { what: "a name that only looks alike", text: `vegaXexample.org ${vega}\n`, says: /does not know/ },
    { what: "a revoked key", text: `@revoked vega.example.org ${vega}\n`, says: /does not know/ },
    {
      what: "no Ed25519 key",
      text: `vega.example.org ${rsaLine}\n`,
      says: /keys of type ssh-rsa, and only ssh-ed25519/,
    },
    {
      what: "two Ed25519 keys",
      text: `vega.example.org ${vega}\nvega.example.org ${other}\n`,
      says: /2 different Ed25519 keys/,
    },
    { what: "a key that is cut short", text: `vega.example.org ${vega.slice(0, 50)}\n`, says: /malformed/ },
  ])("with $what", ({ text, host: name = "vega.example.org", says }) => {
    let got: string
    try {
      got = keyFromKnownHosts(text, name, "known_hosts").recipient
    } catch (failure) {
      if (!(failure instanceof NewKeyRefused)) throw failure
      got = failure.message
    }
    expect(got).toMatch(says)
  })

  it("is read from the home folder, or from the file that is named", async () => {
    using repository = vectorRepository()
    const nova = newHost(repository, "nova")
    mkdirSync(join(repository.root, ".ssh"))
    writeFileSync(join(repository.root, ".ssh", "known_hosts"), `nova.example.org ${nova.line}\n`)
    const add = (...more: readonly string[]) =>
      run(repository, [
        "host",
        "add",
        "nova",
        "--known-hosts",
        "nova.example.org",
        ...more,
        "--like",
        "lena",
        "--dry-run",
        "--no-yubikey",
      ])
    const found = await add()
    expect(found.status).toBe(3)
    expect(found.stdout).toContain("from nova.example.org in ")
    expect((await add("--known-hosts-file", join(repository.root, "missing"))).stderr).toContain("no such file")
  })
})

describe("a host's key file", () => {
  it("of another type is refused, private or public", () => {
    for (const text of [rsaLine, ecdsaLine]) expect(() => keyFromSshFile(text, "f", null)).toThrow(NewKeyRefused)
    expect(() =>
      keyFromSshFile("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n", "f", null),
    ).toThrow(NewKeyRefused)
  })

  it("is one key under each recipient that it has", () => {
    expect(sameKeyAs(vegaLine)).toContain(vegaRecipient)
    const yubikey = YubiKeyRecipient.parse("age1yubikey1qtfd8v8t4q4fe26jqmkgyds5eq7fllw49nzn3xrehtvl86hk7stljgc4qtd")
    expect(sameKeyAs(yubikey.as("p256tag").text)).toContain(yubikey.text)
    expect([...sameKeyAs(vegaRecipient)]).toEqual([vegaRecipient])
  })
})

describe("host list", () => {
  it("tells names, roles, the number of files, and when each was last proven", async () => {
    using repository = vectorRepository()
    const first = await run(repository, ["host", "list", "--json"], {})
    expect(JSON.parse(first.stdout)).toMatchObject({
      keys: [
        { names: ["electra"], role: "host", files: 13, proven: null },
        { names: ["lena"], role: "host", files: 12, proven: null },
        { names: ["vega"], role: "host", files: 13, proven: null },
        { names: ["yubikey-nano5c"], role: "backup", files: 16, proven: null },
        { names: ["yubikey-5-nfc"], role: "backup", files: 16, proven: null },
        { names: ["provision-key"], role: "provisioning", files: 16, proven: null },
      ],
    })
    await run(repository, ["host", "remove", "lena", "--yes", "--no-yubikey"])
    const second = await run(repository, ["key", "list"], {})
    expect(second.stdout).not.toContain("lena")
    expect(second.stdout).toMatch(/^provision-key +provisioning +16 +2026-06-30 /m)
    expect(second.stdout).toMatch(/^electra +host +13 +never /m)
  })
})
