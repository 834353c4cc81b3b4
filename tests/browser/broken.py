"""Shows that each check can fail: small pages, each with one fault, of which that check has to complain.

A sound page comes first, of which no check may complain in any view.
"""
from chromium import VIEWS, Page

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
UNFOLD = "details::details-content{content-visibility:visible;block-size:auto}"
HEAD = ('<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}"><title>t</title>'
        f'<style>body{{margin:8px;color:#000;background:#fff}}@media print{{{UNFOLD}}}</style></head>')
CHART = ('<svg viewBox="0 0 300 100" width="300" role="img" aria-label="c"><rect width="300" height="100" fill="#eee"/>'
         '<text x="5" y="20">one</text><text x="100" y="20">two</text>'
         '<g><title>step 1: 3</title><rect width="300" height="100" fill="transparent"/></g>'
         '<polyline points="5,80 150,40 295,70" fill="none" stroke="#00f" stroke-width="3" pointer-events="none"/></svg>')
TABLE = '<table><caption>t</caption><tr><th scope="col">a</th></tr><tr><td>1</td></tr></table>'
FOLD = "<details><summary>s</summary><p>folded</p></details>"
SCROLLS = "<style>.s{width:5em;overflow:auto}.s table{width:9em}</style>"
END = "</body>"
SOUND = f'{HEAD}<body><h1>h</h1><p class="verdict">good</p><a href="#x">x</a><h2 id="x">s</h2>{TABLE}{CHART}{FOLD}{END}</html>'

# The check, a view, what of the sound page is replaced, and by what.
FAULTS = [
    ("requests", "without policy", END, '<img src="nothing.png"></body>'),
    ("console", "desktop", END, "<script>1</script></body>"),
    ("console", "without policy", END, "<script>throw new Error(1)</script></body>"),
    ("dialogs", "without policy", END, "<script>alert(1)</script></body>"),
    ("text of the data", "without policy", END, "<script>window.planted = 1</script></body>"),
    ("policy", "phone", "Content-Security-Policy", "x"),
    ("policy", "phone", "img-src data:", "img-src *"),
    ("policy", "phone", "style-src", "script-src"),
    ("language and title", "phone", ' lang="en"', ""),
    ("language and title", "phone", "<title>t</title>", ""),
    ("headings", "phone", "<h1>h</h1>", ""),
    ("headings", "phone", "<h1>h</h1>", "<h1>h</h1><h1>i</h1>"),
    ("headings", "phone", 'h2 id="x">s</h2', 'h3 id="x">s</h3'),
    ("headings", "phone", 'id="x">s', 'id="x">'),
    ("verdict", "phone", '<p class="verdict">good</p>', ""),
    ("verdict", "desktop", "good", "bad"),
    ("verdict", "phone", '"verdict"', '"verdict" style="margin-top:730px"'),
    ("sideways scrolling", "phone", END, '<div style="width:500px">w</div></body>'),
    ("sideways scrolling", "phone", END, '<div style="overflow:hidden"><div style="width:500px">w</div></div></body>'),
    ("sideways scrolling", "phone", END, f'<div style="width:9em;white-space:nowrap">{"w " * 99}</div></body>'),
    ("cut in print", "print", END, '<div style="width:900px">w</div></body>'),
    ("cut in print", "print", END, '<div style="width:9em;overflow:auto"><p style="width:20em">w</p></div></body>'),
    ("folded in print", "print", UNFOLD, ""),
    ("links", "phone", "#x", "#y"),
    ("links", "phone", "#x", "other.html"),
    ("links", "phone", ">x</a>", "></a>"),
    ("links", "phone", "<h1>", '<h1 id="x">'),
    ("links", "phone", "<table>", '<table aria-labelledby="y">'),
    ("names of drawings", "phone", ' role="img"', ""),
    ("names of drawings", "phone", ' aria-label="c"', ""),
    ("tables", "phone", "<caption>t</caption>", ""),
    ("tables", "phone", ' scope="col"', ""),
    ("tables", "phone", '<th scope="col">a</th>', "<td>a</td>"),
    ("tables", "phone", ">a</th>", "></th>"),
    ("scrolling by keyboard", "phone", TABLE, f'<div class="s">{TABLE}</div>{SCROLLS}'),
    ("scrolling by keyboard", "phone", TABLE, f'<div class="s" tabindex="0">{TABLE}</div>{SCROLLS}'),
    ("contrast", "desktop", "<h1>", '<h1 style="color:#777">'),
    ("contrast", "desktop", "<h1>", '<h1 style="opacity:.5">'),
    ("contrast", "desktop", "<h1>", '<h1 style="background:#555">'),
    ("contrast", "desktop", "folded", '<b style="color:#777">folded</b>'),
    ("contrast", "desktop, dark", "color:#000", "color:#000}@media(prefers-color-scheme:dark){*{background:#222}"),
    ("contrast", "print", "color:#000", "color:#000}@media print{p{color:#999}"),
    ("contrast", "phone", '<text x="5"', '<text fill="#999" x="5"'),
    ("contrast", "phone", "#eee", "#444"),
    ("labels in charts", "phone", 'x="100"', 'x="20"'),
    ("labels in charts", "phone", 'x="100"', 'x="290"'),
    ("labels in charts", "print", 'x="100" y="20"', 'x="100" y="5"'),
    ("lines in charts", "phone", "5,80 150,40 295,70", "5,80 5,80"),
    ("lines in charts", "phone", "5,80 150,40 295,70", "5,80"),
    ("lines in charts", "phone", "#00f", "none"),
    ("lines in charts", "phone", CHART, '<svg role="img" aria-label="c"></svg>'),
    ("values under the pointer", "desktop", "<title>step 1: 3</title>", ""),
    ("values under the pointer", "phone", '<rect width="300" height="100" fill="transparent"/>',
     '<rect width="100" height="100" fill="transparent"/>'),
    ("colours in charts", "phone", 'stroke-width="3"', 'stroke-width="3" stroke-opacity="0"'),
    ("colours in charts", "phone", "<svg", '<svg style="visibility:hidden"'),
    ("colours in charts", "desktop, dark", CHART, CHART.replace("</svg>", '<rect width="300" height="100" fill="#eee"/></svg>')),
    ("colours in charts", "print", CHART, '<svg width="9" height="9" role="img" aria-label="c"><rect width="9" height="9"/></svg>'),
    ("pdf", "print", END, '<div style="break-after:page">s</div>' * 9 + END),
]


def self_test(browser, work):
    """(passed, failed); a line for each check that does not see a fault."""
    views = {view.name: view for view in VIEWS}
    path = work / "self-test.html"
    page = Page("sound page", path, "good")
    path.write_text(SOUND)
    seen, failed = set(), 0
    for view in VIEWS:
        found = browser.look(page, view)
        seen |= set(found)
        for check, text in ((check, text) for check, texts in found.items() for text in texts):
            failed += 1
            print(f"FAIL  self-test: {check} complains of the sound page [{view.name}]: {text}")
    for check, view, old, new in FAULTS:
        if old not in SOUND:
            raise ValueError(f"not on the sound page: {old}")
        path.write_text(SOUND.replace(old, new))
        if not browser.look(page, views[view], only=check).get(check):
            failed += 1
            print(f"FAIL  self-test: {check} [{view}] does not see: {new[:90]}")
    path.unlink()
    if "opening" not in browser.look(page, VIEWS[0]):
        failed += 1
        print("FAIL  self-test: a missing page is opened")
    for check in sorted(seen - {fault[0] for fault in FAULTS}):
        failed += 1
        print(f"FAIL  self-test: no fault is known for {check}")
    return len(FAULTS) + 2 - failed, failed
