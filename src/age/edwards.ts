/** Ed25519 keys as X25519 keys. [RFC 7748] 4.1, [RFC 8032] 5.1.3 and 5.1.5. */
import { createHash } from "node:crypto"

const p = 2n ** 255n - 19n

function mod(value: bigint): bigint {
  const rest = value % p
  return rest < 0n ? rest + p : rest
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n
  for (let square = mod(base), bits = exponent; bits > 0n; bits >>= 1n) {
    if ((bits & 1n) === 1n) result = mod(result * square)
    square = mod(square * square)
  }
  return result
}

/** By Euclid's algorithm, which takes fewer steps than Fermat's power; 0 has none, and gives 0. */
function inverse(value: bigint): bigint {
  let [a, b, x, y] = [mod(value), p, 1n, 0n]
  while (b > 0n) {
    const quotient = a / b
    ;[a, b, x, y] = [b, a - quotient * b, y, x - quotient * y]
  }
  return mod(x)
}

/** [RFC 8032] 5.1: d = -121665/121666. */
const d = mod(-121665n * inverse(121666n))

/**
 * The X25519 public key of an Ed25519 one: u = (1 + y) / (1 - y). Public keys only: it does not take constant time.
 * @param point - 32 bytes
 * @returns 32 bytes, or null when they are no point on the curve
 */
export function edwardsToMontgomery(point: Uint8Array): Uint8Array<ArrayBuffer> | null {
  if (point.length !== 32) return null
  const bytes = point.slice().reverse()
  // The top bit is the sign of x, which u does not depend on.
  bytes[0] = (bytes[0] ?? 0) & 0x7f
  const y = mod(BigInt(`0x${Buffer.from(bytes).toString("hex")}`))
  // x² = (y² - 1) / (d y² + 1) must have a root, which it has where the product has one: Euler's criterion.
  const product = mod((y * y - 1n) * (d * y * y + 1n))
  if (product !== 0n && power(product, (p - 1n) / 2n) !== 1n) return null
  const u = mod((1n + y) * inverse(1n - y))
  return new Uint8Array(Buffer.from(u.toString(16).padStart(64, "0"), "hex").reverse())
}

/**
 * The X25519 scalar of an Ed25519 seed: the lower half of its SHA-512, not clamped.
 * @param seed - 32 bytes
 * @returns 32 bytes, to be zeroed by the caller
 */
export function edwardsScalar(seed: Uint8Array): Uint8Array<ArrayBuffer> {
  const hash = createHash("sha512").update(seed).digest()
  const scalar = Uint8Array.from(hash.subarray(0, 32))
  hash.fill(0)
  return scalar
}
