// Shared by the other scripts here, which run inside of the page under test; chromium.py puts all of them into one function.

function shorten(text, most = 40) {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length > most ? line.slice(0, most) + "…" : line;
}

function describe(element) {
  const id = element.id ? "#" + element.id : "";
  const name = element.classList.length > 0 ? "." + [...element.classList].join(".") : "";
  return `<${element.localName}${id}${name}> "${shorten(element.textContent)}"`;
}

function isShown(element) {
  return element.checkVisibility({ opacityProperty: true, visibilityProperty: true, contentVisibilityAuto: true });
}

function all(selector, within = document) {
  return [...within.querySelectorAll(selector)];
}

function charts() {
  const found = document.documentElement.localName === "svg" ? [document.documentElement] : all("svg");
  return found.filter((svg) => svg.getAttribute("aria-hidden") !== "true" && svg.parentElement?.closest("svg") == null);
}

function chartName(svg) {
  const own = svg.querySelector(":scope > title");
  return shorten(svg.getAttribute("aria-label") || own?.textContent || "a chart without a name");
}

// Each piece of text that has a place on the page: its node and the boxes of its lines.
function shownTexts() {
  const out = [];
  const walker = document.createTreeWalker(document.body ?? document.documentElement, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (node.data.trim() === "" || !isShown(node.parentElement)) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const boxes = [...range.getClientRects()].filter((box) => box.width > 0 && box.height > 0);
    if (boxes.length > 0) out.push({ node, parent: node.parentElement, boxes });
  }
  return out;
}

function scrollsSideways(element) {
  return ["auto", "scroll"].includes(getComputedStyle(element).overflowX);
}

function isInScroller(element) {
  for (let e = element; e && e !== document.body && e !== document.documentElement; e = e.parentElement)
    if (scrollsSideways(e)) return true;
  return false;
}
