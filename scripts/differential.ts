/**
 * Compares this SOPS with the real one on random files: what either encrypts and changes, both must decrypt to the same bytes.
 *
 *     npm run differential -- --cases 200 --seed 1 --sops /path/to/sops
 *
 * Prints one line for each difference, with the seed that makes it again, and counts at the end. Exits 1 when there is a difference.
 */
import { spawnSync } from "node:child_process"
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { generateX25519Identity, identityToRecipient } from "age-encryption"
import { Failure } from "../src/failure.ts"
import { parseSetValue, setValue, unsetValue } from "../src/sops/change.ts"
import { IvStash } from "../src/sops/cipher.ts"
import { parseConfig, ruleFor } from "../src/sops/config.ts"
import { disposeParts, joinParts, openDataKey, openParts } from "../src/sops/data-key.ts"
import { encryptAgain, encryptNew } from "../src/sops/encrypt.ts"
import { decryptFile, openFile, printDecrypted, readEncrypted } from "../src/sops/file.ts"
import { formatOfName, storeOf } from "../src/sops/format.ts"
import { parseKeyPath } from "../src/sops/key-path.ts"
import { formatVersion, type KeyGroup } from "../src/sops/metadata.ts"
import { rotateFile } from "../src/sops/rotate.ts"
import type { Comment, Entry, Value } from "../src/sops/tree.ts"
import { applyKeys, planKeys } from "../src/sops/update-keys.ts"
import { openerOf, wrapWithAge } from "../test/sops/keys.ts"
import { Documents } from "./documents.ts"

const { values: options } = parseArgs({
  options: {
    cases: { type: "string", default: "200" },
    seed: { type: "string", default: "1" },
    sops: { type: "string", default: "sops" },
    verbose: { type: "boolean", default: false },
  },
})

const now = new Date("2026-06-30T12:00:00Z")
const work = mkdtempSync(join(tmpdir(), "sops-differential-"))
const identities = await Promise.all([1, 2, 3].map(() => generateX25519Identity()))
const recipients = await Promise.all(identities.map(identityToRecipient))
const opener = openerOf(...identities)
const environment = {
  PATH: process.env["PATH"],
  HOME: work,
  SOPS_AGE_KEY: identities.join("\n"),
  // A text that sops does not take is not typed again, or it would ask for ever.
  SOPS_EDITOR: "sh -c 'cat typed > \"$0\" && rm typed'",
}
const counts = new Map<string, number>()
let differences = 0

type Result = { ok: true; bytes: Buffer } | { ok: false; why: string }

function count(what: string): void {
  counts.set(what, (counts.get(what) ?? 0) + 1)
}

function sops(folder: string, ...args: string[]): Result {
  const { status, stdout, stderr } = spawnSync(options.sops, args, {
    cwd: folder,
    env: environment,
    maxBuffer: 1 << 28,
  })
  return status === 0 ? { ok: true, bytes: stdout } : { ok: false, why: stderr.toString().trim().slice(-300) }
}

async function ours(work: () => Promise<Uint8Array>): Promise<Result> {
  try {
    return { ok: true, bytes: Buffer.from(await work()) }
  } catch (cause) {
    if (!(cause instanceof Failure)) throw cause
    return { ok: false, why: `${cause.code}: ${cause.message}` }
  }
}

function differ(seed: number, what: string, one: Result, other: Result, input: Uint8Array): void {
  differences += 1
  const show = (result: Result): string =>
    result.ok ? JSON.stringify(result.bytes.toString()) : `fails: ${result.why}`
  console.log(
    `seed ${seed}: ${what}\n  input ${JSON.stringify(Buffer.from(input).toString())}\n  sops  ${show(one)}\n  ours  ${show(other)}`,
  )
}

/** Where sops itself errs, by what it prints in the place of what is right. native-test/sops-faults.test.ts shows each by itself. */
const misprints: readonly { what: string; right: RegExp; wrong: string }[] = [
  { what: "a text of several lines that begins with a tab is lost", right: /"\\ttab\\nx"/g, wrong: "null" },
  { what: "the comment of an empty map is lost", right: /\{\n(?: *#.*\n)+ *\}/g, wrong: "{}" },
]

/** Why sops cannot read what it wrote itself, by its message and by what was encrypted. The same test shows each of these. */
const unreadable: readonly { what: string; says: RegExp; of: RegExp }[] = [
  {
    what: "a plain text in a list that begins with a space or a line break",
    says: /yaml: line \d+: did not find expected/,
    of: /"( |\\n)[^"]*\\n|"\\n/,
  },
  {
    what: "a plain text of several lines that begins with a tab",
    says: /MAC mismatch|cannot encode node with unknown kind 0/,
    of: /\\ttab\\nx/,
  },
  {
    what: "a value that a comment selects which moves when the file is read again",
    says: /does not match sops' data format|Expected encrypted value as string/,
    of: /#.*sops:enc/,
  },
  {
    what: "an empty map or list behind an item with a comment on its line",
    says: /could not find expected ':'/,
    of: /- .*#/,
  },
  {
    what: "a comment between one that selects and the value that it selects",
    says: /MAC mismatch/,
    of: /#.*sops:enc/,
  },
  {
    what: "a comment in a list of maps that are merged",
    says: /map merge requires map or sequence of maps/,
    of: /(?=[^]*#)[^]*<<: *(\[|\n)/,
  },
  { what: "a negative zero left plain", says: /MAC mismatch/, of: /-0/ },
]

function same(theirs: Result, own: Result): boolean {
  if (!theirs.ok || !own.ok) return theirs.ok === own.ok
  if (theirs.bytes.equals(own.bytes)) return true
  const fault = faultBetween(theirs.bytes.toString(), own.bytes.toString())
  if (fault !== null) count(`sops errs: ${fault}`)
  return fault !== null
}

/** What makes sops' text of ours: one fault or several; null when none that is known does. */
function faultBetween(theirs: string, own: string): string | null {
  let candidates: { what: readonly string[]; text: string }[] = [{ what: [], text: own }]
  for (const { what, right, wrong } of misprints)
    candidates = candidates.flatMap((one) => [one, { what: [...one.what, what], text: one.text.replace(right, wrong) }])
  const found = candidates.find(({ text }) => text === theirs)
  if (found !== undefined) return found.what.join(", ")
  if (!candidates.some(({ text }) => lacksListHeads(theirs, text))) return null
  return "a comment at the head of a list is lost, where its first item has one too"
}

/** Whether all that is missing are comment lines right above one that is there, above the first item of a list. */
function lacksListHeads(theirs: string, own: string): boolean {
  const left = theirs.split("\n")
  const lines = own.split("\n")
  return (
    lines.every((line, index) => {
      if (line === left[0]) return left.shift() !== undefined
      const rest = lines.slice(index)
      const next = rest[rest.findIndex((other) => !other.trim().startsWith("#"))]
      return (
        line.trim().startsWith("#") &&
        // Of two that are alike, the second may be taken for the one that is missing.
        (rest[1]?.trim().startsWith("#") === true || lines[index - 1] === line) &&
        next?.trim().startsWith("-") === true
      )
    }) && left.length === 0
  )
}

/** Whether a file that sops made and cannot read is a fault that is known. */
function isUnreadable({ why }: Result & { ok: false }, plain: Uint8Array): boolean {
  const fault = unreadable.find(({ says, of }) => says.test(why) && of.test(Buffer.from(plain).toString()))
  if (fault !== undefined) count(`sops cannot read its own file: ${fault.what}`)
  return fault !== undefined
}

const sealed = /ENC\[AES256_GCM,data:[^,]*,iv:/

/** A comment may move to a neighbour when sops reads its own file, and is then authenticated under another key. */
function leavesComment(result: Result): boolean {
  if (!result.ok || !/[#;] ?ENC\[AES256_GCM,data:[^,]+,iv:/.test(result.bytes.toString())) return false
  count("sops errs: it prints a comment that it cannot decrypt")
  return true
}

const selections = [
  ...Array.from({ length: 5 }, () => ""),
  "unencrypted_suffix: _unencrypted",
  "encrypted_suffix: _enc",
  "unencrypted_regex: '^(a|key|some_)'",
  "encrypted_regex: '^(a|b|list|sub|data)$|secret'",
  "unencrypted_comment_regex: plain$",
  "encrypted_comment_regex: sops:enc",
]

/** Recipients in one of the forms that a rule may have them in. */
function ageLines(documents: Documents, names: readonly string[]): string[] {
  const [first = "", ...more] = names
  return documents.pick([
    [`    age: "${names.join(", ")}"`],
    [`    age: [${names.join(", ")}]`],
    ["    age: >-", ...names.map((name, index) => `      ${name}${index < more.length ? "," : ""}`)],
    [`    age: "${names.join(" ,\\t")},"`],
    ["    key_groups:", `      - age: [${first}]`, `        merge: [{age: ["${names.join(",")}"]}, null]`],
    ["    <<: {age: nobody, path_regex: nowhere}", "    path_regex: .", `    age: [${names.join(", ")}]`],
  ])
}

function configText(documents: Documents): string {
  const groups = documents.chance(0.3) ? 2 + documents.below(2) : 1
  const lines = ["creation_rules:", "  - path_regex: nothing$", "    age: age1none", "  - "]
  if (groups === 1) lines.push(...ageLines(documents, recipients.slice(0, 1 + documents.below(3))))
  else {
    lines.push("    key_groups:", ...recipients.slice(0, groups).map((recipient) => `      - age: [${recipient}]`))
    if (documents.chance(0.7)) lines.push("    shamir_threshold: 2")
  }
  const selection = documents.pick(selections)
  if (selection !== "") lines.push(`    ${selection}`)
  if (documents.chance(0.2)) lines.push("    mac_only_encrypted: true")
  return `${lines.join("\n").replace("  - \n    ", "  - ")}\n`
}

async function ruleIn(folder: string, file: string) {
  const rule = await ruleFor(parseConfig(readFileSync(join(folder, ".sops.yaml"))), join(folder, file), folder)
  if (rule === null) throw new RangeError("no rule")
  return rule
}

async function encryptOurs(plain: Uint8Array, folder: string, file: string): Promise<Uint8Array> {
  const rule = await ruleIn(folder, file)
  const store = await storeOf(formatOfName(file))
  const groups = rule.groups.map(
    (group): KeyGroup => group.map(({ name }) => ({ type: "age", recipient: name, enc: "" })),
  )
  return await encryptNew(store.parse(plain), { store, input: store }, { ...rule, groups }, wrapWithAge, now)
}

async function decryptOurs(bytes: Uint8Array, name: string): Promise<Uint8Array> {
  const file = await readEncrypted(bytes, formatOfName(name))
  return printDecrypted(await openFile(file, opener), file.store)
}

async function changeOurs(bytes: Uint8Array, name: string, change: Change): Promise<Uint8Array> {
  const file = await readEncrypted(bytes, formatOfName(name))
  if (change.kind === "updatekeys") {
    const rule = await ruleIn(change.folder, name)
    const parts = await openParts(file.metadata, opener)
    using key = await joinParts(file.metadata, parts)
    await decryptFile(file, key)
    const changed = await applyKeys(bytes, file, planKeys(file.metadata, rule), parts, wrapWithAge)
    disposeParts(parts)
    return changed
  }
  using key = await openDataKey(file.metadata, opener)
  const ivs = new IvStash()
  const documents = await decryptFile(file, key, { ivs })
  if (change.kind === "rotate") return await rotateFile(bytes, file, documents, file.metadata, wrapWithAge, now)
  if (change.kind === "edit") {
    const typed = file.store.parse(change.typed)
    return await encryptAgain(bytes, file, typed, key, { ivs, now, change: { version: formatVersion } })
  }
  const [first, ...rest] = documents
  const path = parseKeyPath(change.path)
  const next =
    change.kind === "set" ? setValue(first!, path, parseSetValue(change.value)).document : unsetValue(first!, path)
  return await encryptAgain(bytes, file, [next, ...rest], key, { ivs, now })
}

type Change =
  | { kind: "rotate" }
  | { kind: "edit"; typed: Uint8Array }
  | { kind: "updatekeys"; folder: string }
  | { kind: "set"; path: string; value: string }
  | { kind: "unset"; path: string }

/** The paths of all that stands in a value, as set and unset take them; lists count their comments. */
function pathsIn(value: Value, path = ""): string[] {
  if (value.type !== "map" && value.type !== "list") return []
  return value.items.flatMap((item: Entry | Comment | Value, index) => {
    if (item.type === "comment" || (item.type === "str" && item.value.endsWith(",type:comment]"))) return []
    const step = item.type === "entry" ? item.key : index
    if (typeof step !== "number" && (typeof step !== "string" || /["\\[\]\n\t]/.test(step))) return []
    const at = `${path}[${JSON.stringify(step)}]`
    return [at, ...pathsIn(item.type === "entry" ? item.value : item, at)]
  })
}

async function changeFor(documents: Documents, folder: string, name: string, encrypted: Uint8Array): Promise<Change> {
  const kind = documents.pick(["rotate", "updatekeys", "set", "unset", "edit"] as const)
  if (kind === "rotate") return { kind }
  if (kind === "edit") return { kind, typed: documents.of(name) }
  if (kind === "updatekeys") return { kind, folder }
  // A comment may have another position in the encrypted file than in the plain one.
  const [first] = (await readEncrypted(encrypted, formatOfName(name))).documents
  // In INI only what is in a section is a value.
  const there =
    first === undefined ? [] : pathsIn(first).filter((path) => !name.endsWith(".ini") || path.includes("]["))
  const key = documents.pick(["a", "b", "key", "list", "new", "é"])
  const missing = name.endsWith(".ini") ? `["${documents.pick(["a", "db"])}"]["k"]` : `["${key}"]`
  const path = there.length > 0 && documents.chance(0.8) ? documents.pick(there) : missing
  const value = /\.(ini|env)$/.test(name) ? '"text"' : documents.setValue()
  return kind === "set" ? { kind, path, value } : { kind, path }
}

function changeSops(folder: string, name: string, change: Change): Result {
  if (change.kind === "rotate") return sops(folder, "rotate", "--in-place", name)
  if (change.kind === "updatekeys") return sops(folder, "updatekeys", "--yes", name)
  if (change.kind === "set") return sops(folder, "set", name, change.path, change.value)
  if (change.kind === "edit") {
    writeFileSync(join(folder, "typed"), change.typed)
    const edited = sops(folder, "edit", name)
    return !edited.ok && edited.why.includes("File has not changed") ? { ok: true, bytes: Buffer.alloc(0) } : edited
  }
  return sops(folder, "unset", name, change.path)
}

async function runCase(seed: number): Promise<void> {
  const documents = new Documents(seed)
  const folder = join(work, String(seed))
  mkdirSync(folder)
  writeFileSync(join(folder, ".sops.yaml"), configText(documents))
  const name = documents.pick(["f.yaml", "f.yaml", "f.json", "f.env", "f.ini", "f.bin"])
  const plain = documents.of(name)
  const path = join(folder, name)
  writeFileSync(path, plain)

  const theirs = sops(folder, "encrypt", name)
  const own = await ours(() => encryptOurs(plain, folder, name))
  if (!theirs.ok || !own.ok) {
    if (theirs.ok !== own.ok) {
      if (theirs.ok) {
        writeFileSync(path, theirs.bytes)
        if (sops(folder, "decrypt", name).ok) differ(seed, "sops encrypts it, ours does not", theirs, own, plain)
        else count("sops errs: what it encrypts and ours refuses, it cannot read again")
      } else count(`only ours encrypts it: ${theirs.why.slice(-80)}`)
    } else count(`both refuse to encrypt it: ${own.ok ? "" : own.why.slice(0, 40)}`)
    return
  }
  writeFileSync(path, own.bytes)
  const oursBySops = sops(folder, "decrypt", name)
  writeFileSync(path, theirs.bytes)
  const theirsBySops = sops(folder, "decrypt", name)
  const theirsByOurs = await ours(() => decryptOurs(theirs.bytes, name))
  const oursByOurs = await ours(() => decryptOurs(own.bytes, name))
  // Whatever sops makes of it: what is sealed in what we print is lost.
  if (oursByOurs.ok && sealed.test(oursByOurs.bytes.toString()))
    differ(seed, "ours leaves something sealed", oursBySops, oursByOurs, plain)
  if (leavesComment(theirsBySops)) {
    if (!oursByOurs.ok || !same(oursBySops, oursByOurs))
      differ(seed, "ours is not read alike", oursBySops, oursByOurs, plain)
    return
  }
  if (!theirsBySops.ok) {
    if (!oursByOurs.ok) differ(seed, "ours cannot read its own file", theirsBySops, oursByOurs, plain)
    else if (!isUnreadable(theirsBySops, plain))
      differ(seed, "sops cannot read its own file, for no reason that is known", theirsBySops, oursByOurs, plain)
    return
  }
  if (!same(theirsBySops, theirsByOurs)) {
    differ(seed, "decrypting what sops encrypted", theirsBySops, theirsByOurs, plain)
    return
  }
  if (!same(theirsBySops, oursByOurs)) {
    differ(seed, "decrypting what ours encrypted", theirsBySops, oursByOurs, plain)
    return
  }
  if (!same(theirsBySops, oursBySops)) {
    differ(seed, "sops decrypts what ours encrypted", theirsBySops, oursBySops, plain)
    return
  }
  count(`same: ${name}`)

  const changeDocuments = new Documents(-seed)
  const changedFolder = join(work, `${seed}-changed`)
  cpSync(folder, changedFolder, { recursive: true })
  const changedPath = join(changedFolder, name)
  const change = await changeFor(changeDocuments, changedFolder, name, theirs.bytes)
  if (change.kind === "updatekeys") writeFileSync(join(changedFolder, ".sops.yaml"), configText(changeDocuments))
  const changedTheirs = changeSops(changedFolder, name, change)
  const changedOwn = await ours(() => changeOurs(theirs.bytes, name, change))
  const plainTheirs = changedTheirs.ok ? sops(changedFolder, "decrypt", name) : changedTheirs
  const theirsRead = changedTheirs.ok ? await ours(() => decryptOurs(readFileSync(changedPath), name)) : changedTheirs
  if (changedOwn.ok) writeFileSync(changedPath, changedOwn.bytes)
  const plainOwn = changedOwn.ok ? sops(changedFolder, "decrypt", name) : changedOwn
  const ownRead = changedOwn.ok ? await ours(() => decryptOurs(changedOwn.bytes, name)) : changedOwn
  const what = `${change.kind}${change.kind === "set" ? ` ${change.path} ${change.value}` : change.kind === "unset" ? ` ${change.path}` : ""}`
  const typed =
    change.kind === "edit"
      ? change.typed
      : Buffer.concat([plain, Buffer.from(change.kind === "set" ? change.value : "")])
  // What keys can read changes no text, so that nothing of what was there may be lost.
  const asBefore = change.kind === "updatekeys" && same(theirsBySops, plainOwn) && same(plainOwn, ownRead)
  if (
    plainTheirs.ok &&
    plainOwn.ok &&
    same(plainTheirs, plainOwn) &&
    same(plainTheirs, theirsRead) &&
    same(plainOwn, ownRead)
  )
    count(`same after ${change.kind}`)
  else if (!plainTheirs.ok && !plainOwn.ok) count(`both refuse to ${change.kind}: ${plainOwn.why.slice(0, 40)}`)
  else if (leavesComment(plainTheirs) && plainOwn.ok && same(plainOwn, ownRead)) return
  else if (
    !plainTheirs.ok &&
    plainOwn.ok &&
    same(plainOwn, ownRead) &&
    (isRefused(change, plainTheirs) || isUnreadable(plainTheirs, typed))
  )
    return
  else if (!plainOwn.ok && plainOwn.why.startsWith("sops-key-path-missing") && same(theirsBySops, plainTheirs))
    count("sops errs: to set a position in a map does nothing, in silence")
  else if (movesComment(change, plainTheirs, plainOwn) && same(plainOwn, ownRead)) return
  else if (asBefore) count("sops errs: updatekeys changes what a file says")
  else differ(seed, what, plainTheirs, plainOwn, typed)
}

/** What only ours can do, by what sops says. */
function isRefused({ kind }: Change, { why }: Result & { ok: false }): boolean {
  if (kind === "set" && why.includes("Invalid --set value format")) {
    count("only ours can set a value that is no map, list, or text")
    return true
  }
  if (kind === "unset" && why.includes("MAC mismatch")) {
    count("sops errs: the comment of what unset took away joins another that is plain, and its file cannot be read")
    return true
  }
  return false
}

/** A text without its comments; null of what failed. */
function withoutComments(result: Result): string | null {
  return result.ok ? result.bytes.toString().replace(/^ *#.*\n|[ \t]+#.*$/gm, "") : null
}

/** Whether sops took the comment of a value that became a map or a list for the next key's. */
function movesComment(change: Change, theirs: Result, own: Result): boolean {
  if (change.kind !== "set" || !/^[{[]/.test(change.value) || !theirs.ok || !own.ok) return false
  const comments = ({ bytes }: Result & { ok: true }): string =>
    [...bytes.toString().matchAll(/(?:^ *|[ \t])(#.*)$/gm)]
      .map(([, comment = ""]) => comment.trim())
      .toSorted()
      .join("\n")
  if (withoutComments(theirs) !== withoutComments(own) || comments(theirs) !== comments(own)) return false
  count("sops errs: the comment of a value that set made a map or a list goes to the next key")
  return true
}

const firstSeed = Number(options.seed)
for (let seed = firstSeed; seed < firstSeed + Number(options.cases); seed++) {
  await runCase(seed)
  rmSync(join(work, String(seed)), { recursive: true, force: true })
  rmSync(join(work, `${seed}-changed`), { recursive: true, force: true })
}
rmSync(work, { recursive: true, force: true })
for (const [what, number] of [...counts].sort()) console.log(`${String(number).padStart(6)} ${what}`)
console.log(`${options.cases} cases, ${differences} differences`)
process.exitCode = differences === 0 ? 0 : 1
