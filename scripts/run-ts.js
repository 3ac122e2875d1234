// Runs a TypeScript program of this repository: node scripts/run-ts.js scripts/differential.ts --cases 100
import { mkdirSync, readFileSync } from "node:fs"
import { basename, join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { build } from "esbuild"

const root = fileURLToPath(new URL("..", import.meta.url))
const [program, ...rest] = process.argv.slice(2)
const folder = join(root, "node_modules/.cache/run-ts")
const outfile = join(folder, `${basename(program, ".ts")}-${process.pid}.mjs`)
mkdirSync(folder, { recursive: true })

/** In one bundle, every module would have the bundle's import.meta.url. */
function giveModulesTheirOwnUrl({ onLoad }) {
  onLoad({ filter: /\.ts$/ }, ({ path }) => ({
    contents: readFileSync(path, "utf8").replaceAll("import.meta.url", JSON.stringify(pathToFileURL(path).href)),
    loader: "ts",
  }))
}

await build({
  absWorkingDir: root,
  bundle: true,
  entryPoints: [program],
  format: "esm",
  logLevel: "warning",
  outfile,
  packages: "external",
  platform: "node",
  plugins: [{ name: "own-url", setup: giveModulesTheirOwnUrl }],
  target: "node20",
})
process.argv = [process.argv[0], program, ...rest]
await import(pathToFileURL(outfile).href)
