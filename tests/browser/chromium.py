"""Opens pages in Debian's Chromium, in several views, and gathers what is wrong with them.

The checks of what is on a page are the scripts (*.js) beside this file. What a script cannot see is checked here: requests,
the console, dialogs, whether text of the data ran, the colours that were really painted, and the PDF.
"""
import base64
import os
import pathlib
import re
import shutil
import sys
import typing

HERE = pathlib.Path(__file__).resolve().parent
DEPS = pathlib.Path(os.environ.get("KEEL_DEPS") or HERE.parent.parent / ".deps")
sys.path.insert(0, str(DEPS / "playwright"))
try:
    from playwright.sync_api import Error, sync_playwright
except ImportError:
    sys.exit(f"no Playwright in {DEPS / 'playwright'}: run ./dev setup")


class Page(typing.NamedTuple):
    name: str
    path: pathlib.Path
    verdict: str = ""      # what its verdict has to say, a regular expression; "": it may have none
    drawing: bool = False  # an SVG file, no document


class View(typing.NamedTuple):
    name: str
    width: int
    height: int
    scheme: str = "light"
    print: bool = False
    policy: bool = True  # False: without the page's Content-Security-Policy, so that only escaping stands before the data


# Paper is A4 without the margins that the pages ask for, 180 mm at 96 px an inch. It is tried in the dark scheme, which must
# not reach it.
VIEWS = [View("phone", 360, 740), View("phone, dark", 360, 740, "dark"), View("desktop", 1280, 900),
         View("desktop, dark", 1280, 900, "dark"), View("print", 680, 1009, "dark", print=True),
         View("without policy", 1280, 900, policy=False)]
DRAWING_CHECKS = ("names of drawings", "contrast", "labels in charts", "lines in charts", "values under the pointer")
PLANTED = "planted"  # the global that hostile data tries to set
LEAST_COLOURS = 8    # ground, card, grid, soft text, a line, and what smoothing makes between them
LEAST_INK_PX = 12
SCRIPT = "(given) => {\n%s\n%s}"
SOURCES = "".join((HERE / f"{name}.js").read_text() for name in ("common", "structure", "text", "charts"))
RUN_CHECKS = SCRIPT % (SOURCES, """
  if (!given.view.print) for (const fold of all("details")) fold.open = true;
  const out = {};
  for (const [name, check] of Object.entries({ ...STRUCTURE, ...TEXT, ...CHARTS })) {
    if (given.only.length > 0 && !given.only.includes(name)) continue;
    try { out[name] = check(given.view, given.page); } catch (error) { out[name] = [String(error)]; }
  }
  return out;""")
FIND_DRAWN = SCRIPT % (SOURCES, "return drawnBoxes();")
INJECT = """() => {
  const script = document.createElement("script");
  script.textContent = "window.injected = 1";
  document.head.append(script);
  return window.injected === 1;
}"""
COUNT_COLOURS = """async ({ png, boxes }) => {
  const image = new Image();
  image.src = "data:image/png;base64," + png;
  await image.decode();
  const pen = new OffscreenCanvas(image.width, image.height).getContext("2d");
  pen.drawImage(image, 0, 0);
  return boxes.map((box) => {
    const { data } = pen.getImageData(box.x, box.y, Math.max(box.width, 1), Math.max(box.height, 1));
    const seen = new Set(), near = box.strokes.map(() => 0);
    for (let i = 0; i < data.length; i += 4) {
      seen.add((data[i] << 16) | (data[i + 1] << 8) | data[i + 2]);
      box.strokes.forEach((s, k) => { near[k] += [0, 1, 2].every((c) => Math.abs(data[i + c] - s[c]) < 30); });
    }
    return { colours: seen.size, near };
  });
}"""


def find_chromium():
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if shutil.which(name):
            return shutil.which(name)
    sys.exit("no Chromium found: run ./dev setup")


class Tab:
    """One view; pages are opened in it one after another."""

    def __init__(self, browser, view):
        self.view = view
        context = browser.new_context(viewport={"width": view.width, "height": view.height}, color_scheme=view.scheme,
                                      bypass_csp=not view.policy)
        self.page = context.new_page()
        self.page.emulate_media(media="print" if view.print else "screen")
        self.requests, self.said, self.dialogs = [], [], []
        self.page.on("request", lambda r: self.requests.append(r.url))
        self.page.on("console", lambda m: self.said.append(f"{m.type}: {m.text}"))
        self.page.on("pageerror", lambda e: self.said.append(str(e)))
        self.page.on("dialog", self._close_dialog)

    def _close_dialog(self, dialog):
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def open(self, path):
        for events in (self.requests, self.said, self.dialogs):
            events.clear()
        address = path.as_uri()
        self.page.goto(address)
        ran = self.page.evaluate(f"() => '{PLANTED}' in window")
        strange = [u for u in self.requests if u != address and not u.startswith("data:")]
        return {"requests": strange, "console": list(self.said), "dialogs": list(self.dialogs),
                "text of the data": ["it ran as a script"] if ran else []}


class Browser:
    """Chromium with a tab for each view."""

    def __init__(self):
        self._driver = sync_playwright().start()
        # Without its sandbox, which root cannot have; it sees no pages but ours. Containers have little shared memory. The
        # other flags: no requests of its own.
        self._browser = self._driver.chromium.launch(executable_path=find_chromium(), args=[
            "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync", "--disable-quic"])
        self._tabs = {}
        self._counter = self._browser.new_page()

    def close(self):
        self._browser.close()
        self._driver.stop()

    def look(self, page, view, keep=None, only=None):
        """{name of a check: complaints}. With keep, the picture (and for paper the PDF) is left in that folder; with only,
        the dear checks but that one are left out."""
        if view not in self._tabs:
            self._tabs[view] = Tab(self._browser, view)
        tab = self._tabs[view]
        try:
            found = tab.open(page.path)
            if not view.policy:
                return found
            chosen = [only] if only else list(DRAWING_CHECKS) if page.drawing else []
            found |= tab.page.evaluate(RUN_CHECKS, {"view": view._asdict(), "page": {"verdict": page.verdict or None}, "only": chosen})
            if only in (None, "colours in charts"):
                found["colours in charts"] = self._missing_colours(tab, page, keep)
            if view.print and not page.drawing and only in (None, "pdf"):
                found["pdf"] = self._pdf(tab, keep / f"{page.name}.pdf" if keep else None)
            if "policy" in found:
                found["policy"] += ["a script that is put into the page runs"] if tab.page.evaluate(INJECT) else []
            return found
        except Error as error:
            return {"opening": [str(error).splitlines()[0]]}

    def _missing_colours(self, tab, page, keep):
        # A drawing fills the window, and Playwright waits for ever for the length of a page without a body.
        picture = tab.page.screenshot(full_page=not page.drawing)
        if keep:
            (keep / f"{page.name}, {tab.view.name}.png").write_bytes(picture)
        boxes = tab.page.evaluate(FIND_DRAWN, {})
        counts = self._counter.evaluate(COUNT_COLOURS, {"png": base64.b64encode(picture).decode(), "boxes": boxes})
        out = []
        for box, count in zip(boxes, counts):
            if count["colours"] < LEAST_COLOURS:
                out.append(f"{box['name']}: only {count['colours']} colours were painted")
            out += [f"{box['name']}: no line of the colour {stroke} was painted"
                    for stroke, near in zip(box["strokes"], count["near"]) if near < LEAST_INK_PX]
        return out

    def _pdf(self, tab, path):
        """The PDF is about as long as the page is in print: nothing is left out, and there are no empty sheets."""
        height = tab.page.evaluate("() => document.documentElement.scrollHeight")
        pdf = tab.page.pdf(format="A4", prefer_css_page_size=True)
        if path:
            path.write_bytes(pdf)
        sheets, wanted = len(re.findall(rb"/Type\s*/Page\b", pdf)), height / tab.view.height
        if pdf.startswith(b"%PDF") and 0.8 * wanted <= sheets <= 2 * wanted + 1:
            return []
        return [f"{sheets} sheets for {wanted:.1f} of text"]
