// Contrast of all text with what lies beneath it, by the formula of WCAG 2.2 (relative luminance, least ratio 4.5).

const LEAST_CONTRAST = 4.5;

function colourOf(text) {
  const parts = /^rgba?\(([^)]*)\)$/.exec(text)?.[1].split(/[\s,/]+/).map(Number);
  if (!parts || parts.some(Number.isNaN)) throw new Error(`cannot read the colour ${text}`);
  return { channels: parts.slice(0, 3), alpha: parts[3] ?? 1 };
}

function over(top, channels) {
  return top.channels.map((c, i) => c * top.alpha + channels[i] * (1 - top.alpha));
}

function luminance(channels) {
  const [r, g, b] = channels.map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a, b) {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
}

// Opaque at the end: the browser's own ground is white or, for a page that takes part in the dark scheme, nearly black.
function groundOf(element) {
  const layers = [];
  for (let e = element; e; e = e.parentElement) {
    const style = getComputedStyle(e);
    if (style.backgroundImage !== "none") throw new Error(`${describe(e)} has a picture behind its text`);
    layers.push(colourOf(style.backgroundColor));
  }
  const dark = matchMedia("(prefers-color-scheme: dark)").matches && getComputedStyle(document.documentElement).colorScheme.includes("dark");
  return layers.reverse().reduce((ground, layer) => over(layer, ground), dark ? [18, 18, 18] : [255, 255, 255]);
}

function opacityOf(element) {
  let opacity = 1;
  for (let e = element; e; e = e.parentElement) opacity *= Number(getComputedStyle(e).opacity);
  return opacity;
}

// Shapes of the drawing that are filled where the text stands and painted before it.
function groundsInDrawing(text) {
  const svg = text.ownerSVGElement, box = text.getBBox(), y = box.y + box.height / 2, under = groundOf(svg);
  const shapes = all("rect,polygon,circle", svg).filter((s) => s.compareDocumentPosition(text) & Node.DOCUMENT_POSITION_FOLLOWING);
  return [box.x + 1, box.x + box.width / 2, box.x + box.width - 1].map((x) => {
    const place = Object.assign(svg.createSVGPoint(), { x, y });
    return shapes.reduce((ground, shape) => {
      const style = getComputedStyle(shape);
      if (style.fill === "none" || !shape.isPointInFill(place)) return ground;
      const fill = colourOf(style.fill);
      fill.alpha *= Number(style.fillOpacity) * Number(style.opacity);
      return over(fill, ground);
    }, under);
  });
}

const TEXT = {
  contrast() {
    const worst = new Map();
    for (const { parent } of shownTexts()) {
      const style = getComputedStyle(parent), drawing = parent instanceof SVGElement;
      const ink = colourOf(drawing ? style.fill : style.color);
      ink.alpha *= opacityOf(parent);
      for (const ground of drawing ? groundsInDrawing(parent.closest("text") ?? parent) : [groundOf(parent)]) {
        const ratio = contrast(over(ink, ground), ground);
        if (ratio < LEAST_CONTRAST) worst.set(parent, Math.min(ratio, worst.get(parent) ?? ratio));
      }
    }
    return [...worst].map(([element, ratio]) => `${describe(element)} has ${ratio.toFixed(2)}:1`);
  },
};
