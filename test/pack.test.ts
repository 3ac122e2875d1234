/**
 * The package as others get it: packed, installed into an empty folder, and used from there. The repository's own dist/ is left alone,
 * since other tests run from it.
 */
import { execFile } from "node:child_process"
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { build } from "esbuild"
import { afterAll, beforeAll, describe, expect, it } from "vitest"

const root = new URL("..", import.meta.url).pathname
const source = mkdtempSync(join(tmpdir(), "ts-age-yk-pack-"))
const consumer = mkdtempSync(join(tmpdir(), "ts-age-yk-consumer-"))
const vectors = join(root, "test/vectors/yubikey")

type Outcome = Readonly<{ code: number; stdout: string; stderr: string }>

function run(
  [program, ...args]: readonly [string, ...string[]],
  { cwd = consumer, env = {}, input }: { cwd?: string; env?: Record<string, string>; input?: string } = {},
): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = execFile(
      program,
      args,
      { cwd, env: { ...process.env, ...env }, timeout: 50_000 },
      (failure, stdout, stderr) => {
        resolve({ code: failure === null ? 0 : typeof failure.code === "number" ? failure.code : 255, stdout, stderr })
      },
    )
    child.stdin?.on("error", () => undefined)
    child.stdin?.end(input)
  })
}

/** A program of the installed package. */
const bin = (name: string): string => join(consumer, "node_modules/.bin", name)

beforeAll(async () => {
  for (const part of [
    "src",
    "scripts",
    "docs",
    "package.json",
    "README.md",
    "CHANGELOG.md",
    "LICENSE",
    "tsconfig.json",
  ])
    cpSync(join(root, part), join(source, part), { recursive: true })
  cpSync(join(root, "tsconfig.build.json"), join(source, "tsconfig.build.json"))
  symlinkSync(join(root, "node_modules"), join(source, "node_modules"))
  writeFileSync(join(consumer, "package.json"), JSON.stringify({ private: true, type: "module" }))
  const built = await run([process.execPath, "scripts/build.js"], { cwd: source })
  expect(built, built.stdout + built.stderr).toMatchObject({ code: 0 })
  const packed = await run(["npm", "pack", "--ignore-scripts", "--json"], { cwd: source })
  const [{ filename }] = JSON.parse(packed.stdout) as [{ filename: string }]
  const install = ["install", "--no-audit", "--no-fund", "--ignore-scripts", "--omit=optional", "--prefer-offline"]
  const installed = await run(["npm", ...install, join(source, filename)])
  expect(installed, installed.stderr).toMatchObject({ code: 0 })
}, 400_000)

afterAll(() => {
  rmSync(source, { recursive: true, force: true })
  rmSync(consumer, { recursive: true, force: true })
})

describe("the package, installed with its dependencies from the registry or npm's cache", () => {
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string }

  it("has its three programs on the PATH of scripts", async () => {
    expect(await run([bin("ts-age-yk"), "--version"])).toMatchObject({ code: 0, stdout: `ts-age-yk ${version}\n` })
    for (const plugin of ["age-plugin-yubikey", "age-plugin-tag"])
      expect(await run([bin(plugin), "--version"])).toMatchObject({
        code: 0,
        stdout: `age-plugin-yubikey ${version}\n`,
      })
  })

  it("opens real files with a virtual YubiKey, without pcsclite", async () => {
    expect(
      await run([bin("ts-age-yk"), "virtual", "new", "keys", "--cards", join(vectors, "cards.json")]),
    ).toMatchObject({
      code: 0,
    })
    const unlock = ["--reader", "virtual:keys/27205443.json", "--pin-command", "echo 123456"]
    const file = join(vectors, "repo/secrets/app0.yaml")
    const opened = await run([bin("ts-age-yk"), "decrypt", ...unlock, file])
    expect(opened.stdout).toMatch(/^user: /)
  })

  it("says what to install where a card is wanted and pcsclite is not there", async () => {
    const outcome = await run([bin("ts-age-yk"), "identities"], { env: { TS_AGE_YK_READER: "" } })
    expect(outcome.code).toBe(5)
    expect(outcome.stderr).toMatch(/hint: .*(pcsclite|libpcsclite)/)
  })

  it("wraps a file key as a plugin", async () => {
    const recipient = "age1yubikey1qwt50d05nh5vutpdzmlg5wn80xq5negm4uj9ghv0snvdd3yysf5yw3rhl3t"
    const client = `-> add-recipient ${recipient}\n\n-> wrap-file-key\n${"A".repeat(22)}\n-> done\n\n-> ok\n\n`
    const outcome = await run([bin("age-plugin-yubikey"), "--age-plugin=recipient-v1"], { input: client })
    expect(outcome.stdout).toMatch(/^-> recipient-stanza 0 piv-p256 \S{6} \S{44}\n\S{43}\n/)
  })

  it("is used from its three entries", async () => {
    writeFileSync(
      join(consumer, "use.js"),
      `import { readFile } from "node:fs/promises"
       import { Decrypter, Encrypter } from "age-encryption"
       import { Attendant, decryptAge, decryptSops, toTypageIdentity, UnlockSession, YubiKeys } from "ts-age-yk"
       import { toTypageRecipient, YubiKeyRecipient } from "ts-age-yk/recipients"
       import { loadCards, VirtualCard, virtualReader } from "ts-age-yk/virtual"
       const vectors = process.argv[2]
       const cards = loadCards(JSON.parse(await readFile(vectors + "/cards.json", "utf8")))
       const readers = cards.map((state) => virtualReader(new VirtualCard(state, { touch: "auto" })))
       const pins = { from: "program", keyed: false, pin: async () => "123456" }
       const keys = () => new YubiKeys({ readers: async () => readers, attendant: new Attendant(pins, () => () => undefined) })
       await using session = new UnlockSession({ identities: [], yubiKeys: keys() })
       const print = (bytes) => console.log(Buffer.from(bytes).toString().trim())
       print(await decryptAge(await readFile(vectors + "/age/piv-one.age"), (stanzas) => session.open(stanzas)))
       print(await decryptSops(await readFile(vectors + "/repo/secrets/app.txt"), session, { path: "app.txt" }))
       const decrypter = new Decrypter()
       await using own = keys()
       decrypter.addIdentity(toTypageIdentity(own))
       print(await decrypter.decrypt(await readFile(vectors + "/age/tag-one.age")))
       const encrypter = new Encrypter()
       encrypter.addRecipient(toTypageRecipient(YubiKeyRecipient.parse(process.argv[3])))
       print(await decrypter.decrypt(await encrypter.encrypt("there and back")))`.replace(
        /await using (\w+)/g,
        "const $1",
      ),
    )
    const [{ recipient }] = (
      JSON.parse(readFileSync(join(vectors, "cards.json"), "utf8")) as {
        keys: [{ recipient: string }]
      }
    ).keys
    const outcome = await run([process.execPath, "use.js", vectors, recipient])
    expect(outcome.stderr).toBe("")
    expect(outcome.stdout.split("\n")).toEqual(["one recipient", expect.any(String), "p256tag", "there and back", ""])
  })

  it("has types that a strict program compiles with, as all examples of docs/library.md do", async () => {
    const examples = Array.from(readFileSync(join(root, "docs/library.md"), "utf8").matchAll(/```ts\n([\s\S]*?)```/g))
    expect(examples.length).toBeGreaterThan(2)
    for (const [index, [, code = ""]] of examples.entries()) writeFileSync(join(consumer, `example-${index}.ts`), code)
    const options = { target: "ES2023", module: "nodenext", strict: true, skipLibCheck: false, noEmit: true }
    writeFileSync(
      join(consumer, "tsconfig.json"),
      JSON.stringify({
        compilerOptions: {
          ...options,
          lib: ["ES2023", "ESNext.Disposable", "DOM"],
          types: ["node"],
          typeRoots: [join(root, "node_modules/@types")],
        },
        include: ["*.ts"],
      }),
    )
    // The types are not any: where no error is, the expectation of one is an error.
    writeFileSync(
      join(consumer, "wrong.ts"),
      'import { version } from "ts-age-yk"\n// @ts-expect-error: it is a text\nexport const wrong: number = version\n',
    )
    const tsc = join(root, "node_modules/typescript/bin/tsc")
    expect(await run([process.execPath, tsc, "-p", "."])).toMatchObject({ code: 0, stdout: "" })
  })

  it("gives recipients that a browser's bundle takes, without a module of Node", async () => {
    writeFileSync(join(consumer, "browser.js"), 'export * from "ts-age-yk/recipients"\n')
    const bundle = await build({
      absWorkingDir: consumer,
      entryPoints: ["browser.js"],
      bundle: true,
      platform: "browser",
      format: "esm",
      metafile: true,
      write: false,
      logLevel: "silent",
    })
    const imports = Object.values(bundle.metafile.outputs).flatMap((output) => output.imports.map(({ path }) => path))
    expect(imports.filter((path) => !path.startsWith("./"))).toEqual([])
    expect(bundle.outputFiles[0]?.text).not.toMatch(/["']node:|\bBuffer\b|\brequire\(/)
  })
})
