"""How the page looks and what little it does: no fonts, pictures or scripts from elsewhere."""

from __future__ import annotations

from typing import Final

COLOURS: Final = """
:root{color-scheme:light dark;--paper:#fbfaf8;--card:#fff;--ink:#1d2126;--soft:#5c6470;--line:#e3e1dc;--hair:#efedE8;
--blue:#1f5fa8;--tint:#dbe7f4;--teal:#0f766e;--amber:#a8580a;--red:#b3261e;--good:#1a6b3c;--good-tint:#e3f2e8;
--bad-tint:#fae6e4;--grey:#8b929c}
@media (prefers-color-scheme:dark){:root{--paper:#14171a;--card:#1b1f23;--ink:#e7e8ea;--soft:#a2aab4;--line:#30363c;
--hair:#262b30;--blue:#7db3ee;--tint:#22384f;--teal:#5cc4b6;--amber:#e6a85c;--red:#f08b82;--good:#79cf9a;
--good-tint:#1b3325;--bad-tint:#3d2220;--grey:#7a828c}}
"""

MARKS: Final = """
.grid{stroke:var(--hair)}.axis{stroke:var(--line)}.tick,.name,.limit-name{fill:var(--soft);font-size:11px}
.name{font-size:11.5px}.limit{stroke:var(--red);stroke-dasharray:4 3}.limit-name{fill:var(--red)}
.edge{fill:none;stroke:var(--blue);stroke-width:1.25;opacity:.55}
.dot{stroke:var(--card);stroke-width:1.25}.dot.best{fill:var(--amber)}.dot.front{fill:var(--blue)}
.dot.other{fill:var(--grey);opacity:.75}.dot.over{fill:none;stroke:var(--grey);stroke-width:1.5}
.ideal{stroke:var(--grey);stroke-dasharray:3 4;fill:none}.curve{fill:none;stroke:var(--blue);stroke-width:2}
.wide{fill:var(--tint);opacity:.7}.half{fill:var(--blue);opacity:.28}.bar{fill:var(--blue);opacity:.75}
.whisker{stroke:var(--blue);opacity:.6}
"""

PLOT_STYLE: Final = (
    COLOURS
    + MARKS
    + "text{font-family:system-ui,sans-serif}.paper{fill:var(--paper)}"
    + ".title{fill:var(--ink);font-size:14px;font-weight:600}"
)

STYLE: Final = (
    COLOURS
    + MARKS
    + """
*{box-sizing:border-box}html{-webkit-text-size-adjust:100%;scroll-behavior:smooth;scroll-padding-top:3.5rem}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",sans-serif;
font-variant-numeric:tabular-nums;overflow-wrap:break-word}
main,header,footer{max-width:1040px;margin:0 auto;padding:0 20px}
header{padding-top:44px}h1{font-size:1.9rem;line-height:1.2;font-weight:650;letter-spacing:-.015em;margin:0 0 .35rem}
h2{font-size:1.25rem;font-weight:650;letter-spacing:-.01em;margin:0 0 .5rem}
h3{font-size:.95rem;font-weight:600;margin:1.6rem 0 .5rem}
p{margin:0 0 .8rem;max-width:68ch}.sub,.lead,figcaption span,.note{color:var(--soft)}.lead{margin-bottom:1.1rem}
section{padding:34px 0 6px;border-top:1px solid var(--line);margin-top:30px}
main section:first-child{border-top:0;margin-top:0}
nav{position:sticky;top:0;z-index:2;background:var(--paper);border-bottom:1px solid var(--line);margin-top:22px}
nav div{max-width:1040px;margin:0 auto;padding:0 20px;display:flex;gap:20px;overflow-x:auto;scrollbar-width:none}
nav a{color:var(--soft);text-decoration:none;font-size:.86rem;padding:10px 0;white-space:nowrap}
nav a:hover,nav a:focus-visible{color:var(--ink)}a{color:var(--blue)}
:focus-visible{outline:2px solid var(--blue);outline-offset:2px}
.verdict{display:inline-block;padding:.2rem .7rem;border-radius:99px;font-weight:600;font-size:.9rem;
margin:.2rem 0 1.1rem}
.verdict.met{background:var(--good-tint);color:var(--good)}.verdict.broken{background:var(--bad-tint);
color:var(--red)}
.verdict.none{background:var(--hair);color:var(--soft)}
.figures{display:grid;grid-template-columns:repeat(3,minmax(0,1fr));gap:14px}
.card,figure{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:16px 18px;margin:0;
min-width:0}
.card .what{color:var(--soft);font-size:.86rem}.card .big{font-size:2rem;font-weight:650;letter-spacing:-.02em;
line-height:1.25}
.card .of{font-size:.86rem;color:var(--soft);margin-bottom:.7rem}
.gauge{margin-top:.6rem;font-size:.82rem}.gauge .row{display:flex;justify-content:space-between;gap:10px}
.gauge .row span:first-child{overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.gauge .row span:last-child{white-space:nowrap}
.track{display:block;height:6px;border-radius:3px;background:var(--hair);overflow:hidden;margin-top:3px}
.fill{display:block;height:100%;border-radius:3px;background:var(--good);min-width:2px}
.fill.over{background:var(--red)}
.fill.score{background:var(--blue)}.fill.plain{background:var(--grey)}
.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,330px),1fr));gap:14px;align-items:start}
figure{margin-bottom:14px}figcaption{font-size:.86rem;margin-bottom:.6rem;display:flex;flex-direction:column;
line-height:1.4}
.plot{display:block;width:100%;height:auto;overflow:visible}.plot text{font-family:inherit}
.trio{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,290px),1fr));gap:14px}.trio figure{margin:0}
.legend{font-size:.84rem;color:var(--soft);display:flex;flex-wrap:wrap;gap:6px 18px;max-width:none}
.key{display:inline-block;width:9px;height:9px;border-radius:50%;margin-right:7px}.key.best{background:var(--amber)}
.key.front,.key.ok{background:var(--blue)}.key.step{background:var(--teal)}.key.bad{border:1.5px solid var(--red)}
.key.other{background:var(--grey)}.key.over{border:1.5px solid var(--grey)}
.scroll{overflow-x:auto;background:var(--card);border:1px solid var(--line);border-radius:10px;margin-bottom:14px}
table{border-collapse:collapse;width:100%;font-size:.86rem;line-height:1.4}
th,td{padding:8px 14px;text-align:left;vertical-align:top;border-top:1px solid var(--hair)}
td{min-width:4.5rem}td.long{min-width:16rem}
thead th{color:var(--soft);font-weight:500;border-top:0;white-space:nowrap;font-size:.8rem}
tbody th{font-weight:500}.n{text-align:right;white-space:nowrap}tr.ours th,tr.ours td{font-weight:650}
.heat{text-align:right;white-space:nowrap;position:relative}
.bars{display:grid;grid-template-columns:minmax(5rem,max-content) 1fr max-content;gap:5px 12px;font-size:.86rem;
align-items:center}
.bars .label{max-width:15rem;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.bars .value{color:var(--soft);text-align:right}.bars .track{height:10px;margin:0}
.time{display:grid;grid-template-columns:9.5rem minmax(0,1fr) 3.6rem;gap:3px 12px;font-size:.8rem;align-items:center}
.time .label{overflow:hidden;text-overflow:ellipsis;white-space:nowrap}.time .value{text-align:right;
color:var(--soft);white-space:nowrap}
.time .lane{position:relative;height:12px;
background:linear-gradient(90deg,var(--hair) 1px,transparent 1px) 0 0/25% 100%}
.time .span{position:absolute;top:1px;bottom:1px;border-radius:3px;background:var(--grey);min-width:2px}
.span.step{background:var(--teal)!important}.span.best{background:var(--amber)!important}
.span.ok{background:var(--blue)!important}
.span.bad{background:none!important;border:1.5px solid var(--red)}.time .scale{display:flex;
justify-content:space-between;color:var(--soft)}
.time h3{grid-column:1/-1;margin:.9rem 0 .2rem}.time h3:first-child{margin-top:0}
pre{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:12px 16px;overflow-x:auto;
margin:0 0 14px;
font:13.5px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
code{font-family:ui-monospace,Menlo,Consolas,monospace;font-size:.92em}
dl{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:4px 18px;font-size:.9rem;margin:0 0 1rem}
dt{color:var(--soft)}dd{margin:0}
details{margin-bottom:14px}summary{cursor:pointer;color:var(--blue);font-size:.9rem;margin-bottom:10px}
ul{padding-left:1.2rem;margin:.2rem 0 1rem;font-size:.92rem}
footer{color:var(--soft);font-size:.84rem;padding-top:26px;padding-bottom:50px}
#tip{position:fixed;z-index:5;pointer-events:none;background:var(--ink);color:var(--paper);font-size:.8rem;
line-height:1.4;
padding:7px 10px;border-radius:7px;white-space:pre-line;max-width:min(300px,90vw);visibility:hidden}
[data-tip]{cursor:default}[data-tip]:focus{outline:none}.dot:hover,.dot:focus{stroke:var(--ink);stroke-width:2}
@media (max-width:760px){.figures{grid-template-columns:minmax(0,1fr)}h1{font-size:1.55rem}header{padding-top:28px}
main,header,footer,nav div{padding-left:16px;padding-right:16px}th,td{padding:7px 10px}
.card,figure{padding:14px}.time{grid-template-columns:6.6rem minmax(0,1fr) 3.2rem;gap:3px 8px}
.bars .label{max-width:9rem}
.pair .tick,.pair .name,.pair .limit-name{font-size:14px}}
@media print{nav,#tip{display:none}section{break-inside:avoid}}
"""
)

SCRIPT: Final = """
(function(){var tip=document.getElementById('tip');
function show(e){var t=e.target.closest&&e.target.closest('[data-tip]');if(!t){tip.style.visibility='hidden';return}
tip.textContent=t.getAttribute('data-tip');var b=t.getBoundingClientRect(),w=tip.offsetWidth,h=tip.offsetHeight;
var x=Math.max(8,Math.min(b.left+b.width/2-w/2,document.documentElement.clientWidth-w-8));
var y=b.top-h-8;if(y<8){y=b.bottom+8}tip.style.left=x+'px';tip.style.top=y+'px';tip.style.visibility='visible'}
function hide(){tip.style.visibility='hidden'}
document.addEventListener('pointerover',show);document.addEventListener('focusin',show);
document.addEventListener('scroll',hide,{passive:true});
document.addEventListener('keydown',function(e){if(e.key==='Escape'){hide()}});})();
"""
