// What assistive technology and the keyboard need, and what must not stick out. Each check gets the view and what is known
// of the page, and returns its complaints.

const idsOf = (text) => (text ?? "").split(/\s+/).filter((id) => id !== "");

function labelOf(element) {
  const parts = idsOf(element.getAttribute("aria-labelledby")).map((id) => document.getElementById(id)?.textContent ?? "");
  return (parts.join(" ") || element.getAttribute("aria-label") || "").trim();
}

// The innermost elements that end to the right of limit.
function stickingOut(limit) {
  const blocks = all("body *").filter((e) => e.localName !== "title" && isShown(e) && !e.closest("svg *"));
  const boxes = blocks.map((e) => ({ parent: e, right: e.getBoundingClientRect().right }));
  for (const text of shownTexts())
    boxes.push({ parent: text.parent, right: Math.max(...text.boxes.map((box) => box.right)) });
  const out = boxes.filter(({ right }) => right > limit + 1);
  const inner = out.filter((a) => !out.some((b) => a.parent !== b.parent && a.parent.contains(b.parent)));
  return [...new Map(inner.map((box) => [box.parent, box])).values()];
}

const STRUCTURE = {
  "language and title"() {
    const out = [];
    if (!document.documentElement.lang) out.push("no lang on <html>");
    if (!document.title.trim()) out.push("no <title>");
    return out;
  },

  policy() {
    const policy = document.querySelector('head > meta[http-equiv="Content-Security-Policy"]')?.content ?? "";
    const out = [];
    if (!/default-src 'none'/.test(policy)) out.push("no Content-Security-Policy with default-src 'none'");
    if (/script-src|connect-src|https?:|\*/.test(policy)) out.push(`the policy lets something in: ${policy}`);
    return out;
  },

  headings() {
    const out = [], headings = all("h1,h2,h3,h4,h5,h6");
    const mains = headings.filter((h) => h.localName === "h1");
    if (mains.length !== 1) out.push(`${mains.length} h1`);
    let before = 0;
    for (const heading of headings) {
      const level = Number(heading.localName[1]);
      if (level > before + 1) out.push(`${describe(heading)} comes after level ${before}`);
      if (heading.textContent.trim() === "") out.push(`${describe(heading)} is empty`);
      before = level;
    }
    return out;
  },

  verdict(view, page) {
    const verdict = document.querySelector("p.verdict");
    if (!verdict) return page.verdict ? ["no p.verdict"] : [];
    const out = [];
    if (!new RegExp(page.verdict ?? "").test(verdict.textContent))
      out.push(`"${shorten(verdict.textContent, 90)}" does not say ${page.verdict}`);
    const bottom = verdict.getBoundingClientRect().bottom + scrollY;
    if (!view.print && bottom > innerHeight) out.push(`ends at ${Math.round(bottom)} px, the screen at ${innerHeight}`);
    return out;
  },

  "sideways scrolling"(view) {
    if (view.print) return [];
    const root = document.documentElement, out = [];
    if (root.scrollWidth > root.clientWidth) out.push(`the document is ${root.scrollWidth} px wide, the screen ${root.clientWidth}`);
    for (const { parent, right } of stickingOut(root.clientWidth))
      if (!isInScroller(parent)) out.push(`${describe(parent)} ends at ${Math.round(right)} px`);
    return out;
  },

  "cut in print"(view) {
    if (!view.print) return [];
    const width = document.documentElement.clientWidth, out = [];
    for (const { parent, right } of stickingOut(width))
      out.push(`${describe(parent)} ends at ${Math.round(right)} px, the paper at ${width}`);
    for (const e of all("body *"))
      if (isShown(e) && getComputedStyle(e).overflowX !== "visible" && e.scrollWidth > e.clientWidth + 1 && !e.closest("svg"))
        out.push(`${describe(e)} hides ${e.scrollWidth - e.clientWidth} px`);
    return out;
  },

  "folded in print"(view) {
    if (!view.print) return [];
    const out = [];
    for (const fold of all("details")) {
      const inner = [...fold.children].filter((e) => e.localName !== "summary" && e.textContent.trim() !== "");
      if (!inner.every((e) => isShown(e) && e.getBoundingClientRect().height > 0)) out.push(`${describe(fold)} stays folded`);
    }
    return out;
  },

  links() {
    const out = [], seen = new Set();
    for (const { id } of all("[id]")) {
      if (seen.has(id)) out.push(`two elements have the id ${id}`);
      seen.add(id);
    }
    for (const a of all("a")) {
      const target = a.getAttribute("href") ?? "";
      if (!target.startsWith("#")) out.push(`${describe(a)} leads out of the page: ${target || "nowhere"}`);
      else if (!seen.has(decodeURIComponent(target.slice(1)))) out.push(`${describe(a)} leads nowhere`);
      if (a.textContent.trim() === "") out.push(`${describe(a)} has no text`);
    }
    for (const e of all("[aria-labelledby],[aria-describedby]"))
      for (const id of [...idsOf(e.getAttribute("aria-labelledby")), ...idsOf(e.getAttribute("aria-describedby"))])
        if (!seen.has(id)) out.push(`${describe(e)} names ${id}, which is not there`);
    return out;
  },

  "names of drawings"() {
    const out = charts().filter((svg) => svg.getAttribute("role") !== "img" ||
      !(labelOf(svg) || svg.querySelector(":scope > title")?.textContent.trim()));
    return out.map((svg) => `${describe(svg)} has no role img or no name`);
  },

  tables() {
    const out = [];
    for (const table of all("table")) {
      const heads = all("th", table);
      if (heads.length === 0) out.push(`${describe(table)} has no header cells`);
      for (const th of heads) {
        if (!["col", "row", "colgroup", "rowgroup"].includes(th.scope)) out.push(`${describe(th)} has no scope`);
        if (th.textContent.trim() === "") out.push(`an empty header cell in ${describe(table)}`);
      }
      if (!table.caption?.textContent.trim() && !labelOf(table)) out.push(`${describe(table)} has no caption`);
    }
    return out;
  },

  "scrolling by keyboard"(view) {
    if (view.print) return [];
    const out = [];
    for (const e of all("body *")) {
      const room = Math.max(e.scrollWidth - e.clientWidth, e.scrollHeight - e.clientHeight);
      const style = getComputedStyle(e);
      if (room <= 1 || ![style.overflowX, style.overflowY].some((o) => o === "auto" || o === "scroll") || !isShown(e)) continue;
      e.focus({ preventScroll: true });
      // Chromium lets the keyboard reach such a region by itself, other browsers do not; so the page has to say it.
      if (!e.hasAttribute("tabindex") || e.tabIndex < 0 || document.activeElement !== e) out.push(`${describe(e)} cannot be focused`);
      else if (e.matches("div,section") && !(e.hasAttribute("role") && labelOf(e))) out.push(`${describe(e)} has no role or no label`);
      e.blur();
    }
    return out;
  },
};
