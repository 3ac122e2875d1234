// Builds dist/: the programs as bundles that start fast, the library entries, and the types.
import { execFileSync } from "node:child_process"
import { chmodSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { build } from "esbuild"

const root = new URL("..", import.meta.url).pathname
const common = {
  absWorkingDir: root,
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node20",
  outdir: "dist",
  logLevel: "warning",
}

/** `--programs`: only what is run, which takes a moment; the library and the types are for packing. */
const programsOnly = process.argv.includes("--programs")

// Whoever runs the programs meanwhile must find them: only what is packed is built in an empty folder.
if (!programsOnly) rmSync(new URL("../dist", import.meta.url), { recursive: true, force: true })

const dist = new URL("../dist/", import.meta.url)

const modules = { ...common, outExtension: { ".js": ".mjs" } }

/**
 * Modules of Node that bring much with them, and that most runs have no use for: they are loaded when something of theirs is first used,
 * not when a module that imports them is.
 */
const loadWhenUsed = {
  name: "load-when-used",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:(child_process|fs\/promises|net|os|tty)$/ }, ({ path, namespace }) =>
      namespace === "when-used" ? { path, external: true } : { path, namespace: "when-used" },
    )
    onLoad({ filter: /.*/, namespace: "when-used" }, async ({ path }) => ({
      contents: Object.keys(await import(path))
        .filter((name) => name !== "default")
        .map((name) => `Object.defineProperty(exports, "${name}", { get: () => require("${path}").${name} })`)
        .join("\n"),
    }))
  },
}

// The programs carry their dependencies: reading one file is faster than resolving many. pcsclite is native and optional.
const { metafile } = await build({
  ...common,
  entryPoints: ["src/cli/programs.ts"],
  entryNames: "[name]-[hash]",
  format: "cjs",
  // Where import() is not there, esbuild makes it require(), which a script that V8 keeps may call.
  supported: { "dynamic-import": false },
  outExtension: { ".js": ".cjs" },
  external: ["pcsclite"],
  plugins: [loadWhenUsed],
  legalComments: "linked",
  minify: true,
  metafile: true,
})
const script = Object.keys(metafile.outputs)
  .map((file) => file.replace("dist/", ""))
  .find((file) => file.endsWith(".cjs"))

const PROGRAMS = JSON.stringify(script)
// What ends in .js is CommonJS: as an ES module, an entry takes Node 5 ms longer even where it does nothing.
await build({
  ...common,
  format: "cjs",
  entryPoints: ["src/cli/cli.ts", "src/cli/plugin.ts"],
  banner: { js: "#!/usr/bin/env node" },
  define: { PROGRAMS, "import.meta.dirname": "__dirname" },
})
await build({ ...modules, entryPoints: ["src/cli/compile-programs.ts"], define: { PROGRAMS } })
writeFileSync(new URL("package.json", dist), '{ "type": "commonjs" }\n')
for (const program of ["cli", "plugin"]) chmodSync(new URL(`${program}.js`, dist), 0o755)
await import(new URL("compile-programs.mjs", dist))

// What an earlier build made; nobody finds it any more.
const stem = script.replace(".cjs", "")
for (const file of readdirSync(dist))
  if (file.startsWith("programs-") && !file.startsWith(stem)) rmSync(new URL(file, dist))

if (!programsOnly) {
  // The library shares its dependencies with the program that uses it.
  const library = { ...modules, packages: "external", chunkNames: "chunks/lib-[name]-[hash]", splitting: true }
  await build({ ...library, entryPoints: { index: "src/index.ts", virtual: "src/virtual/index.ts" } })

  // Recipients run in a browser: no module of Node in them.
  await build({
    ...library,
    splitting: false,
    entryPoints: { recipients: "src/recipients.ts" },
    platform: "neutral",
    alias: { "#primitives": "./src/age/primitives-noble.ts" },
  })

  execFileSync("npx", ["tsc", "-p", "tsconfig.build.json"], { cwd: root, stdio: "inherit" })
  writeFileSync(new URL("types/package.json", dist), '{ "type": "module" }\n')
}
