/** The commands that make and change SOPS files, as a person runs them, with software keys. */
import { spawnSync } from "node:child_process"
import {
  chmodSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { splitWords } from "../../src/cli/editors.ts"
import { type Given, type Ran, SopsFolder } from "./sops-run.ts"

let place: SopsFolder
let folder: string
let identities: string[]
let recipients: string[]

beforeEach(() => {
  place = new SopsFolder()
  folder = place.path
  identities = place.identities.map(({ text }) => text)
  recipients = place.identities.map(({ recipient }) => recipient)
  place.write(".sops.yaml", `creation_rules:\n  - {path_regex: '\\.(yaml|env)$', age: "${recipients[0]!}"}\n`)
})

afterEach(() => place[Symbol.dispose]())

const run = (args: readonly string[], given?: Given): Promise<Ran> => place.run(args, given)
const path = (name: string): string => join(folder, name)
const text = (name: string): string => readFileSync(path(name), "utf8")
const decrypted = (name: string, identity?: number): Promise<string> => place.decrypted(name, identity)

async function encrypted(): Promise<void> {
  const { status, err } = await run(["encrypt", "--in-place", path("s.yaml")])
  expect({ status, err }).toEqual({ status: 0, err: "" })
}

describe("encrypt", () => {
  it("makes a SOPS file by the rule, in place, with the mode that the file has", async () => {
    chmodSync(path("s.yaml"), 0o640)
    await encrypted()
    expect(text("s.yaml")).toContain(`recipient: ${recipients[0]!}`)
    expect(statSync(path("s.yaml")).mode & 0o777).toBe(0o640)
    expect(await decrypted("s.yaml")).toBe("# c\na: 1\nb:\n    - x\n")
    expect((await run(["encrypt", path("s.yaml")])).err).toContain("already encrypted")
  })

  it("takes standard input under another name, and recipients without a rule", async () => {
    const { out, status } = await run(
      ["encrypt", "--filename-override", path("x.json"), "-r", recipients[1]!, "--encrypted-regex", "^a$"],
      { input: '{"a": "1", "b": "2"}' },
    )
    expect(status).toBe(0)
    expect(out).toMatch(/"a": "ENC\[.*"b": "2".*encrypted_regex/s)
  })

  it.each([
    { what: "no rule fits", args: ["encrypt", "x.txt"], status: 2, err: "no creation rule in" },
    { what: "standard input has no name", args: ["encrypt"], status: 2, err: "no name to tell its format by" },
    {
      what: "two selections",
      args: ["encrypt", "s.yaml", "--encrypted-regex", "a", "--encrypted-suffix", "b"],
      status: 2,
      err: "cannot be used together",
    },
    {
      what: "a format that is none",
      args: ["encrypt", "s.yaml", "--input-type", "toml"],
      status: 2,
      err: "expected yaml",
    },
  ])("refuses when $what", async ({ args, status, err }) => {
    writeFileSync(path("x.txt"), "x")
    const ran = await run(args.map((arg) => (/^[xs]\.\w+$/.test(arg) ? path(arg) : arg)))
    expect(ran.status).toBe(status)
    expect(ran.err).toContain(err)
  })

  it.each(["encrypt", "edit"])(
    "names the configuration and its line for an expression that is none: %s",
    async (command) => {
      writeFileSync(path(".sops.yaml"), `creation_rules:\n  - age: ${recipients[0]!}\n    encrypted_regex: "^(a|b$"\n`)
      const file = command === "edit" ? "new.yaml" : "s.yaml"
      const ran = await run([command, path(file)], { env: { SOPS_EDITOR: `touch ${path("opened")};` } })
      expect(ran.status).toBe(2)
      expect(ran.err).toContain(
        `${path(".sops.yaml")}, line 2, creation_rules[0].encrypted_regex: "^(a|b$" is no regular expression`,
      )
      expect(existsSync(path("opened"))).toBe(false)
    },
  )

  it("says that there is no configuration, where none is there", async () => {
    rmSync(path(".sops.yaml"))
    const ran = await run(["encrypt", path("s.yaml")])
    expect(ran).toMatchObject({ status: 2, err: expect.stringContaining("there is no .sops.yaml") as string })
  })
})

describe("a file that somebody else writes meanwhile", () => {
  it("is not replaced by its encrypted form", async () => {
    const ran = await run(["encrypt", "--in-place", path("s.yaml")], {
      meanwhile: () => writeFileSync(path("s.yaml"), "a: 2\n"),
    })
    expect(ran).toMatchObject({
      status: 1,
      err: expect.stringContaining("changed by somebody else meanwhile") as string,
    })
    expect(text("s.yaml")).toBe("a: 2\n")
  })

  it("is not replaced by its plaintext", async () => {
    await encrypted()
    const before = text("s.yaml")
    const env = { SOPS_AGE_KEY_CMD: `echo >> ${path("s.yaml")}; echo ${identities[0]!}`, SOPS_AGE_KEY: "" }
    const ran = await run(["decrypt", "--in-place", "--no-yubikey", path("s.yaml")], { env })
    expect(ran).toMatchObject({
      status: 1,
      err: expect.stringContaining("changed by somebody else meanwhile") as string,
    })
    expect(text("s.yaml")).toBe(`${before}\n`)
    expect(readdirSync(folder).filter((name) => name.endsWith(".tmp"))).toEqual([])
  })

  it("is not replaced by a new one from the editor, which is kept", async () => {
    const env = { SOPS_EDITOR: `sh -c 'echo "mine: 1" > ${path("new.yaml")}; echo "k: v" > $0'` }
    const ran = await run(["edit", path("new.yaml")], { env })
    expect(ran.err).toContain("changed by somebody else meanwhile")
    expect(text("new.yaml")).toBe("mine: 1\n")
    expect((await run(["decrypt", "--no-yubikey", path("new.yaml.edited.age")])).out).toBe("k: v\n")
  })
})

describe("decrypt", () => {
  it("--in-place puts the plaintext in the place of the file, and wants one", async () => {
    await encrypted()
    expect((await run(["decrypt", "--no-yubikey", "--in-place", path("s.yaml")])).status).toBe(0)
    expect(text("s.yaml")).toBe("# c\na: 1\nb:\n    - x\n")
    expect((await run(["decrypt", "--no-yubikey", "--in-place"], { input: "x" })).status).toBe(2)
  })
})

describe("set and unset", () => {
  it.each([
    ["set", '["a"]', "2"],
    ["unset", '["a"]'],
    ["exec-file", "true"],
  ])("look at the output format before anything is unlocked: %s", async (command, ...more) => {
    await encrypted()
    const args = [command, "--no-yubikey", "--output-type", "toml", path("s.yaml"), ...more]
    const ran = await run(args, { identity: 1 })
    expect(ran).toMatchObject({ status: 2, err: expect.stringContaining("--output-type") as string })
  })

  it("change one value, and the ciphertext of the others stays", async () => {
    await encrypted()
    const before = text("s.yaml")
    expect((await run(["set", "--no-yubikey", path("s.yaml"), '["a"]', '"new"'])).status).toBe(0)
    const kept = (file: string): string[] => file.split("\n").filter((line) => !/^ *(a|mac|lastmodified):/.test(line))
    expect(kept(text("s.yaml"))).toEqual(kept(before))
    expect(
      (await run(["set", "--no-yubikey", path("s.yaml"), '["k"]["m"]', "--value-stdin"], { input: "[1]" })).status,
    ).toBe(0)
    expect((await run(["unset", "--no-yubikey", path("s.yaml"), '["b"]'])).status).toBe(0)
    expect(await decrypted("s.yaml")).toBe("# c\na: new\nk:\n    m:\n        - 1\n")
  })

  it("with --idempotent leave the file as it is when there is nothing to do", async () => {
    await encrypted()
    const before = text("s.yaml")
    expect((await run(["set", "--no-yubikey", "--idempotent", path("s.yaml"), '["a"]', "1"])).status).toBe(0)
    expect((await run(["unset", "--no-yubikey", "--idempotent", path("s.yaml"), '["z"]'])).status).toBe(0)
    expect(text("s.yaml")).toBe(before)
    const missing = await run(["unset", "--no-yubikey", path("s.yaml"), '["z"]'])
    expect(missing.status).toBe(1)
    expect(missing.err).toContain('s.yaml, ["z"]: there is no such key')
  })

  it.each([
    { what: "no value", args: ['["a"]'], status: 2 },
    { what: "two values", args: ['["a"]', "1", "--value-stdin"], status: 2 },
    { what: "a value that is no JSON", args: ['["a"]', "yes"], status: 2 },
    { what: "a path that is none", args: ["a", "1"], status: 2 },
  ])("set refuses $what and changes nothing", async ({ args, status }) => {
    await encrypted()
    const before = text("s.yaml")
    expect((await run(["set", "--no-yubikey", path("s.yaml"), ...args])).status).toBe(status)
    expect(text("s.yaml")).toBe(before)
  })

  it("keep a link to the file a link", async () => {
    await encrypted()
    symlinkSync("s.yaml", path("link.yaml"))
    expect((await run(["set", "--no-yubikey", path("link.yaml"), '["a"]', "2"])).status).toBe(0)
    expect(
      readdirSync(folder, { withFileTypes: true })
        .find(({ name }) => name === "link.yaml")
        ?.isSymbolicLink(),
    ).toBe(true)
    expect(await decrypted("s.yaml")).toContain("a: 2\n")
  })
})

describe("--indent", () => {
  it("is spaces a level of what is printed or written, in the place of the file's", async () => {
    await encrypted()
    const indented = "# c\na: 1\nb:\n  - x\n"
    expect((await run(["decrypt", "--no-yubikey", "--indent", "2", path("s.yaml")])).out).toBe(indented)
    for (const args of [
      ["set", path("s.yaml"), '["d"]["e"]', "1"],
      ["rotate", path("s.yaml")],
    ]) {
      expect((await run([...args, "--no-yubikey", "--indent", "3"])).status).toBe(0)
      expect(text("s.yaml")).toMatch(/^d:\n {3}e: ENC/m)
    }
    // Without it, the file's stays.
    expect((await run(["unset", "--no-yubikey", path("s.yaml"), '["b"]'])).status).toBe(0)
    expect(text("s.yaml")).toMatch(/^d:\n {3}e: ENC/m)
    expect((await run(["decrypt", "--no-yubikey", "--indent=-1", "--output-type=json", path("s.yaml")])).out).toBe(
      '{\n\t"a": 1,\n\t"d": {\n\t\t"e": 1\n\t}\n}\n',
    )
    expect((await run(["decrypt", "--no-yubikey", "--indent=-1", path("s.yaml")])).err).toContain("YAML cannot be")
    expect((await run(["encrypt", "--indent=x", path("s.yaml")])).status).toBe(2)
  })
})

describe("updatekeys", () => {
  const addSecond = (): void =>
    writeFileSync(path(".sops.yaml"), `creation_rules:\n  - age: [${recipients[0]!}, ${recipients[1]!}]\n`)

  it("--check tells without a key, with exit 3 when something is due and 0 when not", async () => {
    await encrypted()
    expect((await run(["updatekeys", "--check", path("s.yaml")], { env: { SOPS_AGE_KEY: "" } })).status).toBe(0)
    addSecond()
    const { status, err } = await run(["updatekeys", "--check", path("s.yaml")], { env: { SOPS_AGE_KEY: "" } })
    expect(status).toBe(3)
    expect(err).toContain(`+++ ${recipients[1]!}`)
  })

  it("lets the new key in when it is agreed to, and asks who is there", async () => {
    await encrypted()
    addSecond()
    const before = text("s.yaml")
    expect((await run(["updatekeys", "--no-yubikey", path("s.yaml")])).status).toBe(2)
    expect((await run(["updatekeys", "--no-yubikey", path("s.yaml")], { answer: false })).status).toBe(1)
    expect(text("s.yaml")).toBe(before)
    expect((await run(["updatekeys", "--no-yubikey", path("s.yaml")], { answer: true })).status).toBe(0)
    expect(await decrypted("s.yaml", 1)).toContain("a: 1\n")
    expect(before.split("\n").filter((line) => !text("s.yaml").includes(line))).toEqual([])
  })
})

describe("a folder", () => {
  const rules = (keys: readonly string[]): void =>
    writeFileSync(path(".sops.yaml"), `creation_rules:\n  - {path_regex: '^s', age: "${keys.join()}"}\n`)

  beforeEach(async () => {
    await encrypted()
    mkdirSync(path("sub/deep"), { recursive: true })
    copyFileSync(path("s.yaml"), path("sub/deep/s.yaml"))
    copyFileSync(path("s.yaml"), path("other.yaml"))
    symlinkSync("deep/s.yaml", path("sub/link.yaml"))
    writeFileSync(path("sub/plain.yaml"), "a: 1\n")
    rules(recipients)
  })

  it("stands for all that is encrypted in it; updatekeys leaves out what no rule is for", async () => {
    const other = text("other.yaml")
    const ran = await run(["updatekeys", "--yes", "--no-yubikey", folder, path("s.yaml")])
    expect(ran.status).toBe(0)
    expect(ran.err.match(/: keys updated$/gm)).toHaveLength(2)
    expect(ran.err).toContain("other.yaml: no creation rule is for it; it stays as it is")
    expect(await decrypted("s.yaml", 1)).toBe(await decrypted("sub/deep/s.yaml", 1))
    expect([text("other.yaml"), text("sub/plain.yaml")]).toEqual([other, "a: 1\n"])
    expect(lstatSync(path("sub/link.yaml")).isSymbolicLink()).toBe(true)
    expect((await run(["updatekeys", "--check", folder])).status).toBe(0)
    expect((await run(["updatekeys", "--check", path("other.yaml")])).status).toBe(2)
  })

  it("is rotated as a whole", async () => {
    const before = [text("s.yaml"), text("sub/deep/s.yaml"), text("other.yaml")]
    expect((await run(["rotate", "--to-config", "--no-yubikey", folder])).status).toBe(0)
    expect(await decrypted("sub/deep/s.yaml", 1)).toBe("# c\na: 1\nb:\n    - x\n")
    expect([text("s.yaml") === before[0], text("sub/deep/s.yaml") === before[1]]).toEqual([false, false])
    expect(text("other.yaml")).toBe(before[2])
    expect((await run(["rotate", "--no-yubikey", path("other.yaml"), folder])).err.match(/new data key/g)).toHaveLength(
      3,
    )
  })

  it("may bring a file that is named too, by itself or by a link, which is meant once", async () => {
    const paths = [path("sub/link.yaml"), folder, path("sub/deep/s.yaml")]
    const ran = await run(["updatekeys", "--yes", "--no-yubikey", ...paths])
    expect(ran.status).toBe(0)
    expect(ran.err.match(/: keys updated$/gm)).toHaveLength(2)
  })

  it("without encrypted files is told", async () => {
    rmSync(path("sub/deep/s.yaml"))
    const ran = await run(["updatekeys", "--yes", path("sub")])
    expect(ran).toMatchObject({ status: 1, err: expect.stringContaining("has no encrypted files") as string })
  })
})

describe("rotate", () => {
  it("makes a new data key, for those of the file, of the command line or of the rule", async () => {
    await encrypted()
    const values = (): string[] => text("s.yaml").match(/ENC\[[^\]]*\]/g) ?? []
    const before = values()
    expect((await run(["rotate", "--no-yubikey", path("s.yaml"), "--add-age", recipients[1]!])).status).toBe(0)
    expect(values().some((value) => before.includes(value))).toBe(false)
    expect(await decrypted("s.yaml", 1)).toContain("a: 1\n")
    expect((await run(["rotate", "--no-yubikey", path("s.yaml"), "--to-config"])).status).toBe(0)
    expect((await run(["decrypt", "--no-yubikey", path("s.yaml")], { identity: 1 })).status).toBe(4)
  })
})

describe("exec-env, exec-file and filestatus", () => {
  it("pass the exit status on, with the values in the environment", async () => {
    writeFileSync(path("e.env"), "A=1\nB=two words\n")
    await run(["encrypt", "--in-place", path("e.env")])
    const check = '[ "$A" = 1 ] && [ "$B" = "two words" ] && exit 7'
    expect((await run(["exec-env", "--no-yubikey", path("e.env"), check])).status).toBe(7)
    expect(
      (await run(["exec-env", "--no-yubikey", "--pristine", path("e.env"), '[ -z "$SOPS_AGE_KEY" ]'])).status,
    ).toBe(0)
    writeFileSync(path("p.env"), "__proto__=x\nconstructor=y\n")
    await run(["encrypt", "--in-place", path("p.env")])
    const all = "env | grep -cx -e __proto__=x -e constructor=y | grep -qx 2"
    expect((await run(["exec-env", "--no-yubikey", path("p.env"), all])).status).toBe(0)
    await encrypted()
    const nested = await run(["exec-env", "--no-yubikey", path("s.yaml"), "true"])
    expect(nested.err).toContain('["b"]: an environment has no maps and lists')
  })

  it("give the decrypted file to a command, for its owner alone, and take it away", async () => {
    await encrypted()
    const check = `[ "$(stat -c %a {})" = 600 ] && grep -q "a: 1" {} && [ "$(stat -c %a "$(dirname {})")" = 700 ]`
    expect((await run(["exec-file", "--no-yubikey", path("s.yaml"), check])).status).toBe(0)
    expect(readdirSync(folder).filter((name) => name.startsWith("ts-age-yk-"))).toEqual([])
  })

  it("go on without waiting, where that is wished", async () => {
    writeFileSync(path("e.env"), "A=1\n")
    await run(["encrypt", "--in-place", path("e.env")])
    const command = `echo $A > ${path("made.tmp")}; mv ${path("made.tmp")} ${path("made")}`
    expect((await run(["exec-env", "--no-yubikey", "--background", path("e.env"), command])).status).toBe(0)
    await expect.poll(() => (existsSync(path("made")) ? text("made") : "")).toBe("1\n")
  })

  it("refuse a user that is not there, and a file in another folder", async () => {
    await encrypted()
    const user = await run(["exec-file", "--no-yubikey", "--user", "no-such-user", path("s.yaml"), "true"])
    expect(user).toMatchObject({ status: 2, err: expect.stringContaining('cannot become "no-such-user"') as string })
    const elsewhere = await run(["exec-file", "--no-yubikey", "--filename", "../x", path("s.yaml"), "true"])
    expect(elsewhere.status).toBe(2)
  })

  // The whole process becomes the user, so it is one of its own; and only root can.
  it.runIf(process.getuid?.() === 0)("run a command as another user, whose file it is then", async () => {
    await encrypted()
    chmodSync(folder, 0o755)
    const program = fileURLToPath(new URL("../../dist/cli.js", import.meta.url))
    const { stdout } = spawnSync(
      process.execPath,
      [program, "exec-file", "--user", "nobody", path("s.yaml"), 'stat -c "%a %U" {}; cat {}; echo $USER; id -Gn'],
      { env: { ...process.env, SOPS_AGE_KEY: identities[0] }, encoding: "utf8" },
    )
    expect(stdout).toBe("600 nobody\n# c\na: 1\nb:\n    - x\nnobody\nnogroup\n")
  })

  it("tell an encrypted file from a plain one", async () => {
    expect((await run(["filestatus", path("s.yaml")])).out).toBe('{"encrypted":false}\n')
    await encrypted()
    expect((await run(["filestatus", path("s.yaml")])).out).toBe('{"encrypted":true}\n')
  })
})

describe("edit", () => {
  const editor = (script: string): { EDITOR: string } => {
    writeFileSync(path("editor"), `#!/bin/sh\n${script}\n`, { mode: 0o700 })
    return { EDITOR: path("editor") }
  }

  it("writes what was changed, and only that", async () => {
    await encrypted()
    const before = text("s.yaml")
    expect((await run(["edit", "--no-yubikey", path("s.yaml")], { env: editor("sed -i s/x/z/ $1") })).status).toBe(0)
    expect(await decrypted("s.yaml")).toBe("# c\na: 1\nb:\n    - z\n")
    expect(text("s.yaml").split("\n").slice(0, 2)).toEqual(before.split("\n").slice(0, 2))
    expect(readdirSync(folder).filter((name) => name.startsWith("ts-age-yk-"))).toEqual([])
  })

  it("leaves an unchanged file untouched", async () => {
    await encrypted()
    const { mtimeMs } = statSync(path("s.yaml"))
    const ran = await run(["edit", "--no-yubikey", path("s.yaml")], { env: editor("true") })
    expect(ran).toMatchObject({ status: 0, err: expect.stringContaining("unchanged") as string })
    expect(statSync(path("s.yaml")).mtimeMs).toBe(mtimeMs)
  })

  it("says above its line what is wrong, and takes that out again", async () => {
    await encrypted()
    const script = `cat $1 >> "${path("seen")}"
if grep -q "a: 1" $1; then printf 'a: 2\nb: [\n' > $1; else sed -i 's/\\[/[]/' $1; fi`
    expect((await run(["edit", "--no-yubikey", path("s.yaml")], { env: editor(script), answer: true })).status).toBe(0)
    expect(await decrypted("s.yaml")).toBe("a: 2\nb: []\n")
    expect(text("seen")).toMatch(/^a: 2\nb: \[\n### ts-age-yk: \S+s\.yaml, line 3: not valid YAML: .*\n$/m)
  })

  it("takes a key that would be the metadata's back to the editor", async () => {
    await encrypted()
    const script = 'if grep -q "a: 1" $1; then echo "sops: 2" > $1; else sed -i "s/sops:/spos:/" $1; fi'
    expect((await run(["edit", "--no-yubikey", path("s.yaml")], { env: editor(script), answer: true })).status).toBe(0)
    expect(await decrypted("s.yaml")).toBe("spos: 2\n")
  })

  it("with -s has the metadata in the editor, and wraps for recipients that were put there", async () => {
    await encrypted()
    const unchanged = await run(["edit", "-s", "--no-yubikey", path("s.yaml")], { env: editor("true") })
    expect(unchanged.err).toContain("unchanged")
    const script = `sed -i -e 's/^    - x$/    - z/' -e 's/^    age:$/&\\n        - recipient: ${recipients[1]!}/' $1`
    expect((await run(["edit", "-s", "--no-yubikey", path("s.yaml")], { env: editor(script) })).status).toBe(0)
    expect(await decrypted("s.yaml", 1)).toBe("# c\na: 1\nb:\n    - z\n")
    expect(await decrypted("s.yaml", 0)).toBe("# c\na: 1\nb:\n    - z\n")
  })

  it("goes back to the editor after a syntax error, and drops the text when told to", async () => {
    await encrypted()
    const again = editor('if grep -q "a: 1" $1; then echo "a: [" > $1; else echo "a: 2" > $1; fi')
    expect((await run(["edit", "--no-yubikey", path("s.yaml")], { env: again, answer: true })).status).toBe(0)
    expect(await decrypted("s.yaml")).toBe("a: 2\n")
    expect(
      (await run(["edit", "--no-yubikey", path("s.yaml")], { env: editor("echo 'a: [' > $1"), answer: false })).status,
    ).toBe(7)
    expect(await decrypted("s.yaml")).toBe("a: 2\n")
  })

  it("keeps what was typed, encrypted, when it cannot be written", async () => {
    await encrypted()
    const before = text("s.yaml")
    const ran = await run(["edit", "--no-yubikey", path("s.yaml")], { env: editor("echo 'sops: precious' > $1") })
    expect(ran.status).toBe(1)
    expect(text("s.yaml")).toBe(before)
    expect((await run(["decrypt", "--no-yubikey", path("s.yaml.edited.age")])).out).toBe("sops: precious\n")
  })

  it("keeps what was typed for a quorum, where a file is for one", async () => {
    await encrypted()
    await run(["sops", "groups", "add", "-i", "-f", path("s.yaml"), "--age", recipients[1]!])
    const both = { SOPS_AGE_KEY: identities.join("\n") }
    const typed = editor("echo 'a: precious' > $1; echo >> " + path("s.yaml"))
    expect((await run(["edit", "--no-yubikey", path("s.yaml")], { env: { ...both, ...typed } })).status).toBe(1)
    const kept = (env: Record<string, string>): Promise<Ran> =>
      run(["decrypt", "--no-yubikey", path("s.yaml.edited.sops")], { env })
    expect((await kept(both)).out).toBe("a: precious\n")
    expect((await kept({})).status).toBe(4)
  })

  it("refuses to write over what somebody else wrote meanwhile, and keeps what was typed", async () => {
    await encrypted()
    const ran = await run(["edit", "--no-yubikey", path("s.yaml")], {
      env: editor(`echo >> ${path("s.yaml")}; echo 'a: 9' > $1`),
    })
    expect(ran.err).toContain("was changed by somebody else meanwhile")
    expect((await run(["decrypt", "--no-yubikey", path("s.yaml.edited.age")])).out).toBe("a: 9\n")
  })

  it("makes a new file by the rule, unless the example was left as it is", async () => {
    expect((await run(["edit", path("new.yaml")], { env: editor("true") })).err).toContain("not made")
    expect((await run(["edit", path("new.yaml")], { env: editor("echo 'k: v' > $1") })).status).toBe(0)
    expect(await decrypted("new.yaml")).toBe("k: v\n")
  })

  it("begins a new file as the template of its rule", async () => {
    mkdirSync(path("sub"))
    writeFileSync(path("sub/wifi.tmpl"), "# of the router\nssid: home\npsk: \n")
    const rule = (template: string): void =>
      writeFileSync(path(".sops.yaml"), `creation_rules:\n  - {age: "${recipients[0]!}", template: ${template}}\n`)
    rule("sub/wifi.tmpl")
    const unchanged = await run(["edit", path("sub/wifi.yaml")], { env: editor("true") })
    expect(unchanged.err).toContain("not made, since the template was left as it is")
    const ran = await run(["edit", path("sub/wifi.yaml")], { env: editor("sed -i 's/psk: /psk: secret/' $1") })
    expect(ran).toEqual({ status: 0, out: "", err: "" })
    expect(await decrypted("sub/wifi.yaml")).toBe("# of the router\nssid: home\npsk: secret\n")
    rule("gone.tmpl")
    const gone = await run(["edit", path("sub/other.yaml")], { env: editor("true") })
    expect(gone.status).toBe(2)
    expect(gone.err).toMatch(/\.sops\.yaml, line 2, .*template "gone\.tmpl" cannot be read: no such file/)
  })

  it("leaves what was kept before", async () => {
    await encrypted()
    for (const typed of ["first", "second"]) {
      const ran = await run(["edit", "--no-yubikey", path("s.yaml")], { env: editor(`echo 'sops: ${typed}' > $1`) })
      expect(ran.status).toBe(1)
    }
    expect((await run(["decrypt", "--no-yubikey", path("s.yaml.edited.age")])).out).toBe("sops: first\n")
    expect((await run(["decrypt", "--no-yubikey", path("s.yaml.edited-2.age")])).out).toBe("sops: second\n")
  })

  it("leaves everything as it is when the editor fails, or there is none", async () => {
    await encrypted()
    const before = text("s.yaml")
    expect(
      (await run(["edit", "--no-yubikey", path("s.yaml")], { env: editor("echo 'a: 9' > $1; exit 1") })).err,
    ).toContain("ended with status 1")
    expect((await run(["edit", "--no-yubikey", path("s.yaml")], { env: { PATH: folder } })).err).toContain(
      "there is no editor",
    )
    expect((await run(["edit", "--no-yubikey", path("s.yaml")], { env: { EDITOR: path("no-editor") } })).err).toContain(
      'no-editor" could not be started: no such file or directory',
    )
    expect(text("s.yaml")).toBe(before)
  })

  it("keeps what was typed for those who can read it, when one recipient of the rule is misspelt", async () => {
    writeFileSync(path(".sops.yaml"), `creation_rules:\n  - age: ${recipients[0]!},age1oops\n`)
    const ran = await run(["edit", path("new.yaml")], { env: editor("echo 'k: v' > $1") })
    expect(ran.err).toContain("age1oops")
    expect((await run(["decrypt", "--no-yubikey", path("new.yaml.edited.age")])).out).toBe("k: v\n")
  })

  it.each([
    { text: "code -w", words: ["code", "-w"] },
    { text: `"my editor" 'a b' c\\ d "e\\"f"`, words: ["my editor", "a b", "c d", 'e"f'] },
    { text: "  ", words: [] },
  ])("takes $text apart as a shell would", ({ text: line, words }) => {
    expect(splitWords(line)).toEqual(words)
  })
})

describe("sops, verbatim", () => {
  const sops = (args: readonly string[], given: Given = {}): Promise<Ran> =>
    run(["sops", ...args.map((arg) => (/^[\w-]+\.(yaml|json|env)$/.test(arg) ? path(arg) : arg))], given)

  it("encrypts and decrypts by sub-commands and by the old flags", async () => {
    expect((await sops(["-e", "-i", "s.yaml"])).status).toBe(0)
    const expected = "# c\na: 1\nb:\n    - x\n"
    for (const args of [
      ["-d", "s.yaml"],
      ["--decrypt", "s.yaml"],
      ["decrypt", "s.yaml"],
    ])
      expect((await sops(args)).out).toBe(expected)
    expect((await sops(["-d", "--extract", '["b"][0]', "s.yaml"])).out).toBe("x")
    expect((await sops(["-d", "--output-type", "json", "s.yaml"])).out).toBe(
      '{\n\t"a": 1,\n\t"b": [\n\t\t"x"\n\t]\n}\n',
    )
    expect((await sops(["-d", "-i", "s.yaml"])).status).toBe(0)
    expect(text("s.yaml")).toBe(expected)
    const { out } = await sops([
      "encrypt",
      "--age",
      `${recipients[1]!}, ${recipients[0]!}`,
      "--encrypted-regex",
      "^a$",
      "s.yaml",
    ])
    expect(out.match(/recipient: \S+/g)).toEqual([`recipient: ${recipients[1]!}`, `recipient: ${recipients[0]!}`])
  })

  it("sets, unsets and rotates", async () => {
    await encrypted()
    expect((await sops(["--set", '["a"] "new"', "s.yaml"])).status).toBe(0)
    expect((await sops(["set", "s.yaml", '["k"]', "5"])).status).toBe(0)
    expect((await sops(["unset", "s.yaml", '["b"]'])).status).toBe(0)
    expect((await sops(["-d", "s.yaml"])).out).toBe("# c\na: new\nk: 5\n")
    const before = text("s.yaml")
    const rotated = await sops(["-r", "--add-age", recipients[1]!, "s.yaml"])
    expect(text("s.yaml")).toBe(before)
    writeFileSync(path("r.yaml"), rotated.out)
    expect((await sops(["-d", "r.yaml"], { identity: 1 })).out).toBe("# c\na: new\nk: 5\n")
  })

  it("adds and deletes key groups, with new shares for all", async () => {
    await encrypted()
    expect((await sops(["groups", "add", "-i", "-f", "s.yaml", "--age", recipients[1]!])).status).toBe(0)
    expect(text("s.yaml")).toContain("shamir_threshold: 2")
    expect((await sops(["-d", "s.yaml"])).status).toBe(128)
    const both = { env: { SOPS_AGE_KEY: identities.join("\n") } }
    expect((await sops(["-d", "s.yaml"], both)).out).toBe("# c\na: 1\nb:\n    - x\n")
    expect((await sops(["groups", "delete", "--file", "s.yaml", "0"], both)).status).toBe(1)
    const one = ["groups", "delete", "--file", "s.yaml", "--shamir-secret-sharing-threshold", "1", "0"]
    writeFileSync(path("one.yaml"), (await sops(one, both)).out)
    expect((await sops(["-d", "one.yaml"], { identity: 1 })).status).toBe(0)
    expect((await sops(["-d", "one.yaml"])).status).toBe(128)
  })

  it("decrypts standard input by another name, and indents as .sops.yaml has it", async () => {
    await encrypted()
    const from = { input: text("s.yaml") }
    expect((await sops(["decrypt", "--filename-override", "x.yaml"], from)).out).toBe("# c\na: 1\nb:\n    - x\n")
    expect((await sops(["--indent", "2", "decrypt", "--filename-override", "x.yaml"], from)).out).toContain("  - x")
    writeFileSync(path(".sops.yaml"), "stores: {yaml: {indent: 3}}\n")
    const { out } = await sops(["--config", path(".sops.yaml"), "-d", "s.yaml"])
    expect(out).toBe("# c\na: 1\nb:\n   - x\n")
  })

  it.each([
    { what: "no such file", args: ["-d", "none.yaml"], status: 100 },
    { what: "no file at all", args: ["-d"], status: 100 },
    { what: "no such file to change", args: ["set", "none.yaml", '["a"]', "1"], status: 2 },
    { what: "no such file to look at", args: ["filestatus", "none.yaml"], status: 1 },
    { what: "a path that is none", args: ["set", "s.yaml", '["a"', "1"], status: 7 },
    { what: "a path to extract that is none", args: ["-d", "--extract", '["a"', "s.yaml"], status: 91 },
    { what: "a value that is none", args: ["set", "s.yaml", '["a"]', "{"], status: 7 },
    { what: "values that are no environment", args: ["exec-env", "s.yaml", "true"], status: 1 },
    { what: "two ways for the result", args: ["-d", "-i", "--output", "o", "s.yaml"], status: 8 },
    { what: "no such editor", args: ["s.yaml"], env: { EDITOR: "/no/editor" }, status: 201 },
    { what: "a process that is to become another", args: ["exec-env", "--same-process", "s.yaml", "true"], status: 1 },
    { what: "a file that would be gone", args: ["exec-file", "--background", "s.yaml", "true"], status: 1 },
    { what: "a group that is not there", args: ["groups", "delete", "-f", "s.yaml", "1"], status: 1 },
    { what: "a file for others", args: ["-d", "s.yaml"], identity: 1, status: 128 },
    { what: "a changed MAC", args: ["-d", "bad.yaml"], status: 51 },
    { what: "a file that is encrypted already", args: ["-e", "s.yaml"], status: 203 },
    { what: "an edit that changes nothing", args: ["s.yaml"], env: { EDITOR: "true" }, status: 200 },
    { what: "a kind of key that is not ours", args: ["-e", "--pgp", "ABCD", "s.yaml"], status: 1 },
    { what: "a sub-command that is not ours", args: ["publish", "s.yaml"], status: 1 },
  ])("exits with $status for $what", async ({ args, status, env, identity }) => {
    await encrypted()
    writeFileSync(path("bad.yaml"), text("s.yaml").replace(/^( +mac: ENC\[AES256_GCM,data:)..../m, "$1AAAA"))
    const ran = await sops(args, {
      ...(env === undefined ? {} : { env }),
      ...(identity === undefined ? {} : { identity }),
    })
    expect(ran.status).toBe(status)
    expect(ran.out).toBe("")
    if (status !== 200) expect(ran.err).toMatch(/^sops: /m)
  })
})
