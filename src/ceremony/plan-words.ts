/** A plan's hash in words, to be read aloud and compared: six of the 2,048 words of [BIP39], 66 bits. */
import { wordlist } from "@scure/bip39/wordlists/english.js"

const words = 6
const bitsPerWord = 11n

/** @param hash - in hex, at least 66 bits */
export function planWords(hash: string): string {
  const bits = BigInt(`0x${hash.slice(0, 20)}`) >> (80n - BigInt(words) * bitsPerWord)
  return Array.from({ length: words }, (_, index) => {
    const shift = BigInt(words - 1 - index) * bitsPerWord
    return wordlist[Number((bits >> shift) & ((1n << bitsPerWord) - 1n))] ?? ""
  }).join(" ")
}
