// The plot of the rates of the last five minutes.

import { groupDigits } from "./text.js";

const SECONDS = 300;
const GAP_SECONDS = 4; // a longer time without a look is a gap in the line
const LINES = [["changes", 4], ["cancelled", 3], ["placed", 2]]; // the names, and where a point has them
const EDGE = { top: 8, right: 10, bottom: 22, left: 44 };

function draw(tag, attributes, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

// The smallest of 1, 2, 4, 5, 10, 20, 40 ... that is not below the number.
function roundUp(number) {
  const power = 10 ** Math.floor(Math.log10(Math.max(number, 1)));
  return [1, 2, 4, 5, 10].map((step) => step * power).find((top) => top >= number);
}

function pathOf(points, column, toX, toY) {
  let path = "";
  let last = null;
  for (const point of points) {
    if (point[column] === null) {
      last = null;
      continue;
    }
    const joins = last !== null && point[0] - last < GAP_SECONDS;
    path += `${joins ? "L" : "M"}${toX(point[0]).toFixed(1)} ${toY(point[column]).toFixed(1)}`;
    last = point[0];
  }
  return path;
}

export class Plot {
  constructor(svg) {
    this.svg = svg;
    this.points = [];
    new ResizeObserver(() => this.draw()).observe(svg);
  }

  reset(points) {
    this.points = points;
  }

  add(point) {
    const last = this.points.at(-1);
    if (!last || last[0] < point[0]) this.points.push(point);
    while (this.points[0][0] < point[0] - SECONDS) this.points.shift();
    this.draw();
  }

  draw() {
    const { width, height } = this.svg.getBoundingClientRect();
    if (!width || !this.points.length) return;
    const now = this.points.at(-1)[0];
    const top = roundUp(Math.max(1, ...this.points.flatMap((point) => LINES.map(([, column]) => point[column] ?? 0))));
    const toX = (at) => EDGE.left + (1 - (now - at) / SECONDS) * (width - EDGE.left - EDGE.right);
    const toY = (rate) => height - EDGE.bottom - (rate / top) * (height - EDGE.top - EDGE.bottom);
    const drawn = [];
    for (const share of [0, 0.25, 0.5, 0.75, 1]) {
      const y = toY(top * share);
      drawn.push(draw("line", { x1: EDGE.left, x2: width - EDGE.right, y1: y, y2: y, class: share ? "grid" : "base" }));
      if (share * 2 === Math.round(share * 2)) {
        drawn.push(draw("text", { x: EDGE.left - 8, y: y + 4, "text-anchor": "end" }, groupDigits(top * share)));
      }
    }
    for (let minutes = 0; minutes <= 5; minutes += width < 480 ? 2 : 1) {
      const anchor = minutes === 0 ? "end" : minutes === 5 ? "start" : "middle";
      const label = minutes === 0 ? "now" : `−${minutes} min`;
      drawn.push(draw("text", { x: toX(now - minutes * 60), y: height - 5, "text-anchor": anchor }, label));
    }
    for (const [name, column] of LINES) {
      drawn.push(draw("path", { d: pathOf(this.points, column, toX, toY), class: name }));
    }
    this.svg.replaceChildren(...drawn);
  }
}
