--- The style of a report in HTML: on a screen, light or dark as its reader has it; on paper.
--
-- Its hash is in the document's Content-Security-Policy, as the script's is. Bars are SVG: printers leave backgrounds out, and
-- the policy forbids `style` attributes.
-- @module aicc.jobs.report.style

local M = {}

--- Its SHA-256, as the policy has it.
M.HASH = "sha256-Ca1bvliXJ4QkAwoNVmslocdMkWkteS5yGLRv3O59sqw="

--- The style.
M.TEXT = [=[

:root {
  color-scheme: light dark;
  --ink: #1b2430; --soft: #566273; --line: #d9dee5; --paper: #ffffff; --page: #f4f6f8; --accent: #1f5fa8;
  --released: #1f7a53; --bound_again: #2f6db5; --not_bound: #8b95a3; --failed: #bf3229; --unknown: #945700;
  --left: #ffffff; --edge: #8b95a3;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #e4e8ee; --soft: #a3aebd; --line: #323a46; --paper: #1a1f27; --page: #12161c; --accent: #7fb2ec;
    --released: #49b385; --bound_again: #6ea3e6; --not_bound: #7c8796; --failed: #f07a70; --unknown: #e0a43c;
    --left: #1a1f27; --edge: #7c8796;
  }
}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
html { background: var(--page); }
body {
  margin: 0 auto; max-width: 74rem; padding: 2.5rem 1.5rem 3rem; color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "Noto Sans", "DejaVu Sans", Arial, sans-serif;
}
header p, h1, h2 { margin: 0; }
h1 { font-size: 1.9rem; line-height: 1.2; font-weight: 650; letter-spacing: -0.01em; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; font-weight: 650; margin-bottom: .75rem; }
.over { color: var(--soft); font-size: .85rem; letter-spacing: .04em; text-transform: uppercase; }
.verdict { font-size: 1.15rem; margin: .5rem 0 0; max-width: 52rem; }
.note, figcaption, footer { color: var(--soft); font-size: .87rem; }
section, .facts {
  background: var(--paper); border: 1px solid var(--line); border-radius: 6px; padding: 1.25rem 1.5rem; margin-top: 1.25rem;
}
p { margin: .4rem 0; }
dl.facts { display: flex; flex-wrap: wrap; gap: .5rem 2.5rem; padding-block: .9rem; }
dl.facts dt { color: var(--soft); font-size: .8rem; }
dl.facts dd { margin: 0; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: 1rem; margin: 0 0 1rem; }
.tiles div { border-left: 4px solid var(--edge); padding-left: .75rem; }
.tiles dt { color: var(--soft); }
.tiles dd { margin: 0; font-size: 1.6rem; line-height: 1.2; font-weight: 600; font-variant-numeric: tabular-nums; }
.tiles small { display: block; font-size: .85rem; font-weight: 400; color: var(--soft); }
.tiles .released { border-color: var(--released); }
.tiles .bound_again { border-color: var(--bound_again); }
.tiles .failed { border-color: var(--failed); }
.tiles .unknown { border-color: var(--unknown); }
.tiles .left { border-left-style: dotted; }
svg { display: block; width: 100%; }
svg.bar { height: 12px; border: 1px solid var(--edge); border-radius: 2px; }
svg.whole { height: 22px; }
rect.released { fill: var(--released); }
rect.bound_again { fill: var(--bound_again); }
rect.not_bound, rect.no_queue { fill: var(--not_bound); }
rect.failed, rect.no_agent { fill: var(--failed); }
rect.unknown { fill: var(--unknown); }
rect.left { fill: var(--left); }
.stripes { stroke: var(--paper); stroke-width: 3; opacity: .55; }
.legend {
  display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; list-style: none; padding: 0; margin: .6rem 0 0; font-size: .87rem;
}
.legend svg {
  display: inline-block; width: 14px; height: 12px; vertical-align: -1px; margin-right: .4rem; border: 1px solid var(--edge);
}
figure { margin: 0 0 .75rem; }
figure svg { height: auto; }
figure text { fill: var(--soft); font-size: 12px; }
figure .grid { stroke: var(--line); }
figure .axis { stroke: var(--edge); }
figure .requests { fill: var(--accent); }
.pause { fill: var(--unknown); opacity: .28; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { padding: .35rem .75rem .35rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 600; white-space: nowrap; }
td:last-child, th:last-child { padding-right: 0; }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.t { white-space: nowrap; font-variant-numeric: tabular-nums; }
.a, .q, .m { overflow-wrap: anywhere; min-width: 7rem; }
.m { min-width: 11rem; }
.b { width: 34%; min-width: 9rem; }
td.b { padding-top: .65rem; }
.zero { color: var(--soft); }
.s { white-space: nowrap; font-weight: 600; }
.s.failed, .s.no_agent, td.failed { color: var(--failed); }
.s.unknown, td.unknown { color: var(--unknown); }
td.failed, td.unknown { font-weight: 600; }
.s.released, .s.bound_again, .s.not_bound, .s.no_queue, .s.pending, .s.planned { font-weight: 400; }
.s.released { color: var(--released); }
.s.bound_again { color: var(--bound_again); }
details summary { cursor: pointer; color: var(--accent); padding: .5rem 0; }
form { display: flex; flex-wrap: wrap; gap: .75rem 1rem; align-items: end; margin-bottom: .75rem; }
label { display: block; font-size: .85rem; color: var(--soft); }
input, select, button {
  font: inherit; color: var(--ink); background: var(--paper); border: 1px solid var(--edge); border-radius: 4px;
  padding: .35rem .6rem;
}
input { width: min(24rem, 80vw); }
button:disabled { opacity: .45; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
#pager { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; margin-top: .75rem; }
#printed { display: none; }
footer { margin-top: 1.5rem; }
footer dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; margin: .5rem 0; }
footer dt { font-weight: 600; }
footer dd { margin: 0; }
@media print {
  :root {
    color-scheme: light;
    --ink: #000000; --soft: #444c57; --line: #cfd5dc; --paper: #ffffff; --page: #ffffff; --accent: #1f5fa8;
    --released: #1f7a53; --bound_again: #2f6db5; --not_bound: #8b95a3; --failed: #bf3229; --unknown: #945700;
    --left: #ffffff; --edge: #8b95a3;
  }
  @page { margin: 14mm; }
  body { padding: 0; max-width: none; font-size: 9.5pt; line-height: 1.4; }
  h1 { font-size: 1.7rem; }
  section, .facts { border: 0; border-radius: 0; padding: 0; margin-top: 1rem; }
  section { border-top: 1px solid var(--line); padding-top: .7rem; }
  dl.facts { gap: .4rem 1.75rem; }
  .tiles { grid-template-columns: repeat(auto-fit, minmax(6.5rem, 1fr)); }
  form, #pager, #found, summary { display: none !important; }
  #printed { display: block; }
  h2, .note { break-after: avoid; break-inside: avoid; }
  tr, figure, .tiles div { break-inside: avoid; }
  thead { display: table-header-group; }
  table { font-size: 8.5pt; }
  th, td { padding-block: .18rem; }
  td.b { padding-top: .4rem; }
  svg.bar { height: 9px; }
  svg.whole { height: 16px; }
  figure text { font-size: 17px; }
}
]=]

return M
