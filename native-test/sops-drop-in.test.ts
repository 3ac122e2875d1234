/** `ts-age-yk sops …` beside the real sops: the same command lines in two like folders give the same output, exit code and files. */
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { beforeAll, describe, expect, it } from "vitest"
import { X25519Identity } from "../src/age/x25519.ts"
import { type Outcome, peers, run, scratch } from "./harness.ts"

const program = new URL("../dist/cli.js", import.meta.url).pathname
const place = scratch()
const [first, second] = [X25519Identity.generate(), X25519Identity.generate()]
const [r1, r2] = [first.recipient.text, second.recipient.text]
const env = { SOPS_AGE_KEY: `${first.revealText()}\n${second.revealText()}`, HOME: place }
const model = join(place, "model")
const programs = { theirs: join(place, "theirs"), ours: join(place, "ours") }

beforeAll(async () => {
  for (const folder of [model, programs.theirs, programs.ours]) mkdirSync(folder)
  symlinkSync(join(peers, "bin", "sops"), join(programs.theirs, "sops"))
  writeFileSync(join(programs.ours, "sops"), `#!/bin/sh\nexec "${process.execPath}" "${program}" sops "$@"\n`)
  chmodSync(join(programs.ours, "sops"), 0o755)
  writeFileSync(join(model, ".sops.yaml"), `creation_rules:\n  - age: ${r1}\n`)
  writeFileSync(join(model, "p.yaml"), "a:\n    b: 1\n    c: [x, y]\n")
  writeFileSync(join(model, "p.json"), '{"a": {"b": [1, 2]}}')
  writeFileSync(join(model, "p.env"), "A=1\nB=x y\n")
  writeFileSync(join(model, "editor"), '#!/bin/sh\ncat "$1" > seen\nsed -i s/x$/z/ "$1"\n')
  chmodSync(join(model, "editor"), 0o755)
  for (const format of ["yaml", "json", "env"])
    writeFileSync(join(model, `e.${format}`), (await runIn(model, "theirs", `sops encrypt p.${format}`)).stdout)
  writeFileSync(join(model, "q.yaml"), (await runIn(model, "theirs", `sops groups add -f e.yaml --age ${r2}`)).stdout)
})

function runIn(cwd: string, whose: keyof typeof programs, line: string): Promise<Outcome> {
  const path = `${programs[whose]}:${process.env["PATH"] ?? ""}`
  return run("sh", ["-c", line], { cwd, env: { ...env, PATH: path, EDITOR: join(cwd, "editor") } })
}

/** Without what is new with each encryption. */
function settled(text: string): string {
  return text
    .replaceAll(/ENC\[[^\]]*\]/g, "ENC")
    .replaceAll(/-----BEGIN AGE[^-]*-----[^-]*-----END AGE[^-]*-----/g, "AGE")
    .replaceAll(/("?lastmodified"?)(: |=)"?\S+Z"?/g, "$1")
}

let count = 0

/** What a command line prints and leaves, in a folder of its own. */
async function effect(whose: keyof typeof programs, line: string) {
  const folder = join(place, String(count++))
  cpSync(model, folder, { recursive: true })
  chmodSync(folder, 0o755)
  const { code, stdout } = await runIn(folder, whose, line)
  const files = readdirSync(folder).map((name) => [name, settled(readFileSync(join(folder, name), "utf8"))])
  return { code, stdout: settled(stdout), files: Object.fromEntries(files) as Record<string, string> }
}

describe("docs/sops.md", () => {
  const text = readFileSync(new URL("../docs/sops.md", import.meta.url), "utf8")
  const commands = ["", "encrypt", "decrypt", "edit", "set", "unset", "rotate", "updatekeys", "exec-env"]
    .concat(["exec-file", "filestatus", "groups add", "groups delete", "publish", "keyservice"])
    .map((command) => [`sops ${command}`.trimEnd()])

  it.each(commands)("names each option of %s", async (command) => {
    const { all } = await runIn(model, "theirs", `${command} --help`)
    const options = Array.from(all.matchAll(/^ +--([a-z-]+)/gm), ([, name = ""]) =>
      name.replace(/^(add|rm)-(?!age$)/, ""),
    )
    expect(options.length).toBeGreaterThan(0)
    expect(options.filter((name) => !text.includes(`\`--${name}\``))).toEqual([])
  })
})

describe("the same as with sops:", () => {
  it.each([
    `sops groups add -f e.yaml --age ${r2}`,
    `sops groups add -i --file e.yaml --age ${r1} --age ${r2}`,
    `sops groups add -f e.json --age ${r1},${r2}`,
    `sops groups add -f q.yaml --age ${r1} --shamir-secret-sharing-threshold 3`,
    "sops groups delete -f q.yaml 0",
    "sops groups delete -f q.yaml --shamir-secret-sharing-threshold 1 1",
    "sops --indent 2 decrypt e.yaml",
    "sops --indent 0 decrypt e.json",
    "sops --indent=-1 decrypt e.yaml",
    "sops --indent 2 encrypt p.yaml",
    "sops --indent 2 encrypt p.json",
    `sops --indent 2 set e.yaml '["z"]' '"v"'`,
    `sops --indent 2 unset e.yaml '["a"]["b"]'`,
    "sops --indent 2 rotate -i e.yaml",
    "sops --indent 2 e.yaml",
    "echo 'stores: {yaml: {indent: 2}}' >> .sops.yaml; sops decrypt e.yaml; sops --indent 5 -d e.yaml",
    "echo '    template: of-ours' >> .sops.yaml; sops encrypt p.yaml",
    "EDITOR=true sops -s e.yaml",
    "sops exec-env e.env 'echo $A $B'",
    "sops exec-env --background e.env 'echo $A > making; mv making made'; until [ -e made ]; do sleep 0.1; done",
    "sops exec-env --user nobody e.env 'id; echo $HOME $USER $LOGNAME $A'",
    `sops exec-env --pristine --user nobody e.env '/usr/bin/env | sort | grep -v PWD'`,
    `sops exec-file --no-fifo --user nobody e.env 'stat -c "%a %U %G" {}; cat {}'`,
    "sops exec-env --user no-such-user e.env id",
    "sops exec-file --filename ../x e.env 'ls {}'",
    "sops exec-file e.env 'exit 5'",
    "sops exec-env e.yaml true",
    "echo 'creation_rules: [' > .sops.yaml; sops encrypt p.yaml",
    "sops publish e.yaml",
    "sops",
    "sops -d",
    "sops decrypt none",
    "sops set none '[\"a\"]' 1",
    "sops filestatus none",
    "sops updatekeys -y none",
    "sops set e.yaml '[\"a\"' 1",
    "sops set e.yaml '[\"a\"]' '{'",
    'sops set e.yaml \'["a"]["b"]\' -5; sops -d e.yaml',
    "sops decrypt --extract '[\"a\"' e.yaml",
    `sops --set '["a"]["c"][1] "q"' e.yaml; sops -d e.yaml`,
    "sops decrypt -i --output x e.yaml",
    "cat e.yaml | sops decrypt --filename-override x.yaml",
    "cat e.yaml | sops decrypt --input-type yaml --output-type json",
    "EDITOR=/no/editor sops e.yaml",
    "sops -d -- e.yaml",
    "sops --decrypt=true --ignore-mac=false --enable-local-keyservice=true e.yaml",
    "sops -d --pgp '' --kms '' --aws-profile x --decryption-order age,pgp e.yaml",
    `sops -e --pgp '' --kms '' --age ${r2} --encryption-context a:b p.yaml`,
    "SOPS_CONFIG= sops -e p.yaml; sops --config '' -e p.yaml",
    "sops -d --input-type yml --output-type foo e.yaml",
    "sops -e --input-type binary p.yaml",
    "sops -e --input-type yaml --filename-override x.json p.yaml",
    "cat p.yaml | sops -e --input-type yaml /dev/stdin",
    "sops rotate --output-type json e.yaml; sops rotate --filename-override x.json e.yaml",
    "sops rotate -i --output x e.yaml; echo $?; sops rotate -i --rm-age nonsense e.yaml",
    "sops exec-env e.env echo hi; echo $?; sops unset e.yaml; echo $?; sops set e.yaml '[\"a\"]' 1 2",
    `rm editor; EDITOR="sh -c 'echo k: v > \\$1' --" sops --age ${r2} new.yaml; sops -d new.yaml`,
    `rm editor; EDITOR="sh -c 'echo k: v > \\$1' --" SOPS_AGE_RECIPIENTS=${r2} sops edit --encrypted-regex x new.yaml; cat new.yaml`,
    `sed -i 's/age: .*/&,${r2}/' .sops.yaml; yes | sops updatekeys e.yaml > /dev/null`,
    `sed -i 's/age: .*/&,${r2}/' .sops.yaml; sops updatekeys -y e.yaml p.yaml none.yaml e.json > /dev/null`,
    `sed -i 's/age: .*/&,${r2}/' .sops.yaml; echo n | sops updatekeys e.yaml > /dev/null`,
    `SOPS_AGE_KEY="# a file of keys
$SOPS_AGE_KEY" sops -d e.yaml`,
  ])("%s", async (line) => {
    expect(await effect("ours", line)).toEqual(await effect("theirs", line))
  })

  it("what -s has in the editor; what is typed there, sops loses", async () => {
    for (const name of ["e.yaml", "e.json", "e.env", "q.yaml"]) {
      const [ours, theirs] = [
        await effect("ours", `sops edit -s ${name}`),
        await effect("theirs", `sops edit -s ${name}`),
      ]
      expect(ours.files["seen"]).toBe(theirs.files["seen"])
      expect(ours.files["seen"]).toContain("sops")
    }
    const line = "sops edit -s e.yaml && sops -d e.yaml"
    expect((await effect("theirs", line)).stdout).toContain("- x\n")
    expect((await effect("ours", line)).stdout).toContain("- z\n")
  })
})

describe("git's driver", () => {
  it.each([
    { name: "s.yaml", before: "a: 1\nb: 1\n", merged: "a: x2\nb: x3\n" },
    { name: "s.json", before: '{"a": 1, "b": 1}', merged: '{\n\t"a": "x2",\n\t"b": "x3"\n}\n' },
    { name: "s.env", before: "a=1\nb=1\n", merged: "a=x2\nb=x3\n" },
  ])("merges what sops wrote on both sides of $name, and sops reads it", async ({ name, before, merged }) => {
    const folder = join(place, String(count++))
    mkdirSync(folder)
    writeFileSync(join(folder, ".sops.yaml"), `creation_rules:\n  - age: ${r1}\n`)
    writeFileSync(join(folder, name), before)
    const tool = join(folder, "tool")
    mkdirSync(tool)
    symlinkSync(program, join(tool, "ts-age-yk"))
    const { code, all } = await runIn(
      folder,
      "theirs",
      `set -e; export PATH="${tool}:$PATH"
       git init -q . && git config user.name T && git config user.email t@example.org && ts-age-yk git install '/s.*'
       sops encrypt -i ${name}; git add ${name} .gitattributes; git commit -qm base
       git checkout -q -b theirs; sops set ${name} '["b"]' '"x3"'; sops rotate -i --add-age ${r2} ${name}; git commit -qam theirs
       git checkout -q -; sops set ${name} '["a"]' '"x2"'; git commit -qam ours
       git merge -q --no-edit theirs`,
    )
    expect(code, all).toBe(0)
    for (const identity of [first, second]) {
      const read = await run("sops", ["decrypt", name], {
        cwd: folder,
        env: { ...env, SOPS_AGE_KEY: identity.revealText() },
      })
      expect(read.stdout, read.stderr).toBe(merged)
    }
  })
})
