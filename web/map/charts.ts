// The two charts of the page: rain at a place, and how good forecasts were. Both are drawn by uPlot and said in a table for screen readers.

import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { Point, Scored, Scores } from "./api";
import { clock } from "./frames";
import type { Words } from "./words";

// Of Okabe and Ito, lighter on dark pages; dashes tell lines apart without colours.
const LINES = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#8a6d00"];
const DARK_LINES = ["#56B4E9", "#F0A060", "#40C9A2", "#E3A0C5", "#E6C84A"];
const DASHES: (number[] | undefined)[] = [undefined, [8, 4], [2, 3], [10, 3, 2, 3], [1, 4]];
const isDark = () => matchMedia("(prefers-color-scheme: dark)").matches;
const line = (index: number) => (isDark() ? DARK_LINES : LINES)[index % LINES.length]!;
const BAND = 4;
const band = () => (isDark() ? "rgba(230, 200, 74, 0.25)" : "rgba(138, 109, 0, 0.2)");
const ink = () => (isDark() ? "#c9d3de" : "#39424c");
const grid = () => (isDark() ? "#33404d" : "#dde3e8");

function axis(label: string): uPlot.Axis {
  return { label, stroke: ink, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid }, labelSize: 22, font: "12px system-ui, sans-serif", labelFont: "12px system-ui, sans-serif" };
}

/** Rain at a place, minute by minute, with what the ensemble says. */
export function drawMeteogram(target: HTMLElement, point: Point, words: Words, old: uPlot | null): uPlot {
  old?.destroy();
  const seconds = point.times.map((time) => Date.parse(time) / 1000);
  const data: (number | null | undefined)[][] = [seconds, point.rain_rates];
  const series: uPlot.Series[] = [{}, { label: point.method, stroke: () => line(0), width: 2.5 }];
  const bands: uPlot.Band[] = [];
  const quantiles = point.ensemble?.quantiles ?? [];
  if (point.ensemble && quantiles.length >= 2) {
    const at = new Map(point.ensemble.times.map((time, index) => [Date.parse(time) / 1000, index]));
    const low = quantiles[0]!, high = quantiles[quantiles.length - 1]!;
    for (const one of [high, low]) {
      data.push(seconds.map((second) => { const index = at.get(second); return index === undefined ? undefined : one.rain_rate[index] ?? null; }));
      series.push({ label: words.between(Math.round(low.level * 100), Math.round(high.level * 100)), stroke: () => line(BAND), width: 1, dash: [3, 3], spanGaps: true, points: { show: false } });
    }
    bands.push({ series: [2, 3], fill: band() });
  }
  const options: uPlot.Options = {
    width: target.clientWidth || 300, height: 190, series, bands, legend: { show: false }, cursor: { y: false },
    tzDate: (stamp) => uPlot.tzDate(new Date(stamp * 1000), "UTC"),
    scales: { y: { range: (_, __, most) => [0, Math.max(1, most * 1.1)] } },
    axes: [{ ...axis(words.minutes_axis), size: 34, values: (_, ticks) => ticks.map((tick) => clock(new Date(tick * 1000).toISOString())) }, { ...axis(words.rain_axis), size: 46 }],
  };
  const plot = new uPlot(options, data as uPlot.AlignedData, target);
  target.querySelector("ul")?.remove();
  const list = legend();
  list.append(entry(point.method, line(0)));
  if (bands.length) {
    const said = entry(`${point.ensemble!.method}: ${series[2]!.label as string}`, line(BAND), "band");
    said.style.setProperty("--fill", band());
    list.append(said);
  }
  target.append(list);
  return plot;
}

/** CSI of every method by lead time for one event. */
export function drawScores(target: HTMLElement, scores: Scores, threshold: number, words: Words, old: uPlot | null): uPlot | null {
  old?.destroy();
  target.textContent = "";
  const rows = scores.scores.filter((row) => row.score === "csi" && row.threshold === threshold && row.values.some((value) => value !== null));
  if (!rows.length) { target.textContent = words.no_scores; return null; }
  const ordered = [...rows.filter((row) => row.method !== scores.reference), ...rows.filter((row) => row.method === scores.reference)];
  const name = (row: Scored) => (row.method === scores.reference ? words.persistence : row.method);
  const leads = ordered[0]!.lead_minutes;
  const list = legend();
  const series: uPlot.Series[] = [{}];
  ordered.forEach((row, index) => {
    const reference = row.method === scores.reference;
    const colour = () => (reference ? ink() : line(index));
    const dash = reference ? [2, 4] : DASHES[index % DASHES.length];
    series.push({ label: name(row), stroke: colour, width: 2, ...(dash ? { dash } : {}), points: { show: true, size: 5 } });
    list.append(entry(name(row), colour(), dash ? "dashed" : ""));
  });
  target.append(list);
  const options: uPlot.Options = {
    width: target.clientWidth || 300, height: 190, series, legend: { show: false }, cursor: { y: false },
    scales: { x: { time: false }, y: { range: [0, 1] } }, axes: [{ ...axis(words.lead_axis), size: 34 }, { ...axis(words.csi_axis), size: 46 }],
  };
  const plot = new uPlot(options, [leads, ...ordered.map((row) => row.values)] as uPlot.AlignedData, target);
  target.append(table(words.score_table, leads, ordered.map((row) => [name(row), row.values])));
  return plot;
}

function legend(): HTMLUListElement {
  const made = document.createElement("ul");
  made.className = "lines";
  return made;
}

/** What a line, or a band, is. */
function entry(text: string, colour: string, kind = ""): HTMLLIElement {
  const made = document.createElement("li");
  made.textContent = text;
  made.className = kind;
  made.style.setProperty("--colour", colour);
  return made;
}

function table(caption: string, leads: number[], rows: [string, (number | null)[]][]): HTMLTableElement {
  const made = document.createElement("table");
  made.className = "unseen";
  made.createCaption().textContent = caption;
  const head = made.createTHead().insertRow();
  head.insertCell();
  for (const lead of leads) head.insertCell().textContent = `${lead} min`;
  const body = made.createTBody();
  for (const [name, values] of rows) {
    const row = body.insertRow();
    row.insertCell().textContent = name;
    for (const value of values) row.insertCell().textContent = value === null ? "-" : value.toFixed(2);
  }
  return made;
}
