import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import type { CommitNote } from "../../src/ceremony/exposure.ts"
import { appendExposureMarks, type ExposureMark } from "../../src/ceremony/exposure-marks.ts"
import { readLedger } from "../../src/ceremony/ledger.ts"
import { readRepository } from "../../src/ceremony/repository.ts"
import { readRepositoryAt } from "../../src/ceremony/repository-at.ts"
import { keyPathText } from "../../src/failure.ts"
import { SopsHistory } from "./sops-history.ts"

const text = "user: somebody\npassword: correct horse\n"
const longer = '"correct horse battery staple"'
const equallyLong = '"another horse"'

const noteText = ({ id, subject }: CommitNote): string => (id === "" ? "work tree" : subject)

/** The ledger, a line an exposure: who, where, since which commit, and how it stands. */
async function ledgerOf(
  history: SopsHistory,
  { at, folder = "." }: { at?: string; folder?: string } = {},
): Promise<string[]> {
  const root = join(history.root, folder)
  const ledger = await readLedger(at === undefined ? await readRepository(root) : await readRepositoryAt(root, at))
  return (ledger?.exposures ?? []).map((row) => {
    const { state } = row
    const how =
      state.is === "rotated" && state.mark === null
        ? `rotated by ${state.by === null ? "a merge" : noteText(state.by)}`
        : state.is === "open"
          ? "open"
          : `${state.is}: ${state.mark.reason}`
    const more = [row.alone ? "" : " with others", row.present ? "" : " gone", row.readable ? " readable" : ""].join("")
    return `${history.nameOf(row.key)} ${row.file} ${keyPathText(row.keyPath)} since ${noteText(row.since)}: ${how}${more}`
  })
}

/** A file that lena can read, and a configuration that says so. */
async function begin(content = text, path = "secrets/a.yaml"): Promise<SopsHistory> {
  const history = new SopsHistory()
  history.config({ "secrets/.*": ["admin", "lena"] })
  await history.encrypt(path, content, ["admin", "lena"])
  history.commit("begin")
  return history
}

/** lena goes, as the ceremony has it: out of the rule, and a new data key. */
async function removeLena(history: SopsHistory, path = "secrets/a.yaml"): Promise<void> {
  history.config({ "secrets/.*": ["admin"] })
  await history.rotate(path, ["admin"])
  history.commit("remove lena")
}

describe("the ledger", () => {
  it("is empty while nobody is removed", async () => {
    using history = await begin()
    await history.set("secrets/a.yaml", '["user"]', '"nobody"')
    history.commit("change")
    expect(await ledgerOf(history)).toEqual([])
  })

  it("opens every value that a removed key could read, since the commit that gave it to the key", async () => {
    using history = await begin()
    await history.set("secrets/a.yaml", '["token"]', '"later"')
    history.commit("token")
    await removeLena(history)
    expect(await ledgerOf(history)).toEqual([
      'lena secrets/a.yaml ["password"] since begin: open',
      'lena secrets/a.yaml ["token"] since token: open',
      'lena secrets/a.yaml ["user"] since begin: open',
    ])
  })

  it("closes a value that is changed under the new data key, by that commit", async () => {
    using history = await begin()
    await removeLena(history)
    await history.set("secrets/a.yaml", '["password"]', equallyLong)
    history.commit("new password")
    expect(await ledgerOf(history)).toEqual([
      'lena secrets/a.yaml ["password"] since begin: rotated by new password',
      'lena secrets/a.yaml ["user"] since begin: open',
    ])
  })

  it("keeps open what is changed under the old data key, which the removed key still has", async () => {
    using history = await begin()
    history.config({ "secrets/.*": ["admin"] })
    await history.rewrap("secrets/a.yaml", ["admin"])
    history.commit("updatekeys")
    await history.set("secrets/a.yaml", '["password"]', longer)
    history.commit("new password, too early")
    expect(await ledgerOf(history)).toEqual([
      'lena secrets/a.yaml ["password"] since begin: open readable',
      'lena secrets/a.yaml ["user"] since begin: open readable',
    ])
    await history.rotate("secrets/a.yaml", ["admin"])
    history.commit("rotate")
    expect(await ledgerOf(history)).toEqual([
      'lena secrets/a.yaml ["password"] since begin: open',
      'lena secrets/a.yaml ["user"] since begin: open',
    ])
  })

  it("presumes a value unchanged by a rotation, unless its length or type changed", async () => {
    using history = await begin("password: correct horse\nport: 8080\nuser: somebody\n")
    history.config({ "secrets/.*": ["admin"] })
    await history.set("secrets/a.yaml", '["user"]', '"somebody else"')
    await history.set("secrets/a.yaml", '["password"]', equallyLong)
    await history.set("secrets/a.yaml", '["port"]', '"8080"')
    await history.rotate("secrets/a.yaml", ["admin"])
    history.commit("change and rotate at once")
    expect(await ledgerOf(history)).toEqual([
      'lena secrets/a.yaml ["password"] since begin: open',
      'lena secrets/a.yaml ["port"] since begin: rotated by change and rotate at once',
      'lena secrets/a.yaml ["user"] since begin: rotated by change and rotate at once',
    ])
  })

  it("presumes all unchanged where another program made every ciphertext new under the old data key", async () => {
    using history = await begin()
    await removeLena(history)
    await history.reseal("secrets/a.yaml")
    history.commit("reseal")
    expect(await ledgerOf(history)).toEqual([
      'lena secrets/a.yaml ["password"] since begin: open',
      'lena secrets/a.yaml ["user"] since begin: open',
    ])
  })

  it("sees through files that were rekeyed long ago and many times", async () => {
    using history = await begin()
    await removeLena(history)
    for (const turn of [1, 2, 3]) {
      await history.rotate("secrets/a.yaml", ["admin"])
      history.commit(`rotate ${turn}`)
      if (turn !== 2) continue
      await history.set("secrets/a.yaml", '["password"]', equallyLong)
      history.commit("new password")
    }
    expect(await ledgerOf(history)).toEqual([
      'lena secrets/a.yaml ["password"] since begin: rotated by new password',
      'lena secrets/a.yaml ["user"] since begin: open',
    ])
  })

  it("opens again what was put back to what the key could read", async () => {
    using history = await begin()
    await removeLena(history)
    const removal = history.read("secrets/a.yaml")
    await history.set("secrets/a.yaml", '["password"]', longer)
    history.commit("new password")
    history.write("secrets/a.yaml", removal)
    history.commit("back to the old one")
    expect((await ledgerOf(history))[0]).toBe('lena secrets/a.yaml ["password"] since begin: open')
  })

  it("counts every value that the key could read in one place", async () => {
    using history = await begin()
    await history.set("secrets/a.yaml", '["password"]', longer)
    history.commit("second password")
    await removeLena(history)
    const ledger = await readLedger(await readRepository(history.root))
    expect(ledger?.exposures.map(({ values }) => values)).toEqual([2, 1])
  })

  it("takes the rules for who shall read: who is only in the file can still read, who is only in the rule is due", async () => {
    using history = await begin()
    history.config({ "secrets/.*": ["admin", "vega"] })
    history.commit("wish")
    expect(await ledgerOf(history)).toEqual([
      'lena secrets/a.yaml ["password"] since begin: open readable',
      'lena secrets/a.yaml ["user"] since begin: open readable',
    ])
  })

  it("takes the file's own keys where no rule is for it", async () => {
    using history = await begin(text, "other/a.yaml")
    expect(await ledgerOf(history)).toEqual([])
    await history.rotate("other/a.yaml", ["admin"])
    history.commit("remove lena")
    expect(await ledgerOf(history)).toHaveLength(2)
  })

  it("counts what is rekeyed and not committed yet as done, and what was never committed as never read", async () => {
    using history = await begin()
    await history.encrypt("secrets/draft.yaml", text, ["admin", "lena"])
    history.config({ "secrets/.*": ["admin"] })
    await history.rotate("secrets/a.yaml", ["admin"])
    await history.rotate("secrets/draft.yaml", ["admin"])
    await history.set("secrets/a.yaml", '["password"]', longer)
    expect(await ledgerOf(history)).toEqual([
      'lena secrets/a.yaml ["password"] since begin: rotated by work tree',
      'lena secrets/a.yaml ["user"] since begin: open',
    ])
  })

  it("keeps open what is set under the old data key, committed or not", async () => {
    using history = await begin()
    history.config({ "secrets/.*": ["admin"] })
    await history.rewrap("secrets/a.yaml", ["admin"])
    history.commit("updatekeys")
    await history.set("secrets/a.yaml", '["password"]', longer)
    expect((await ledgerOf(history))[0]).toBe('lena secrets/a.yaml ["password"] since begin: open readable')
  })

  it("knows a data key by its ciphertexts, when it is wrapped anew for all", async () => {
    using history = await begin()
    history.config({ "secrets/.*": ["admin"] })
    await history.wrapAgain("secrets/a.yaml", ["admin"])
    await history.set("secrets/a.yaml", '["password"]', longer)
    history.commit("updatekeys, and a new password")
    expect(await ledgerOf(history)).toEqual([
      'lena secrets/a.yaml ["password"] since begin: open readable',
      'lena secrets/a.yaml ["user"] since begin: open readable',
    ])
  })

  it("presumes the old data key where nothing shows that there is a new one", async () => {
    using history = await begin("password: correct horse\n")
    history.config({ "secrets/.*": ["admin"] })
    await history.wrapAgain("secrets/a.yaml", ["admin"])
    await history.set("secrets/a.yaml", '["password"]', longer)
    history.commit("updatekeys, and a new password")
    expect(await ledgerOf(history)).toEqual(['lena secrets/a.yaml ["password"] since begin: open readable'])
    await history.rotate("secrets/a.yaml", ["admin"])
    history.commit("rotate")
    await history.set("secrets/a.yaml", '["password"]', equallyLong)
    history.commit("another password")
    expect(await ledgerOf(history)).toEqual([
      'lena secrets/a.yaml ["password"] since begin: rotated by another password',
    ])
  })

  it("says of a quorum that the key needed others", async () => {
    using history = new SopsHistory()
    history.config({ "secrets/.*": [["admin"], ["lena"], ["vega"]] })
    await history.encrypt("secrets/a.yaml", "root: correct horse\n", [["admin"], ["lena"], ["vega"]])
    history.commit("begin")
    history.config({ "secrets/.*": [["admin"], ["nova"], ["vega"]] })
    await history.rotate("secrets/a.yaml", [["admin"], ["nova"], ["vega"]])
    history.commit("replace lena")
    expect(await ledgerOf(history)).toEqual(['lena secrets/a.yaml ["root"] since begin: open with others'])
  })

  it("is that of a commit, where one is asked for", async () => {
    using history = await begin()
    await removeLena(history)
    await history.set("secrets/a.yaml", '["password"]', longer)
    history.commit("new password")
    expect(await ledgerOf(history, { at: "HEAD~2" })).toEqual([])
    expect(await ledgerOf(history, { at: "HEAD~1" })).toHaveLength(2)
    expect(await ledgerOf(history, { at: "HEAD" })).toEqual(await ledgerOf(history))
  })

  it("is about the repository of a folder, where git has more", async () => {
    using history = new SopsHistory()
    history.config({ "secrets/.*": ["admin", "lena"] })
    mkdirSync(join(history.root, "inner"))
    renameSync(join(history.root, ".sops.yaml"), join(history.root, "inner/.sops.yaml"))
    await history.encrypt("inner/secrets/a.yaml", text, ["admin", "lena"])
    await history.encrypt("outer/a.yaml", text, ["admin", "lena"])
    history.commit("begin")
    await history.rotate("inner/secrets/a.yaml", ["admin"])
    await history.rotate("outer/a.yaml", ["admin"])
    history.config({ "secrets/.*": ["admin"] })
    renameSync(join(history.root, ".sops.yaml"), join(history.root, "inner/.sops.yaml"))
    history.commit("remove lena")
    const expected = [
      'lena inner/secrets/a.yaml ["password"] since begin: open',
      'lena inner/secrets/a.yaml ["user"] since begin: open',
    ]
    expect(await ledgerOf(history, { folder: "inner" })).toEqual(expected)
    expect(await ledgerOf(history, { folder: "inner", at: "HEAD" })).toEqual(expected)
  })

  it("leaves out what the policy leaves alone", async () => {
    using history = await begin()
    await removeLena(history)
    history.write(".ts-age-yk.yaml", "exclude: [secrets/]\n")
    expect(await ledgerOf(history)).toEqual([])
  })

  it("calls keys by the names that they had", async () => {
    using history = await begin()
    await removeLena(history)
    history.commit("much later")
    const ledger = await readLedger(await readRepository(history.root))
    expect(ledger?.names.get(history.key("lena"))?.names).toEqual(["lena"])
  })

  it("is not there before the first commit", async () => {
    using history = new SopsHistory()
    history.config({ "secrets/.*": ["admin"] })
    expect(await readLedger(await readRepository(history.root))).toBeNull()
  })

  it("says that a shallow clone does not show all", async () => {
    using history = await begin()
    await removeLena(history)
    const clone = join(history.root, "clone")
    history.git("clone", "--quiet", "--depth=1", `file://${history.root}`, clone)
    const ledger = await readLedger(await readRepository(clone))
    expect(ledger).toMatchObject({ shallow: true, commits: 1, exposures: [] })
  })
})

describe("values that move", () => {
  it("are followed through renames of their file", async () => {
    using history = await begin()
    history.git("mv", "secrets/a.yaml", "secrets/b.yaml")
    history.commit("rename")
    await removeLena(history, "secrets/b.yaml")
    history.git("mv", "secrets/b.yaml", "secrets/c.yaml")
    await history.set("secrets/c.yaml", '["password"]', equallyLong)
    history.commit("rename and new password")
    expect(await ledgerOf(history)).toEqual([
      'lena secrets/c.yaml ["password"] since begin: rotated by rename and new password',
      'lena secrets/c.yaml ["user"] since begin: open',
    ])
  })

  it("are followed where the file is renamed and rotated at once", async () => {
    using history = await begin()
    history.git("mv", "secrets/a.yaml", "secrets/b.yaml")
    await removeLena(history, "secrets/b.yaml")
    expect(await ledgerOf(history)).toEqual([
      'lena secrets/b.yaml ["password"] since begin: open',
      'lena secrets/b.yaml ["user"] since begin: open',
    ])
  })

  it("are the same in copies", async () => {
    using history = await begin()
    history.write("secrets/copy.yaml", history.read("secrets/a.yaml"))
    history.commit("copy")
    history.config({ "secrets/.*": ["admin"] })
    await history.rotate("secrets/copy.yaml", ["admin"])
    await history.rotate("secrets/a.yaml", ["admin"])
    await history.set("secrets/a.yaml", '["password"]', longer)
    history.commit("remove lena")
    expect(await ledgerOf(history)).toEqual([
      'lena secrets/a.yaml ["password"] since begin: rotated by remove lena',
      'lena secrets/a.yaml ["user"] since begin: open',
      'lena secrets/copy.yaml ["password"] since begin: open',
      'lena secrets/copy.yaml ["user"] since begin: open',
    ])
  })

  it("are followed to another key of their file, where they look the same", async () => {
    using history = await begin()
    await removeLena(history)
    await history.set("secrets/a.yaml", '["db"]', '{"password": "correct horse"}')
    await history.unset("secrets/a.yaml", '["password"]')
    history.commit("move")
    expect(await ledgerOf(history)).toEqual([
      'lena secrets/a.yaml ["db"]["password"] since begin: open',
      'lena secrets/a.yaml ["user"] since begin: open',
    ])
  })

  it("are followed to another file, where they look the same", async () => {
    using history = await begin()
    await removeLena(history)
    await history.unset("secrets/a.yaml", '["password"]')
    await history.encrypt("secrets/b.yaml", "password: correct horse\nmore: 1\n", ["admin"])
    history.commit("split")
    expect(await ledgerOf(history)).toEqual([
      'lena secrets/a.yaml ["user"] since begin: open',
      'lena secrets/b.yaml ["password"] since begin: open',
    ])
  })

  it("are followed in lists that got shorter, whatever their number is now", async () => {
    using history = await begin("keys:\n  - first key\n  - second longer key\n  - the third and longest\n")
    await history.unset("secrets/a.yaml", '["keys"][0]')
    await removeLena(history)
    await history.set("secrets/a.yaml", '["keys"][1]', '"new"')
    history.commit("new third")
    expect(await ledgerOf(history)).toEqual([
      'lena secrets/a.yaml ["keys"][0] since begin: open',
      'lena secrets/a.yaml ["keys"][1] since begin: rotated by new third',
    ])
  })

  it("stay open when they are deleted, since nothing shows that they are of no use any more", async () => {
    using history = await begin()
    await removeLena(history)
    await history.unset("secrets/a.yaml", '["password"]')
    history.commit("unset")
    expect(await ledgerOf(history)).toEqual([
      'lena secrets/a.yaml ["password"] since begin: open gone',
      'lena secrets/a.yaml ["user"] since begin: open',
    ])
    rmSync(join(history.root, "secrets/a.yaml"))
    history.commit("delete")
    expect(await ledgerOf(history)).toEqual([
      'lena secrets/a.yaml ["password"] since begin: open gone',
      'lena secrets/a.yaml ["user"] since begin: open gone',
    ])
  })

  it("are nobody's exposure when their file is deleted and all its keys are still in use", async () => {
    using history = await begin()
    rmSync(join(history.root, "secrets/a.yaml"))
    await history.encrypt("secrets/b.yaml", "x: 1\n", ["admin", "lena"])
    history.commit("delete")
    expect(await ledgerOf(history)).toEqual([])
  })

  it("are followed when a file comes back", async () => {
    using history = await begin()
    await removeLena(history)
    const kept = history.read("secrets/a.yaml")
    rmSync(join(history.root, "secrets/a.yaml"))
    history.commit("delete")
    history.write("secrets/a.yaml", kept)
    await history.rotate("secrets/a.yaml", ["admin"])
    history.commit("restore")
    expect(await ledgerOf(history)).toEqual([
      'lena secrets/a.yaml ["password"] since begin: open',
      'lena secrets/a.yaml ["user"] since begin: open',
    ])
  })

  it("are followed through versions that cannot be read, and through plain ones, which are told", async () => {
    using history = await begin()
    const kept = history.read("secrets/a.yaml")
    history.write("secrets/a.yaml", `<<<<<<< ours\n${Buffer.from(kept).toString()}=======\nx\n>>>>>>> theirs\n`)
    history.commit("conflict")
    history.write("secrets/a.yaml", text)
    history.commit("plain")
    history.config({ "secrets/.*": ["admin"] })
    await history.encrypt("secrets/a.yaml", text, ["admin"])
    history.commit("encrypt again")
    expect(await ledgerOf(history)).toEqual([
      'lena secrets/a.yaml ["password"] since begin: open',
      'lena secrets/a.yaml ["user"] since begin: open',
    ])
    const ledger = await readLedger(await readRepository(history.root))
    expect(ledger?.plainOnce.map(({ file, commit }) => [file, commit.subject])).toEqual([["secrets/a.yaml", "plain"]])
  })

  it.each(["json", "env", "ini", "txt"])("are seen in %s files", async (ending) => {
    const content =
      {
        json: '{"password": "correct horse"}',
        env: "password=correct horse\n",
        ini: "[a]\npassword = correct horse\n",
        txt: "correct horse",
      }[ending] ?? ""
    using history = await begin(content, `secrets/a.${ending}`)
    await removeLena(history, `secrets/a.${ending}`)
    const place = { json: '["password"]', env: '["password"]', ini: '["a"]["password"]', txt: '["data"]' }[ending] ?? ""
    expect(await ledgerOf(history)).toEqual([`lena secrets/a.${ending} ${place} since begin: open`])
  })
})

describe("merges", () => {
  it("close a value that a branch changed after the removal, when they take it", async () => {
    using history = await begin()
    await removeLena(history)
    history.git("checkout", "--quiet", "-b", "side")
    await history.set("secrets/a.yaml", '["password"]', longer)
    history.commit("side password")
    history.git("checkout", "--quiet", "main")
    history.write("README", "x")
    history.commit("on main")
    history.git("merge", "--quiet", "--no-ff", "--no-edit", "side")
    expect((await ledgerOf(history))[0]).toBe('lena secrets/a.yaml ["password"] since begin: rotated by side password')
  })

  it("keep open a value that a branch changed, when they do not take it", async () => {
    using history = await begin()
    await removeLena(history)
    history.git("checkout", "--quiet", "-b", "side")
    await history.set("secrets/a.yaml", '["password"]', longer)
    history.commit("side password")
    history.git("checkout", "--quiet", "main")
    await history.set("secrets/a.yaml", '["user"]', '"main user"')
    history.commit("main user")
    history.git("merge", "--quiet", "--no-ff", "--no-edit", "--strategy=ours", "side")
    expect(await ledgerOf(history)).toEqual([
      'lena secrets/a.yaml ["password"] since begin: open',
      'lena secrets/a.yaml ["user"] since begin: rotated by main user',
    ])
  })

  it("do not take one branch's new value for another's old one of the same length", async () => {
    using history = await begin()
    await removeLena(history)
    history.git("checkout", "--quiet", "-b", "side")
    await history.rotate("secrets/a.yaml", ["admin"])
    history.commit("side rotates")
    history.git("checkout", "--quiet", "main")
    await history.set("secrets/a.yaml", '["password"]', equallyLong)
    history.commit("main password")
    await history.rotate("secrets/a.yaml", ["admin"])
    history.commit("main rotates")
    history.git("merge", "--quiet", "--no-ff", "--no-edit", "--strategy=ours", "side")
    expect((await ledgerOf(history))[0]).toBe('lena secrets/a.yaml ["password"] since begin: rotated by main password')
  })

  it("that change more do not take what they took from one side for the other side's old value", async () => {
    using history = await begin()
    await removeLena(history)
    history.git("checkout", "--quiet", "-b", "side")
    await history.set("secrets/a.yaml", '["password"]', equallyLong)
    history.commit("side password")
    await history.rotate("secrets/a.yaml", ["admin"])
    history.commit("side rotates")
    const side = history.read("secrets/a.yaml")
    history.git("checkout", "--quiet", "main")
    await history.set("secrets/a.yaml", '["token"]', '"fresh"')
    history.commit("main token")
    history.git("merge", "--quiet", "--no-commit", "--strategy=ours", "side")
    history.write("secrets/a.yaml", side)
    await history.set("secrets/a.yaml", '["token"]', '"fresher"')
    history.commit("merge by hand")
    expect(await ledgerOf(history)).toEqual([
      'lena secrets/a.yaml ["password"] since begin: rotated by side password',
      'lena secrets/a.yaml ["user"] since begin: open',
    ])
  })

  it("that mix values of both sides are judged value by value", async () => {
    using history = await begin()
    await removeLena(history)
    history.git("checkout", "--quiet", "-b", "side")
    await history.set("secrets/a.yaml", '["password"]', equallyLong)
    history.commit("side password")
    const side = Buffer.from(history.read("secrets/a.yaml")).toString()
    history.git("checkout", "--quiet", "main")
    await history.set("secrets/a.yaml", '["token"]', '"fresh"')
    history.commit("main token")
    try {
      history.git("merge", "--quiet", "--no-edit", "side")
    } catch {
      // Both changed the MAC, so git cannot merge it.
    }
    const line = side.split("\n").find((candidate) => candidate.startsWith("password: ")) ?? ""
    history.git("checkout", "--quiet", "--ours", "secrets/a.yaml")
    const ours = Buffer.from(history.read("secrets/a.yaml")).toString()
    history.write("secrets/a.yaml", ours.replace(/^password: .*$/m, line))
    history.commit("merge by hand")
    expect(await ledgerOf(history)).toEqual([
      'lena secrets/a.yaml ["password"] since begin: rotated by side password',
      'lena secrets/a.yaml ["user"] since begin: open',
    ])
  })

  it("count a key that only a branch had", async () => {
    using history = await begin()
    history.git("checkout", "--quiet", "-b", "side")
    await history.rewrap("secrets/a.yaml", ["admin", "lena", "guest"])
    history.commit("guest on a branch")
    history.git("checkout", "--quiet", "main")
    history.git("merge", "--quiet", "--no-ff", "--no-edit", "--strategy=ours", "side")
    expect(await ledgerOf(history)).toEqual([
      'guest secrets/a.yaml ["password"] since guest on a branch: open readable',
      'guest secrets/a.yaml ["user"] since guest on a branch: open readable',
    ])
  })
})

describe("marks", () => {
  async function mark(history: SopsHistory, more: Partial<ExposureMark> = {}): Promise<void> {
    const ledger = await readLedger(await readRepository(history.root))
    const row = ledger?.exposures.find(({ keyPath }) => keyPathText(keyPath) === '["password"]')
    if (row === undefined) throw new TypeError("no such row")
    const made: ExposureMark = {
      file: row.file,
      paths: ['["password"]'],
      key: row.key,
      state: "waived",
      reason: "no longer in use",
      version: row.version,
      date: "2026-07-01",
      ...more,
    }
    const path = join(history.root, ".sops-exposure.yaml")
    let before = ""
    try {
      before = readFileSync(path, "utf8")
    } catch {
      // It is the first mark.
    }
    writeFileSync(path, appendExposureMarks(before, [made]))
  }

  it("close the value that they name, and no other", async () => {
    using history = await begin()
    await removeLena(history)
    await mark(history)
    expect(await ledgerOf(history)).toEqual([
      'lena secrets/a.yaml ["password"] since begin: waived: no longer in use',
      'lena secrets/a.yaml ["user"] since begin: open',
    ])
  })

  it("follow the value through renames and rotations", async () => {
    using history = await begin()
    await removeLena(history)
    await mark(history, { state: "rotated", reason: "" })
    history.git("mv", "secrets/a.yaml", "secrets/b.yaml")
    await history.rotate("secrets/b.yaml", ["admin"])
    history.commit("later")
    expect((await ledgerOf(history))[0]).toBe('lena secrets/b.yaml ["password"] since begin: rotated: ')
  })

  it("end when the key comes back and reads on", async () => {
    using history = await begin()
    await removeLena(history)
    await mark(history)
    history.config({ "secrets/.*": ["admin", "lena"] })
    await history.rewrap("secrets/a.yaml", ["admin", "lena"])
    history.commit("lena is back")
    await removeLena(history)
    expect((await ledgerOf(history))[0]).toBe('lena secrets/a.yaml ["password"] since begin: open')
  })

  it("that say rotated count for nothing while the key reads what stands there", async () => {
    using history = await begin()
    history.config({ "secrets/.*": ["admin"] })
    await history.rewrap("secrets/a.yaml", ["admin"])
    history.commit("updatekeys")
    await mark(history, { state: "rotated", reason: "" })
    expect((await ledgerOf(history))[0]).toBe('lena secrets/a.yaml ["password"] since begin: open readable')
  })

  it("for another key, value or version count for nothing", async () => {
    using history = await begin()
    await removeLena(history)
    await mark(history, { key: history.key("admin") })
    await mark(history, { paths: ['["other"]'] })
    await mark(history, { version: "0".repeat(40) })
    expect((await ledgerOf(history))[0]).toContain("open")
  })
})
