// Lines over steps as SVG: axes, grid, legend beside the lines, colours from the style sheet.

export interface Line {
  label: string;
  values: number[];
  kind: string; // class of the style sheet: its colour and its dashes
}

export interface Frame {
  title: string; // accessible name
  xLabel: string;
  yLabel: string;
  y: [number, number];
  ticks: number[];
  tick: (value: number) => string;
  x0?: number; // number of the first value; 1 for steps, 0 for lags
}

const HEIGHT = 240;
const EDGE = { left: 64, right: 12, top: 12, bottom: 44 };

/** As wide as where it goes, so that its letters are as large as those around it. */
export function plot(into: HTMLElement, frame: Frame, lines: Line[], marks: number[] = []): void {
  const width = Math.max(into.clientWidth, 240);
  const first = frame.x0 ?? 1;
  const count = Math.max(...lines.map((line) => line.values.length));
  const [low, high] = frame.y;
  const right = width - EDGE.right;
  const bottom = HEIGHT - EDGE.bottom;
  const x = (place: number) => EDGE.left + (place / Math.max(1, count - 1)) * (right - EDGE.left);
  const y = (value: number) => bottom - ((Math.min(Math.max(value, low), high) - low) / (high - low)) * (bottom - EDGE.top);
  const across = frame.ticks.map(
    (value) =>
      `<line class="grid" x1="${EDGE.left}" x2="${right}" y1="${y(value)}" y2="${y(value)}"/>` +
      `<text class="tick" x="${EDGE.left - 8}" y="${y(value) + 4}" text-anchor="end">${frame.tick(value)}</text>`,
  );
  const down = stepTicks(first, first + count - 1, width).map(
    (step) =>
      `<line class="axis" x1="${x(step - first)}" x2="${x(step - first)}" y1="${bottom}" y2="${bottom + 5}"/>` +
      `<text class="tick" x="${x(step - first)}" y="${bottom + 19}" text-anchor="middle">${step}</text>`,
  );
  const marked = marks.map((at) => `<line class="mark" x1="${EDGE.left}" x2="${right}" y1="${y(at)}" y2="${y(at)}"/>`);
  const drawn = lines.map((line) => {
    const points = line.values.map((value, place) => `${x(place).toFixed(1)},${y(value).toFixed(1)}`);
    return `<polyline class="line ${line.kind}" points="${points.join(" ")}"/>`;
  });
  const middle = (EDGE.top + bottom) / 2;
  into.innerHTML =
    `<svg viewBox="0 0 ${width} ${HEIGHT}" role="img" aria-label="${frame.title}">${across.join("")}` +
    `<line class="axis" x1="${EDGE.left}" x2="${right}" y1="${bottom}" y2="${bottom}"/>${down.join("")}${marked.join("")}${drawn.join("")}` +
    `<text class="label" x="${(EDGE.left + right) / 2}" y="${HEIGHT - 4}" text-anchor="middle">${frame.xLabel}</text>` +
    `<text class="label" transform="translate(14 ${middle}) rotate(-90)" text-anchor="middle">${frame.yLabel}</text></svg>` +
    (lines.length > 1 ? legend(lines) : "");
}

function legend(lines: Line[]): string {
  const entry = (line: Line) =>
    `<li><svg viewBox="0 0 28 8" aria-hidden="true"><line class="line ${line.kind}" x1="0" x2="28" y1="4" y2="4"/></svg>${line.label}</li>`;
  return `<ul class="legend">${lines.map(entry).join("")}</ul>`;
}

function stepTicks(first: number, last: number, width: number): number[] {
  const gap = [1, 2, 5, 10, 20, 25, 50].find((size) => (last - first) / size <= width / 60) ?? 50;
  const ticks = [];
  for (let step = Math.ceil(first / gap) * gap; step <= last; step += gap) ticks.push(step);
  return ticks;
}

/** Round limits of a logarithmic axis that hold all values (given as log10), and its ticks. */
export function decades(values: number[]): { y: [number, number]; ticks: number[] } {
  const low = Math.min(-2, Math.floor(Math.min(...values)));
  const high = Math.max(2, Math.ceil(Math.max(...values)));
  const gap = Math.max(1, Math.ceil((high - low) / 6));
  const ticks = [];
  for (let tick = Math.ceil(low / gap) * gap; tick <= high; tick += gap) ticks.push(tick);
  return { y: [low, high], ticks };
}
