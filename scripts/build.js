// Builds dist/: the programs as bundles that start fast, the library entries, and the types.
import { execFileSync } from "node:child_process"
import { chmodSync, rmSync } from "node:fs"
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

const programs = {
  ...common,
  banner: {
    js: "#!/usr/bin/env node\nimport{createRequire as nodeCreateRequire}from'node:module';const require=nodeCreateRequire(import.meta.url);",
  },
  external: ["pcsclite"],
  legalComments: "linked",
  minify: true,
  splitting: true,
}

/** src/cli/decrypt-program.ts is bundled apart, and loaded by the name that it has in dist/. */
const decryptApart = {
  name: "decrypt-apart",
  setup: (build) => {
    build.onResolve({ filter: /\/decrypt-program\.ts$/ }, () => ({ path: "./decrypt.js", external: true }))
  },
}

// The programs carry their dependencies: reading a few files is faster than resolving many. pcsclite is native and optional.
// What two programs of one build share goes into files of its own, so what starts often has a build of its own.
for (const [name, entry] of Object.entries({ cli: "cli", decrypt: "decrypt-program", plugin: "plugin" }))
  await build({
    ...programs,
    entryPoints: { [name]: `src/cli/${entry}.ts` },
    chunkNames: `chunks/${name}-[name]-[hash]`,
    plugins: name === "cli" ? [decryptApart] : [],
  })

for (const program of ["cli", "plugin"]) chmodSync(new URL(`../dist/${program}.js`, import.meta.url), 0o755)

if (!programsOnly) {
  // The library shares its dependencies with the program that uses it.
  const library = { ...common, packages: "external", chunkNames: "chunks/lib-[name]-[hash]", splitting: true }
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
}
