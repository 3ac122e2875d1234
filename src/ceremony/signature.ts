/**
 * Signatures under a transcript: a line that signs the hash of the line before it, and by the chain all that came before. By an SSH key,
 * through `ssh-keygen -Y` ([PROTOCOL.sshsig]), or by the P-256 key in a YubiKey's slot 9c.
 */

import { execFile } from "node:child_process"
import { createHash, createPublicKey, verify } from "node:crypto"
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { p256Decompress } from "#primitives"
import { printable } from "../quote.ts"
import { SigningFailed } from "./failures.ts"
import { parseTranscript, type TranscriptEvent } from "./transcript.ts"

/** What signatures are made for: one for another purpose does not count. */
const namespace = "ts-age-yk-transcript"

/** The bytes that are signed: they name their purpose. @param head - hash of the last line */
export function signedBytes(head: string): Uint8Array {
  return Buffer.from(`${namespace}\n${head}\n`)
}

/** The digest that a YubiKey signs. */
export function signedDigest(head: string): Uint8Array {
  return new Uint8Array(createHash("sha256").update(signedBytes(head)).digest())
}

/** The line for a YubiKey's signature. @param point - compressed, 33 bytes. @param signature - DER */
export function yubiKeySignature(
  serial: number | null,
  slot: string,
  point: Uint8Array,
  signature: Uint8Array,
): TranscriptEvent {
  return {
    event: "signature",
    by: "yubikey",
    serial,
    slot,
    publicKey: Buffer.from(point).toString("hex"),
    signature: Buffer.from(signature).toString("base64"),
  }
}

type Ran = Readonly<{ status: number; output: string }>

function sshKeygen(args: readonly string[], input: Uint8Array): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = execFile("ssh-keygen", [...args], { encoding: "utf8" }, (failure, stdout, stderr) => {
      if (failure !== null && typeof failure.code !== "number")
        reject(new SigningFailed("ssh-keygen cannot be run", "install OpenSSH's client", failure))
      else resolve({ status: failure === null ? 0 : Number(failure.code), output: failure === null ? stdout : stderr })
    })
    // Not every use of it reads what it is given.
    child.stdin?.on("error", () => undefined)
    child.stdin?.end(input)
  })
}

/** Has ssh-keygen sign the head with a key file, whose passphrase it asks for itself. @throws SigningFailed */
export async function signWithSsh(head: string, keyFile: string): Promise<TranscriptEvent> {
  const folder = await mkdtemp(join(tmpdir(), "ts-age-yk-sign-"))
  try {
    const file = join(folder, "head")
    await writeFile(file, signedBytes(head))
    const { status, output } = await sshKeygen(["-Y", "sign", "-n", namespace, "-f", keyFile, file], new Uint8Array())
    if (status !== 0)
      throw new SigningFailed(
        `ssh-keygen does not sign: ${printable(output.trim())}`,
        `try the key by itself: ssh-keygen -y -f ${printable(keyFile)}`,
      )
    return { event: "signature", by: "ssh", signature: await readFile(`${file}.sig`, "utf8") }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** What a signature line proves. `signer`: who, as far as it is known. */
export type SignatureCheck = Readonly<{ line: number; valid: boolean; signer: string }>

/**
 * Checks the signatures of a record whose chain is whole.
 * @param allowedSigners - a file as `ssh-keygen -Y verify` takes it; without it, an SSH signature is checked, and its signer is not known
 */
export async function checkSignatures(
  lines: readonly string[],
  allowedSigners: string | null,
): Promise<SignatureCheck[]> {
  const checks: SignatureCheck[] = []
  for (const [index, line] of parseTranscript(lines).entries()) {
    if (line.event !== "signature") continue
    const signature = String(line["signature"])
    const check =
      line["by"] === "yubikey"
        ? checkYubiKey(line.previous, String(line["publicKey"]), signature, line["serial"])
        : await checkSsh(line.previous, signature, allowedSigners)
    checks.push({ line: index + 1, ...check })
  }
  return checks
}

function checkYubiKey(
  head: string,
  publicKey: string,
  signature: string,
  serial: unknown,
): Omit<SignatureCheck, "line"> {
  const signer = `YubiKey ${typeof serial === "number" ? serial : ""}, key ${publicKey.slice(0, 16)}…`
  const point = p256Decompress(Uint8Array.from(Buffer.from(publicKey, "hex")))
  if (point === null) return { valid: false, signer }
  const key = createPublicKey({
    format: "jwk",
    key: {
      kty: "EC",
      crv: "P-256",
      x: Buffer.from(point.subarray(1, 33)).toString("base64url"),
      y: Buffer.from(point.subarray(33)).toString("base64url"),
    },
  })
  return { valid: verify("sha256", signedBytes(head), key, Buffer.from(signature, "base64")), signer }
}

async function checkSsh(
  head: string,
  signature: string,
  allowedSigners: string | null,
): Promise<Omit<SignatureCheck, "line">> {
  const folder = await mkdtemp(join(tmpdir(), "ts-age-yk-verify-"))
  try {
    const file = join(folder, "signature")
    await writeFile(file, signature)
    if (allowedSigners === null) {
      const { status, output } = await sshKeygen(
        ["-Y", "check-novalidate", "-n", namespace, "-s", file],
        signedBytes(head),
      )
      return { valid: status === 0, signer: /key (SHA256:\S+)/.exec(output)?.[1] ?? "unknown" }
    }
    const found = await sshKeygen(["-Y", "find-principals", "-s", file, "-f", allowedSigners], new Uint8Array())
    const principal = found.output.split("\n")[0]?.trim() ?? ""
    if (found.status !== 0 || principal === "") return { valid: false, signer: "nobody of the allowed signers" }
    const args = ["-Y", "verify", "-n", namespace, "-s", file, "-f", allowedSigners, "-I", principal]
    return { valid: (await sshKeygen(args, signedBytes(head))).status === 0, signer: principal }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
