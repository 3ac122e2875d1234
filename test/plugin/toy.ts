/** The toy plugin, built; and other programs in its place. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { build } from "esbuild"
import { decodeBech32 } from "../../src/age/bech32.ts"
import { encodePluginIdentity, encodePluginRecipient } from "../../src/age/plugin-name.ts"
import { X25519Identity } from "../../src/age/x25519.ts"

/** A key of the toy plugin. */
export function toyKey(): { recipient: string; identity: string } {
  const own = X25519Identity.generate()
  const data = (text: string): Uint8Array => decodeBech32(text)?.bytes ?? new Uint8Array(0)
  return {
    recipient: encodePluginRecipient("toy", data(own.recipient.text)),
    identity: encodePluginIdentity("toy", data(own.revealText())),
  }
}

/** A folder for programs, which goes with `remove`. */
export function programs(): { folder: string; script(name: string, text: string): void; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), "ts-age-yk-plugins-"))
  mkdirSync(folder, { recursive: true })
  return {
    folder,
    script: (name, text) => {
      const file = join(folder, name)
      writeFileSync(file, text)
      chmodSync(file, 0o755)
    },
    remove: () => {
      rmSync(folder, { recursive: true })
    },
  }
}

/** Builds `age-plugin-toy` into a folder. */
export async function buildToy(folder: string): Promise<void> {
  const file = join(folder, "age-plugin-toy")
  await build({
    entryPoints: [new URL("fixtures/toy-plugin.ts", import.meta.url).pathname],
    outfile: file,
    bundle: true,
    platform: "node",
    target: "node20",
    format: "cjs",
    logLevel: "error",
    banner: { js: `#!${process.execPath}` },
  })
  chmodSync(file, 0o755)
}
