// The style of the HTML report. It works from 320 pixels up, in light and dark mode and on paper. The page itself never
// scrolls sideways; wide tables scroll inside boxes.
#ifndef EXPERIMENTS_REPORT_FORMATS_REPORT_STYLE_H_
#define EXPERIMENTS_REPORT_FORMATS_REPORT_STYLE_H_

namespace metaprompt {

constexpr char kReportStyle[] = R"(
:root { color-scheme: light dark; --c0: #4477aa; --c1: #cc5544; --c2: #228833; --c3: #997700; --rule: #8886; }
@media (prefers-color-scheme: dark) { :root { --c0: #77aadd; --c1: #ee8866; --c2: #66bb66; --c3: #ddbb44; } }
body { font: 15px/1.45 system-ui, sans-serif; max-width: 90rem; margin: 1.5rem auto; padding: 0 1rem; }
h1, h2, h3, summary, p, li, figcaption { overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; }
h2 { font-size: 1.25rem; margin: 2rem 0 .6rem; }
summary { cursor: pointer; padding: .2rem 0; }
summary h3 { display: inline; font-size: 1.1rem; }
.run > :not(summary) { margin-left: 1rem; }
.run { margin: .6rem 0; }

/* Tables. A first column stays while its table scrolls. */
.wide { overflow: auto; max-width: 100%; width: fit-content; }
.wide { /* a shade at the right while there is more to see; the first gradient covers it at the end */
  background: linear-gradient(to left, Canvas 50%, transparent) right / 2rem 100% no-repeat local,
              linear-gradient(to left, #8887, transparent) right / 1rem 100% no-repeat scroll; }
.tall { max-height: 85vh; }
table { border-collapse: separate; border-spacing: 0; font-size: 13.5px; }
th, td { padding: .25rem .55rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--rule); }
thead th, .n span, .runs td:last-child { white-space: nowrap; }
thead th { position: sticky; top: 0; background: Canvas; z-index: 1; vertical-align: bottom; }
tbody th, thead th:first-child { position: sticky; left: 0; background: Canvas; padding-left: 0; }
tbody th { font-weight: normal; min-width: min(10rem, 40vw); max-width: min(26rem, 40vw); overflow-wrap: anywhere; }
thead th:first-child { z-index: 2; }
.n { text-align: right; font-variant-numeric: tabular-nums; }
.matrix td, .matrix thead th { padding: .2rem .35rem; text-align: right; }
.matrix thead th:first-child { text-align: left; padding-left: 0; }
.matrix tbody th { min-width: min(16rem, 40vw); }
.zero { color: #808080; }

/* Charts of one run. */
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(18rem, 100%), 1fr)); gap: 1rem 1.5rem; }
figure { margin: 0; max-width: 30rem; }
figcaption { font-size: 13.5px; margin-bottom: .3rem; }
.keys { margin: .8rem 0 .4rem; font-size: 13.5px; }
.key { white-space: nowrap; margin-right: .8rem; }
svg { fill: currentColor; font: 11px system-ui, sans-serif; overflow: visible; }
svg svg { fill: inherit; }
.charts svg.chart { width: 100%; display: block; }
.axes { fill: none; stroke: currentColor; }
.grid { fill: none; stroke: currentColor; opacity: .15; }

/* The chart that compares runs: its rows are a grid of names, plots and numbers. */
.compares { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(36rem, 100%), 1fr)); gap: 1.5rem 2.5rem; }
.compare { max-width: 60rem; }
.compare ul { list-style: none; margin: 0; padding: 0; font-size: 13.5px; }
.compare li { display: grid; grid-template-columns: minmax(0, 2fr) minmax(0, 3fr) 6.5rem; column-gap: 1rem; }
.compare .name { align-self: center; line-height: 1.25; padding: .2rem 0; }
.compare i { font-style: normal; opacity: .75; white-space: nowrap; }
.compare .value { align-self: center; text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.plot { position: relative; min-height: 1.5rem; grid-column: 2; }
.plot svg { position: absolute; width: 100%; height: 100%; }
.plot svg svg { position: static; }
.ends .plot { border-top: 1px solid; }
@media (max-width: 40rem) {
  .compare li { grid-template-columns: minmax(0, 1fr) max-content; }
  .plot { grid-column: 1 / 3; grid-row: 2; min-height: 1.2rem; }
}
.interval { stroke-width: 1.5; }
.start { fill: var(--c0); stroke: var(--c0); }
.learned { fill: var(--c1); stroke: var(--c1); }
.moved { fill: var(--c2); stroke: var(--c2); }
.other { fill: var(--c3); stroke: var(--c3); }
.plot path, .keys path { stroke: none; }
.chance { stroke: currentColor; stroke-dasharray: 4 3; opacity: .7; }
.baseline { stroke: currentColor; stroke-dasharray: 1 2; opacity: .8; }

pre { overflow-x: auto; font-size: 13px; }
@media print {
  body { margin: 0; max-width: none; font-size: 10pt; }
  .wide { overflow: visible; max-height: none; }
  table { font-size: 8pt; }
  th, td { padding: .15rem .35rem; }
  thead th, tbody th { position: static; min-width: 0; }
  figure, tr, .compare li { break-inside: avoid; }
}
)";

}  // namespace metaprompt

#endif  // EXPERIMENTS_REPORT_FORMATS_REPORT_STYLE_H_
