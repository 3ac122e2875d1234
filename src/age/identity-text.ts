/** What identities look like, for whoever finds one in the place of a recipient. */

/** Whether a string is an identity, `AGE-SECRET-KEY-…` or `AGE-PLUGIN-…`, in whichever case. */
export function isIdentityText(text: string): boolean {
  return /^age-(secret-key|plugin)-/i.test(text)
}
