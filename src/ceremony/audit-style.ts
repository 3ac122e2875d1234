/** The looks of the audit's page: one sheet for screens in light and dark, for narrow ones, and for paper. Contrast is AA or better. */
export const auditStyle = `
:root {
  color-scheme: light dark;
  --page: #ffffff; --text: #1b1f24; --quiet: #57606a; --line: #d0d7de; --panel: #f6f8fa; --head: #eaeef2;
  --link: #0a5cb8; --good: #116329; --good-back: #dff5e3; --bad: #a40e26; --bad-back: #ffe3e6;
  --warn: #7a4b00; --warn-back: #fff2cf; --some: #4c2889; --some-back: #efe5ff;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --page: #0f1419; --text: #e6e9ec; --quiet: #a3adb8; --line: #38424d; --panel: #171e26; --head: #202a34;
    --link: #7cb7ff; --good: #7ee29a; --good-back: #12351e; --bad: #ff9aa5; --bad-back: #471a20;
    --warn: #ffd27a; --warn-back: #3d2c06; --some: #d5bdff; --some-back: #2f2148;
  }
}
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body { margin: 0; background: var(--page); color: var(--text); font: 16px/1.5 system-ui, sans-serif; }
header, main, footer { max-width: 82rem; margin: 0 auto; padding: 0 1.25rem; }
header { padding-top: 1.5rem; }
footer { padding-bottom: 2rem; color: var(--quiet); font-size: .875rem; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 .25rem; }
h2 { font-size: 1.3rem; line-height: 1.25; margin: 2.5rem 0 .75rem; padding-top: .5rem; border-top: 1px solid var(--line); }
p, ul { margin: .5rem 0; max-width: 48rem; }
ul { padding-left: 1.25rem; }
a { color: var(--link); }
code, .mono { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: .875em; overflow-wrap: anywhere; }
.quiet { color: var(--quiet); }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.skip { position: absolute; left: -100vw; top: 0; padding: .5rem 1rem; background: var(--page); z-index: 3; }
.skip:focus { left: 0; }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
nav ul { list-style: none; display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; padding: 0; max-width: none; }
.sums { display: grid; grid-template-columns: repeat(auto-fit, minmax(10rem, 1fr)); gap: .75rem; margin: 1.25rem 0 0; }
.sums div { background: var(--panel); border: 1px solid var(--line); border-radius: .5rem; padding: .6rem .9rem; }
.sums dt { color: var(--quiet); font-size: .875rem; }
.sums dd { margin: 0; font-size: 1.5rem; font-weight: 650; line-height: 1.3; }
.sums .bad dd { color: var(--bad); }
.sums .good dd { color: var(--good); }
.scroll { overflow: auto; border: 1px solid var(--line); border-radius: .5rem; margin: .75rem 0; }
.scroll.tall { max-height: 85vh; }
table { border-collapse: separate; border-spacing: 0; width: 100%; font-size: .9375rem; }
.matrix table { width: auto; }
.matrix .scroll { width: fit-content; max-width: 100%; }
caption { text-align: left; padding: .6rem .75rem; color: var(--quiet); font-size: .875rem; }
.scroll code { overflow-wrap: break-word; }
caption span { position: sticky; left: .75rem; display: inline-block; max-width: calc(100vw - 4rem); }
th, td { min-width: 6.5rem; text-align: left; vertical-align: top; padding: .35rem .75rem; border-top: 1px solid var(--line); font-weight: 400; }
thead th { background: var(--head); font-weight: 600; vertical-align: bottom; }
tbody th { background: var(--page); min-width: 11rem; }
.matrix .key, .matrix .cell { min-width: 2.6rem; }
.matrix thead th { position: sticky; top: 0; z-index: 2; }
.matrix tbody th, .matrix thead th:first-child { position: sticky; left: 0; z-index: 1; max-width: 24rem; overflow-wrap: anywhere; border-right: 1px solid var(--line); }
.matrix thead th:first-child { z-index: 3; }
.matrix .key { padding: .6rem .15rem; text-align: center; }
.matrix .key span { display: inline-block; writing-mode: vertical-rl; transform: rotate(180deg); max-height: 8.5rem; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.matrix td.cell { text-align: center; padding: .35rem .15rem; border-left: 1px solid var(--line); font-weight: 700; }
.matrix tbody tr:hover th, .matrix tbody tr:hover td { background: var(--panel); }
.matrix tbody tr td.alone, .tag.good { background: var(--good-back); color: var(--good); }
.matrix tbody tr td.others, .tag.some { background: var(--some-back); color: var(--some); }
.matrix tbody tr td.extra, .tag.bad { background: var(--bad-back); color: var(--bad); }
.matrix tbody tr td.lacks, .tag.warn { background: var(--warn-back); color: var(--warn); }
.matrix td.none { color: var(--quiet); font-weight: 400; }
.tag { display: inline-block; border-radius: .3rem; padding: 0 .4rem; font-size: .875rem; font-weight: 600; white-space: nowrap; }
.legend { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .35rem 1.25rem; max-width: none; }
.legend b { display: inline-block; min-width: 1.9rem; text-align: center; border-radius: .3rem; margin-right: .4rem; }
.legend .alone { background: var(--good-back); color: var(--good); }
.legend .others { background: var(--some-back); color: var(--some); }
.legend .extra { background: var(--bad-back); color: var(--bad); }
.legend .lacks { background: var(--warn-back); color: var(--warn); }
details { border: 1px solid var(--line); border-radius: .5rem; margin: .6rem 0; background: var(--panel); }
summary { cursor: pointer; padding: .6rem .9rem; font-weight: 600; }
details > .scroll { border: 0; border-top: 1px solid var(--line); border-radius: 0 0 .5rem .5rem; margin: 0; background: var(--page); }
details > :is(p, ul) { margin-left: .9rem; margin-right: .9rem; }
@media (max-width: 40rem) {
  body { font-size: 15px; }
  header, main, footer { padding-left: .8rem; padding-right: .8rem; }
  .sums { grid-template-columns: repeat(2, 1fr); }
  .matrix tbody th, .matrix thead th:first-child { min-width: 8rem; max-width: 42vw; }
  th, td { padding: .3rem .5rem; }
  tbody th { min-width: 8.5rem; }
}
@media print {
  body, table { font-size: 9pt; }
  header, main, footer { max-width: none; padding: 0; }
  nav, .skip { display: none; }
  .scroll, .scroll.tall { overflow: visible; max-height: none; border: 0; }
  .matrix thead th, .matrix tbody th, .matrix thead th:first-child { position: static; }
  th, td, tbody th { min-width: 0; padding: .2rem .4rem; }
  .matrix .key, .matrix .cell { min-width: 1.4rem; }
  tr, .sums div { break-inside: avoid; }
  h2, caption, summary { break-after: avoid; }
  details::details-content { content-visibility: visible; block-size: auto; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
`
