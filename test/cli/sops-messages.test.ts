/** What the commands say of a file that is none of theirs: what it is, and what to do. */
import { mkdirSync } from "node:fs"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { plain, SopsFolder } from "./sops-run.ts"

let folder: SopsFolder

beforeEach(() => {
  folder = new SopsFolder()
})

afterEach(() => folder[Symbol.dispose]())

const commands: [string, ...string[]][] = [
  ["edit"],
  ["decrypt"],
  ["rotate"],
  ["updatekeys", "-y"],
  ["exec-file", "true"],
]

describe.each(commands)("%s", (command, ...more) => {
  const said = async (name: string): Promise<string> => {
    const [first, rest] = more[0] === "-y" ? [more, []] : [[], more]
    const { status, err } = await folder.run([command, ...first, folder.at(name), ...rest], {
      env: folder.editor("true"),
    })
    expect(status).not.toBe(0)
    return err
  }

  it.each(["empty.yaml", "empty.json", "empty"])("says that %s is empty, and where it may be whole", async (name) => {
    folder.write(name, "\n")
    expect(await said(name)).toMatch(/the file is empty\n.*hint: .*git/s)
  })

  it.each([
    ["$ANSIBLE_VAULT;1.1;AES256\n6162\n", "an Ansible vault, not a SOPS file", "ansible-vault decrypt"],
    ["\0GITCRYPT\0\u0001\u0002", "locked by git-crypt, not a SOPS file", "git-crypt unlock"],
    ["-----BEGIN PGP MESSAGE-----\n\nabcd\n", "an OpenPGP message, not a SOPS file", "gpg --decrypt"],
  ])("says of %j what it is, and who opens it", async (content, what, hint) => {
    for (const name of ["o.yaml", "o"]) {
      folder.write(name, content)
      const err = await said(name)
      expect(err).toContain(what)
      expect(err).toContain(`hint: ${hint}`)
    }
  })

  it("says that a directory is one", async () => {
    mkdirSync(folder.at("d.yaml"))
    if (command === "updatekeys" || command === "rotate")
      expect(await said("d.yaml")).toContain("has no encrypted files")
    else expect(await said("d.yaml")).toMatch(/it is a directory\n.*hint: name a file in it/s)
  })

  it("says that an age file is one, unless it opens it", async () => {
    await folder.run(["encrypt", "--age", "-r", folder.recipient(0), "-o", folder.at("x.yaml"), "s.yaml"])
    if (command === "decrypt") expect(await folder.decrypted("x.yaml")).toBe(plain)
    else expect(await said("x.yaml")).toMatch(/an age file, not a SOPS file\n.*hint: ts-age-yk decrypt opens it/s)
  })
})

it.each([
  { file: "a.yaml", text: "k: *c4n4ry\n" },
  { file: "a.yaml", text: "k: !!int c4n4ry\n" },
  { file: "a.yaml", text: "k: !!float 'c4n4ry'\n" },
  { file: "a.yaml", text: "k: !!binary c4n4ry!\n" },
  { file: "a.yaml", text: "k: c4n4ry: x\n" },
  { file: "a.yaml", text: "k: @c4n4ry\n" },
  { file: "a.yaml", text: "k: %c4n4ry\n" },
  { file: "a.yaml", text: 'k: "c4n4ry\\q"\n' },
  { file: "a.yaml", text: "k: 'c4n4ry\n" },
  { file: "a.yaml", text: "k: [c4n4ry\n" },
  { file: "a.yaml", text: "k: |c4n4ry\n" },
  { file: "a.yaml", text: "- c4n4ry\n" },
  { file: "a.yaml", text: "c4n4ry\n" },
  { file: "a.json", text: '{"k": c4n4ry}' },
  { file: "a.json", text: '{"k": "c4n4ry\\q"}' },
  { file: "a.json", text: '{"k": "c4n4ry' },
  { file: "a.json", text: '"c4n4ry"' },
  { file: "a.env", text: "c4n4ry\n" },
  { file: "a.ini", text: "c4n4ry\n" },
  { file: "a.ini", text: "[c4n4ry\n" },
  { file: "a.ini", text: '[s]\nk = """c4n4ry\n' },
])("of a plain file that cannot be read, nothing is shown: $text", async ({ file, text }) => {
  folder.write(file, text)
  const { status, out, err } = await folder.run(["encrypt", folder.at(file)])
  expect(status === 1 || status === 7, err).toBe(true)
  expect(out).toBe("")
  expect(err).toContain(folder.at(file))
  // One character may be named.
  const said = err.replaceAll(folder.at(file), "")
  for (const part of ["c4", "4n", "n4"]) expect(said).not.toContain(part)
})

describe("edit", () => {
  const edit = (name: string, script: string): ReturnType<SopsFolder["run"]> =>
    folder.run(["edit", name], { env: folder.editor(script) })

  beforeEach(async () => {
    await folder.run(["encrypt", "--in-place", "s.yaml"])
  })

  it("says that a file without a document cannot be, and keeps nothing else", async () => {
    const { status, err } = await edit("s.yaml", ": > $1")
    expect(status).toBe(1)
    expect(err).toContain("the file is empty: it must hold at least one document")
    expect(await folder.decrypted("s.yaml")).toBe(plain)
  })

  it.each(["rm $1", "rm $1; mkdir $1"])("says that the editor left no text: %s", async (script) => {
    const { status, err } = await edit("s.yaml", script)
    expect(status).toBe(1)
    expect(err).toMatch(/the editor .* left no text behind\n.*hint: the file is as it was/s)
  })

  it("says before anything is typed that a new file has no folder to be in", async () => {
    const { err } = await folder.run(["edit", folder.at("no/new.yaml")], { env: folder.editor("touch $1.typed") })
    expect(err).toMatch(/there is no folder .*no"?\n/)
  })

  it.each([
    { rule: (age: string) => `age: ${age}\n    pgp: ABCD`, said: "wrapped for pgp" },
    {
      rule: (age: string) => `shamir_threshold: 3\n    key_groups: [{age: [${age}]}, {age: [${age}]}]`,
      said: "3 of 2 key groups cannot be required",
    },
  ])("says before anything is typed that a new file could not be encrypted: $said", async ({ rule, said }) => {
    folder.write(".sops.yaml", `creation_rules:\n  - ${rule(folder.recipient(0))}\n`)
    const { err } = await folder.run(["edit", "new.yaml"], { env: folder.editor("echo 'k: v' > $1") })
    expect(err).toContain(said)
    expect(err).not.toContain("typed")
  })

  it("keeps what was typed when the editor was killed, and not when it only gave up", async () => {
    const killed = await edit("s.yaml", "echo 'a: typed' > $1; kill -HUP $$")
    expect(killed.status).toBe(1)
    expect(killed.err).toContain("what was typed is kept in")
    expect((await folder.run(["decrypt", folder.at("s.yaml.edited.age")])).out).toBe("a: typed\n")
    expect((await edit("s.yaml", "echo 'a: typed' > $1; exit 1")).err).not.toContain("kept")
    expect((await edit("s.yaml", "kill -HUP $$")).err).not.toContain("kept")
  })

  it.each([
    { answer: undefined, status: 7, kept: true },
    { answer: null, status: 7, kept: true },
    { answer: "interrupt", status: 130, kept: true },
    { answer: false, status: 7, kept: false },
  ] as const)("keeps what cannot be read, unless told to drop it: $answer", async ({ answer, status, kept }) => {
    const env = folder.editor("echo 'a: [' > $1")
    const ran = await folder.run(["edit", "s.yaml"], answer === undefined ? { env } : { env, answer })
    expect(ran.status).toBe(status)
    // Who is asked is told before.
    expect(ran.err.match(/line 2: /g)).toHaveLength(answer === undefined || answer === "interrupt" ? 1 : 2)
    expect((await folder.run(["decrypt", folder.at("s.yaml.edited.age")])).out).toBe(kept ? "a: [\n" : "")
  })

  it("makes a new file for whom -r names, and refuses that for a file that is there", async () => {
    const env = folder.editor("echo 'k: v' > $1")
    expect((await folder.run(["edit", "-r", folder.recipient(1), "new.yaml"], { env })).status).toBe(0)
    expect(await folder.decrypted("new.yaml", 1)).toBe("k: v\n")
    expect((await folder.run(["edit", "-r", folder.recipient(1), "s.yaml"], { env })).status).toBe(2)
  })
})
