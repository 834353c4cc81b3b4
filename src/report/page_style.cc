#include "report/page.h"

namespace keel {

namespace {

// Contrast with the ground: text at least 6:1, lines of plots 4.5:1, in both schemes. Lines differ by dash as
// well as by colour, for print and for eyes that see few colours.
constexpr std::string_view kStyle = R"css(
:root{--ground:#fbfaf8;--card:#fff;--text:#1d2329;--soft:#525c66;--rule:#dedad2;--grid:#e8e5df;--accent:#1f5f8b;
--i0:#1f5f8b;--i1:#b4530a;--i2:#2c7a4b;--i3:#7a4a9e;--i4:#0b7480;--i5:#ad2f4b;--i6:#6b6417;--i7:#4d5963;
--z0:#bcd3e4;--z1:#5f97bf;--z2:#e3a94e;--z3:#b23a4c;--right:#1e6b3c;--wrong:#a3243b;--veil:#1d232914;
--h1:#faeadd;--h2:#f6d2b8;--h3:#efb08f;--h4:#e68d76;--h5:#d97468}
@media(prefers-color-scheme:dark){:root{--ground:#14181c;--card:#1b2025;--text:#e6e8ea;--soft:#a4adb6;--rule:#333b43;
--grid:#2a3138;--accent:#86bfe6;--i0:#86bfe6;--i1:#f0a265;--i2:#7bcb98;--i3:#c6a3ea;--i4:#5fc9d3;--i5:#f08ba0;
--i6:#d3c765;--i7:#b4bec8;--z0:#2f4a5e;--z1:#5790b8;--z2:#d49a40;--z3:#d0566a;--right:#84d3a0;--wrong:#f393a5;
--veil:#ffffff14;
--h1:#2f2723;--h2:#4a3026;--h3:#6b3a2b;--h4:#8a4033;--h5:#a84a40}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;scroll-padding-top:1rem}
body{margin:0 auto;max-width:74rem;padding:2.5rem 1.5rem 4rem;background:var(--ground);color:var(--text);
font:1rem/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","PingFang SC","Microsoft YaHei",
"Noto Sans CJK SC",sans-serif;overflow-wrap:anywhere}
h1,h2,h3,h4,p,dl,dd,ul,figure{margin:0}
h1{font-size:clamp(1.6rem,1.2rem + 1.8vw,2.3rem);line-height:1.2;font-weight:650;letter-spacing:-.015em;text-wrap:balance}
h2{font-size:1.25rem;font-weight:650;margin:3rem 0 1rem;padding-top:1rem;border-top:1px solid var(--rule)}
.kind{color:var(--soft);font-size:.85rem;margin-bottom:.4rem}
.verdict{font-size:1.15rem;line-height:1.5;max-width:46em;margin-top:1.2rem;padding-left:1rem;
border-left:3px solid var(--accent);white-space:pre-line}
nav{display:flex;flex-wrap:wrap;gap:.3rem 1.4rem;margin-top:1.6rem;font-size:.95rem}
a{color:var(--accent);text-underline-offset:.2em}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
.scroll{overflow-x:auto;margin-top:1.2rem}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;overflow-wrap:normal;min-width:min(100%,34rem)}
caption{text-align:left;font-weight:600;padding-bottom:.5rem}
caption span{display:inline-block;position:sticky;left:0;max-width:calc(100vw - 2.2rem)}
th,td{padding:.5rem 1.4rem .5rem 0;text-align:left;vertical-align:baseline;border-bottom:1px solid var(--rule)}
th:last-child,td:last-child{padding-right:.2rem}
tbody th{font-weight:400}
thead th,thead td{font-size:.9rem;color:var(--soft);font-weight:600;border-bottom-color:var(--soft)}
.n{text-align:right;white-space:nowrap}
tbody tr:hover{background:var(--veil)}
.note{color:var(--soft);font-size:.9rem;margin-top:.5rem;max-width:50em}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr));gap:1.2rem}
.charts+.charts{margin-top:1.2rem}
section>.chart,.charts>.chart:only-child{max-width:48rem}
.chart{background:var(--card);border:1px solid var(--rule);border-radius:.5rem;padding:.9rem 1rem .5rem;
container-type:inline-size;display:flex;flex-direction:column}
figcaption{font-weight:600}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:.1rem 1.1rem;padding:.2rem 0 0;font-size:.87rem;color:var(--soft)}
.legend svg{width:1.75rem;height:.65rem;margin-right:.4rem}
.legend svg.square{width:.75rem;height:.75rem;vertical-align:-.06rem}
.chart>svg{display:block;width:100%;height:auto;margin-top:auto;padding-top:.5rem}
svg text{font-size:13px;fill:var(--soft);font-variant-numeric:tabular-nums}
.grid{stroke:var(--grid)}.tick,.base{stroke:var(--soft)}.grid,.tick,.base{fill:none}
.line{fill:none;stroke:var(--ink);stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
.dots{fill:var(--ink)}.faint{stroke-width:1;opacity:.42}
.ink0{--ink:var(--i0)}.ink1{--ink:var(--i1);stroke-dasharray:7 4}.ink2{--ink:var(--i2);stroke-dasharray:2 4}
.ink3{--ink:var(--i3);stroke-dasharray:9 4 2 4}.ink4{--ink:var(--i4);stroke-dasharray:14 4}
.ink5{--ink:var(--i5);stroke-dasharray:5 3 1 3 1 3}.ink6{--ink:var(--i6);stroke-dasharray:3 3}
.ink7{--ink:var(--i7);stroke-dasharray:12 3 4 3}
.zone0{fill:var(--z0)}.zone1{fill:var(--z1)}.zone2{fill:var(--z2)}.zone3{fill:var(--z3)}
polygon{stroke:var(--card);stroke-width:.75}
.band rect{fill:transparent;pointer-events:all}.band path{stroke:var(--text);opacity:0}.band:hover path{opacity:.55}
@container(max-width:30rem){svg text{font-size:16px}}
@container(max-width:22.5rem){svg text{font-size:18px}.chart .line:not(.faint){stroke-width:2.6}}
.sample{padding:1.1rem 0;border-bottom:1px solid var(--rule)}
.sample:first-of-type{padding-top:0}
h3{font-size:1.02rem;font-weight:600;max-width:50em;white-space:pre-line}
.reference{color:var(--soft);font-size:.93rem;margin-top:.4rem;max-width:54em}
.reference b{font-weight:600;margin-right:.5em}.reference p{display:inline}
.answers{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,15rem),1fr));gap:.8rem;margin-top:.8rem}
.answer{background:var(--card);border:1px solid var(--rule);border-radius:.5rem;padding:.7rem .9rem}
h4{font-size:.87rem;font-weight:600;color:var(--soft);display:flex;justify-content:space-between;gap:1rem;margin-bottom:.35rem}
.mark{white-space:nowrap}.right{color:var(--right)}.wrong{color:var(--wrong)}
.tokens{white-space:pre-wrap;line-height:1.8}.tokens span{color:var(--text);padding:.12rem 0;border-radius:.15rem}
.tokens span:hover{outline:1px solid var(--soft)}.s1{background:var(--h1)}.s2{background:var(--h2)}
.s3{background:var(--h3)}.s4{background:var(--h4)}.s5{background:var(--h5)}.reading{margin-top:.8rem}
.text{white-space:pre-wrap}.empty{color:var(--soft);font-style:italic}
.facts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,15rem),1fr));gap:.9rem 2rem}
dt{color:var(--soft);font-size:.87rem}dd{font-variant-numeric:tabular-nums}
pre{background:var(--card);border:1px solid var(--rule);border-radius:.5rem;padding:.9rem 1rem;overflow-x:auto;
font:.85rem/1.55 ui-monospace,"SF Mono","Cascadia Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace;margin:.6rem 0 0;
overflow-wrap:normal}
.command{white-space:pre-wrap;overflow-wrap:anywhere}.command span{display:inline-block}
details{margin-top:1rem}summary{cursor:pointer;color:var(--accent);width:fit-content}
.notes{padding-left:1.2rem;color:var(--soft);white-space:pre-line}
@media(max-width:40rem){body{padding:1.5rem 1rem 3rem}h2{margin-top:2.2rem}.chart{padding:.8rem .7rem .3rem}
.verdict{font-size:1rem;line-height:1.45;padding-left:.8rem}
th,td{padding-right:1rem}}
@media print{:root{color-scheme:light;--ground:#fff;--card:#fff;--text:#000;--soft:#444;--rule:#bbb;--grid:#ddd;
--accent:#1f5f8b;--i0:#1f5f8b;--i1:#b4530a;--i2:#2c7a4b;--i3:#7a4a9e;--i4:#0b7480;--i5:#ad2f4b;--i6:#6b6417;
--i7:#4d5963;--z0:#bcd3e4;--z1:#5f97bf;--z2:#e3a94e;--z3:#b23a4c;--right:#1e6b3c;--wrong:#a3243b;
--h1:#faeadd;--h2:#f6d2b8;--h3:#efb08f;--h4:#e68d76;--h5:#d97468}
@page{margin:15mm}
html{font-size:10pt}body{max-width:none;padding:0}nav,.band{display:none}
h2{margin-top:1.6rem}h2,h3,caption,thead{break-after:avoid}.chart,.answer,.sample,tr,dl>div{break-inside:avoid}
.charts{grid-template-columns:1fr 1fr;gap:.8rem}.scroll,pre{overflow:visible}
pre{white-space:pre-wrap;overflow-wrap:anywhere}
table{min-width:0;font-size:.9em}th,td{padding-right:.7rem}tbody th,td:not(.n){overflow-wrap:anywhere}
polygon,polyline,rect,.tokens span{print-color-adjust:exact;-webkit-print-color-adjust:exact}
details::details-content{content-visibility:visible;block-size:auto}}
)css";

}  // namespace

std::string_view page_style() { return kStyle; }

}  // namespace keel
