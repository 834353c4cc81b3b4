// What a chart has to show: labels that can be read, lines that are there, values where the pointer rests.

const isNarrower = (a, b) => a.left < b.left - 0.5 || a.right > b.right + 0.5 || a.top < b.top - 0.5 || a.bottom > b.bottom + 0.5;

function overlap(a, b) {
  const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
  const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
  return across > 0.5 && down > 0.5;
}

function screenPoint(shape, point) {
  const at = point.matrixTransform(shape.getScreenCTM());
  return { x: at.x, y: at.y };
}

// Beginning, middle and end of each line and the upper edge of each area, one pixel inwards: the last one lies on the edge.
function pointsToRestOn(svg) {
  const box = svg.getBoundingClientRect(), middle = { x: (box.left + box.right) / 2, y: (box.top + box.bottom) / 2 };
  return all("polyline,polygon", svg).flatMap((shape) => {
    const last = shape.points.numberOfItems - 1, end = shape.localName === "polygon" ? (last - 1) / 2 : last;
    return [0, Math.floor(end / 2), end].map((i) => {
      const at = screenPoint(shape, shape.points.getItem(i));
      return { x: at.x + Math.sign(middle.x - at.x), y: at.y };
    });
  });
}

function hasTitle(element, svg) {
  for (let e = element; e && e !== svg; e = e.parentElement)
    if (e.querySelector(":scope > title")?.textContent.trim()) return true;
  return false;
}

const CHARTS = {
  "labels in charts"() {
    const out = [];
    for (const svg of charts()) {
      const frame = svg.getBoundingClientRect();
      const labels = all("text", svg).filter(isShown).map((text) => ({ text, box: text.getBoundingClientRect() }));
      labels.forEach(({ text, box }, i) => {
        if (isNarrower(box, frame)) out.push(`${chartName(svg)}: "${text.textContent}" sticks out`);
        for (const other of labels.slice(i + 1))
          if (overlap(box, other.box)) out.push(`${chartName(svg)}: "${text.textContent}" lies over "${other.text.textContent}"`);
      });
    }
    return out;
  },

  "lines in charts"() {
    const out = [];
    for (const svg of charts()) {
      const lines = all("polyline", svg);
      if (all("polyline,polygon,rect", svg).length === 0) out.push(`${chartName(svg)} draws nothing`);
      for (const line of lines) {
        const style = getComputedStyle(line), box = line.getBoundingClientRect(), points = line.points.numberOfItems;
        if (style.stroke === "none" || parseFloat(style.strokeWidth) === 0) out.push(`${chartName(svg)}: ${describe(line)} has no ink`);
        if (points === 0 || (points > 1 && box.width + box.height < 1)) out.push(`${chartName(svg)}: ${describe(line)} is empty`);
        if (points === 1 && all("circle", svg).length === 0) out.push(`${chartName(svg)}: ${describe(line)} is a point without a dot`);
      }
    }
    return out;
  },

  "values under the pointer"(view) {
    if (view.print) return [];
    const out = [];
    for (const svg of charts().filter((s) => s.querySelector("polyline,polygon"))) {
      svg.scrollIntoView({ block: "center", behavior: "instant" });
      const missing = pointsToRestOn(svg).filter(({ x, y }) => !hasTitle(document.elementFromPoint(x, y), svg));
      if (missing.length > 0) out.push(`${chartName(svg)}: nothing opens at ${missing.length} of its points`);
    }
    scrollTo({ top: 0, behavior: "instant" });
    return out;
  },
};

// Not a check of its own: where chromium.py looks for colours in its picture of the page.
function drawnBoxes() {
  return charts().map((svg) => {
    const box = svg.getBoundingClientRect();
    const strokes = all("polyline:not(.faint)", svg).filter((l) => l.points.numberOfItems > 1).map((l) => getComputedStyle(l).stroke);
    return { name: chartName(svg), x: box.x + scrollX, y: box.y + scrollY, width: box.width, height: box.height,
             strokes: [...new Set(strokes)].map((s) => colourOf(s).channels) };
  });
}
