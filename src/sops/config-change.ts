/** The changes of keys that `.sops.yaml` can get, as values. */

/** Where a new key goes: wherever another one stands (a name, or a recipient that has none), or to the end of rules' lists. */
export type NewPlace = Readonly<
  { like: string } | { rules: readonly number[]; group: number | null; behind: string | null }
>

/** A change of keys. Names are anchors; `comment` stands without its `# `. */
export type ConfigChange = Readonly<
  | { kind: "add"; name: string; recipient: string; comment: string | null; place: NewPlace }
  | { kind: "remove"; name: string }
  | { kind: "rename"; name: string; to: string }
  | { kind: "replace"; name: string; recipient: string }
>

/** What anchors are made of. [YAML 1.1] 3.2.2.2, as libyaml narrows it */
export const anchorName = /^[A-Za-z0-9_-]+$/

/** The way out that every refusal names. */
export function byHand(change: ConfigChange): string {
  switch (change.kind) {
    case "add":
      return `by hand: "- &${change.name} ${change.recipient}" beside the other keys, "*${change.name}" in each rule's list that it shall read; then ts-age-yk rekey`
    case "remove":
      return `by hand: take "&${change.name} …" and every "*${change.name}" out; then ts-age-yk rekey`
    case "rename":
      return `by hand: "&${change.to}" and "*${change.to}" in the place of "&${change.name}" and "*${change.name}"`
    case "replace":
      return `by hand: "&${change.name} ${change.recipient}"; then ts-age-yk rekey`
  }
}
