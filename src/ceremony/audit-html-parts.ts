/** Pieces of HTML that cannot be broken by what stands in them. */
import { printable } from "../quote.ts"

/** Markup. Only `html` and what is made of it gives one, so that no text gets in unescaped. */
export type Html = Readonly<{ html: string }>

/** Text as HTML has it, and without what would hide or reverse it. */
export function escape(text: string): string {
  return printable(text).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}

/** Markup with texts in it: each is escaped, other markup is taken as it is. */
export function html(parts: TemplateStringsArray, ...values: readonly (string | number | Html)[]): Html {
  const filled = values.map((value) => (typeof value === "object" ? value.html : escape(String(value))))
  return { html: parts.map((part, index) => part + (filled[index] ?? "")).join("") }
}

export function join(pieces: readonly Html[]): Html {
  return { html: pieces.map((piece) => piece.html).join("") }
}

/** What may be wider than the screen: it scrolls by itself, also by keyboard. */
export function region(label: string, content: Html, looks = ""): Html {
  return html`<div class="scroll ${looks}" role="region" aria-label="${label}" tabindex="0">${content}</div>
`
}

/** A table with a caption, whose first column says what each row is about. */
export function tableOf(caption: string, heads: readonly string[], rows: readonly (readonly Html[])[]): Html {
  const head = join(heads.map((text) => html`<th scope="col">${text}</th>`))
  const body = rows.map(([first, ...rest]) => {
    const cells = join(rest.map((cell) => html`<td>${cell}</td>`))
    return html`<tr><th scope="row">${first ?? html``}</th>${cells}</tr>
`
  })
  return region(
    caption,
    html`<table>
<caption><span>${caption}</span></caption>
<thead><tr>${head}</tr></thead>
<tbody>${join(body)}</tbody>
</table>`,
  )
}
