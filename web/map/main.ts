// The page: what the service has, on a map and a timeline, at a place, and how good it was.

import type uPlot from "uplot";
import * as api from "./api";
import { drawMeteogram, drawScores } from "./charts";
import { clock, day, lastSeen, layerOf, nearest, timeline, type Frame, type Quantity } from "./frames";
import { drawLegend } from "./legend";
import { readLink, writeLink } from "./link";
import { zoomFor } from "./mercator";
import type { Layer } from "./picture";
import { Player } from "./player";
import { RainMap } from "./rain_map";
import "./style.css";
import { LANGUAGES, preferred, write, type Words } from "./words";

const SCANS = 40;
const POLL_SECONDS = 30;
const RETRY_SECONDS = 5;
const HOURS = [3, 6, 12, 24, 72];
const SPEEDS = [4, 8, 15, 30]; // frames a second

const get = <T extends HTMLElement>(id: string) => document.querySelector<T>(`#${id}`)!;
const view = readLink(location.hash);
let words: Words = write(preferred());
let status: api.Status | null = null;
let scales: Record<string, api.Colours> = {};
let latestScores: api.Scores | null = null;
let point: api.Point | null = null;
let asked: [number, number] | null = null; // asked for last
let meteogram: uPlot | null = null;
let scoreChart: uPlot | null = null;
let grid: api.TileJson | null = null; // scans of one service lie on one grid, so the facts of one serve all
let loads = 0;
let retry: ReturnType<typeof setTimeout> | undefined;
const forecasts = new Map<string, api.Forecast>();

class Side {
  frames: Frame[] = [];
  layers: (Layer | null)[] = [];
  constructor(readonly rain: RainMap) {}
}
let main: Side;
let beside: Side | null = null;

const player = new Player(get("slider"), get("play"), showFrame, (place) => {
  const layer = main?.layers[place];
  return !layer || main.rain.has(layer.id);
});

function setUp(): void {
  const languages = get<HTMLSelectElement>("language");
  for (const [tag, one] of Object.entries(LANGUAGES)) languages.add(new Option(one.name, tag));
  languages.value = document.documentElement.lang;
  languages.addEventListener("change", () => { localStorage.setItem("stormcell-language", languages.value); words = write(languages.value); sayAll(); });
  fill("unit", [["mm/h", "mm/h"], ["dBZ", "dBZ"]], "mm/h");
  get("unit").addEventListener("change", sayLegend);
  get("table").addEventListener("change", () => { localStorage.setItem("stormcell-table", table()); void recolour(); });
  get("speed").addEventListener("change", () => { localStorage.setItem("stormcell-speed", get<HTMLSelectElement>("speed").value); setSpeed(); });
  const opacity = get<HTMLInputElement>("opacity");
  opacity.value = "80";
  opacity.addEventListener("input", () => { for (const side of [main, beside]) side?.rain.setOpacity(Number(opacity.value) / 100); });
  get("method").addEventListener("change", () => void renew());
  get("compare").addEventListener("change", () => void renew());
  get("quantity").addEventListener("change", () => { relayer(); sayLegend(); });
  get("event").addEventListener("change", showScores);
  get("hours").addEventListener("change", () => void loadScores());
  get("back").addEventListener("click", () => player.step(-1));
  get("on").addEventListener("click", () => player.step(1));
  get("share").addEventListener("click", () => void share());
  get("coordinates").addEventListener("submit", (event) => { event.preventDefault(); void ask(Number(get<HTMLInputElement>("lat").value), Number(get<HTMLInputElement>("lon").value)); });
  new ResizeObserver(() => redraw()).observe(get("panel"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  if (matchMedia("(max-width: 50rem)").matches) for (const part of document.querySelectorAll("#panel details")) part.toggleAttribute("open", part.id === "place");
}

async function start(): Promise<void> {
  setUp();
  sayPlain();
  for (;;) {
    try {
      [status, scales] = await Promise.all([api.status(), api.colours(table())]);
      if (status.newest_scan) break;
      say(words.no_data, true);
    } catch (error) { say(error instanceof api.Refused ? error.message : words.offline, true); }
    await new Promise((done) => setTimeout(done, RETRY_SECONDS * 1000));
  }
  const box = status.bounds;
  const centre: [number, number] = view.centre ?? (box ? [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2] : [10, 50]);
  const { width, height } = get("map").getBoundingClientRect();
  const start = { centre, zoom: view.zoom ?? (box ? zoomFor(box, width, height) : 4) };
  main = new Side(new RainMap(get("map"), start, (lat, lon) => void ask(lat, lon)));
  (window as unknown as { stormcellMap: unknown }).stormcellMap = main.rain; // for tests, and for the curious
  main.rain.call(words.map);
  if (box) main.rain.setEdge(box);
  main.rain.map.on("moveend", remember);
  fillMethods();
  await renew();
  listen();
  if (view.point) void ask(...view.point);
}

/** Whether the service has something new: told by it, or asked for. */
function listen(): void {
  if (api.hasKey()) { setInterval(() => void renew(), POLL_SECONDS * 1000); return; }
  let waiting: ReturnType<typeof setTimeout> | undefined;
  const events = new EventSource("/v1/events");
  for (const kind of ["scan", "forecast"]) events.addEventListener(kind, () => { clearTimeout(waiting); waiting = setTimeout(() => void renew(), 500); });
  events.addEventListener("error", () => sayStatus(true));
  setInterval(() => void api.status().then((fresh) => { status = fresh; sayStatus(); }, () => sayStatus(true)), POLL_SECONDS * 1000);
}

/** Ask for all that is shown, then show it at once; what a person did in the meantime stands, and of two answers the one asked for last counts. */
async function load(): Promise<void> {
  const mine = loads += 1;
  const [method, other] = [get<HTMLSelectElement>("method").value, get<HTMLSelectElement>("compare").value];
  const latest = (name: string) => api.latest(name).catch(() => null);
  const [fresh, scans, forecast, compared] = await Promise.all([api.status(), api.scans(SCANS), latest(method), other ? latest(other) : null]);
  const frames = timeline(scans, forecast);
  if (frames[0]) grid ??= await api.tileJson(frames[0].key);
  if (mine !== loads) return;
  const before = main.frames[player.place];
  const wasNewest = before !== undefined && player.place === lastSeen(main.frames);
  status = fresh;
  sayStatus();
  main.frames = frames;
  const now = frames.findIndex((frame) => frame.ahead !== null);
  get("zones").style.setProperty("--share", String(now < 0 ? 1 : (now - 0.5) / Math.max(1, frames.length - 1)));
  get("map").dataset.method = method;
  showBeside(other, other ? timeline(scans, compared) : []);
  fillQuantities();
  setLayers();
  const wanted = wasNewest ? undefined : before?.time ?? view.time;
  player.set(frames.length, wanted ? nearest(frames, wanted) : lastSeen(frames));
  remember();
}

/** What is new of everything: rain, a place, scores. */
async function renew(): Promise<void> {
  clearTimeout(retry);
  try { await load(); } catch {
    say(words.offline, true);
    retry = setTimeout(() => void renew(), RETRY_SECONDS * 1000);
    return;
  }
  void answer();
  void loadScores();
}

function showBeside(method: string, frames: Frame[]): void {
  const container = get("other");
  container.hidden = !method;
  document.body.classList.toggle("compares", Boolean(method));
  if (!method) { beside?.rain.remove(); beside = null; return; }
  if (!beside) {
    const { lng, lat } = main.rain.map.getCenter();
    beside = new Side(new RainMap(container, { centre: [lng, lat], zoom: main.rain.map.getZoom() }, (a, b) => void ask(a, b)));
    beside.rain.call(words.other_map);
    if (point) beside.rain.mark(point.lat, point.lon);
    beside.rain.follow(main.rain);
    beside.rain.setOpacity(Number(get<HTMLInputElement>("opacity").value) / 100);
    if (status?.bounds) beside.rain.setEdge(status.bounds);
  }
  container.dataset.method = method;
  beside.frames = frames;
}

const table = () => get<HTMLSelectElement>("table").value;

/** Paint the rain by the chosen table, and say what its colours mean. */
async function recolour(): Promise<void> {
  try { scales = await api.colours(table()); } catch { say(words.offline, true); return; }
  sayLegend();
  if (main) relayer();
}

function setSpeed(): void { player.setSpeed(Number(get<HTMLSelectElement>("speed").value)); }

function quantity(): Quantity {
  const chosen = get<HTMLSelectElement>("quantity").value;
  return { threshold: chosen.startsWith("p") ? Number(chosen.slice(1)) : null };
}

/** Show the same moment with what is chosen now. */
function relayer(): void {
  setLayers();
  showFrame(player.place);
  remember();
}

function setLayers(): void {
  for (const side of [main, beside]) {
    if (!side) continue;
    // Where there is no chance to show, of radar or of a single forecast, the rain itself is shown.
    side.layers = side.frames.map((frame) => {
      const has = (forecasts.get(frame.key)?.thresholds ?? status?.newest_forecasts.find((one) => one.key === frame.key)?.thresholds ?? []);
      const wanted = quantity();
      return layerOf(frame, wanted.threshold !== null && has.includes(wanted.threshold) ? wanted : { threshold: null }, grid, table());
    });
    side.rain.setLayers(side.layers.filter((layer): layer is Layer => layer !== null));
  }
}

function showFrame(place: number): void {
  const frame = main?.frames[place];
  if (!frame) return;
  main.rain.show(main.layers[place]?.id ?? null);
  if (beside) beside.rain.show(beside.layers[nearest(beside.frames, frame.time)]?.id ?? null);
  const forecast = frame.ahead !== null;
  const kind = forecast ? `${words.forecast} ${words.ahead(frame.ahead!)}` : words.observed;
  get("time").textContent = `${clock(frame.time)} UTC · ${kind}`;
  get("time").className = forecast ? "forecast" : "observed";
  get("shown").textContent = forecast ? words.forecast : words.observed;
  get("shown").className = forecast ? "forecast" : "observed";
  get("slider").setAttribute("aria-valuetext", `${day(frame.time)} ${clock(frame.time)} UTC, ${kind}`);
}

async function ask(lat: number, lon: number): Promise<void> {
  lon = ((lon + 540) % 360) - 180;
  get<HTMLInputElement>("lat").value = lat.toFixed(4);
  get<HTMLInputElement>("lon").value = lon.toFixed(4);
  for (const side of [main, beside]) side?.rain.mark(lat, lon);
  asked = [lat, lon];
  await answer();
}

/** What comes at the place asked for last; an answer that arrives after the next question counts for nothing. */
async function answer(): Promise<void> {
  const of = asked;
  if (!of) return;
  try {
    const found = await api.point(...of, get<HTMLSelectElement>("method").value);
    if (of !== asked) return;
    point = found;
  } catch (error) {
    if (of === asked) get("outlook").textContent = error instanceof api.Refused ? error.message : words.offline;
    return;
  }
  showPoint();
  remember();
}

function showPoint(): void {
  if (!point) { get("outlook").textContent = words.click; return; }
  get("outlook").textContent = outlook(point);
  const target = get("meteogram");
  target.hidden = point.reason === "outside_the_grid";
  if (!target.hidden) meteogram = drawMeteogram(target, point, words, meteogram);
}

function outlook(of: api.Point): string {
  if (of.reason === "outside_the_grid") return words.outside;
  if (of.reason === "forecast_is_over") return words.over;
  if (of.reason) return words.not_seen;
  if (of.starts_in_minutes === null) return words.dry(of.known_minutes);
  if (of.starts_in_minutes > 0) return words.starts(of.starts_in_minutes);
  return of.ends_in_minutes === null ? words.rains_on(of.known_minutes) : words.ends(of.ends_in_minutes);
}

async function loadScores(): Promise<void> {
  latestScores = await api.scores(Number(get<HTMLSelectElement>("hours").value)).catch(() => null);
  const known = [...new Set((latestScores?.scores ?? []).filter((row) => row.score === "csi" && row.threshold !== null).map((row) => row.threshold!))];
  const chosen = get<HTMLSelectElement>("event").value || "0.5";
  fill("event", known.map((threshold) => [String(threshold), `${threshold} mm/h`]), chosen);
  showScores();
}

function showScores(): void {
  const target = get("scores");
  if (!latestScores) { target.textContent = words.no_scores; return; }
  scoreChart = drawScores(target, latestScores, Number(get<HTMLSelectElement>("event").value), words, scoreChart);
}

function redraw(): void { if (point) showPoint(); if (latestScores) showScores(); }

function fillMethods(): void {
  const names = status!.methods;
  const [method, compare] = [get<HTMLSelectElement>("method").value || view.method, get<HTMLSelectElement>("compare").value || view.compare];
  fill("method", names.map((name) => [name, name]), method ?? "");
  fill("compare", [["", words.nothing], ...names.map((name): [string, string] => [name, name])], compare ?? "");
}

function fillQuantities(): void {
  for (const one of status!.newest_forecasts) forecasts.set(one.key, one);
  const thresholds = [...new Set(status!.newest_forecasts.flatMap((one) => one.thresholds))].sort((a, b) => a - b);
  const before = get<HTMLSelectElement>("quantity").value || view.quantity || "";
  fill("quantity", [["", words.rain], ...thresholds.map((one): [string, string] => [`p${one}`, words.probability(String(one))])], before);
  sayLegend();
}

function fill(id: string, options: [string, string][], chosen: string): void {
  const select = get<HTMLSelectElement>(id);
  select.replaceChildren(...options.map(([value, text]) => new Option(text, value)));
  select.value = options.some(([value]) => value === chosen) ? chosen : options[0]?.[0] ?? "";
}

function sayPlain(): void {
  player.say(words);
  const hours = get<HTMLSelectElement>("hours").value || "6";
  fill("hours", HOURS.map((n) => [String(n), words.hours_of(n)]), hours);
  fill("table", Object.entries(words.tables), table() || view.table || localStorage.getItem("stormcell-table") || "");
  fill("speed", SPEEDS.map((n) => [String(n), words.speed_of(n)]), get<HTMLSelectElement>("speed").value || localStorage.getItem("stormcell-speed") || "8");
  setSpeed();
  get("outlook").textContent = words.click;
}

function sayAll(): void {
  sayPlain();
  if (!status || !main) return;
  main.rain.call(words.map);
  beside?.rain.call(words.other_map);
  fillMethods();
  fillQuantities();
  sayStatus();
  showFrame(player.place);
  showPoint();
  showScores();
}

function sayStatus(offline = false): void {
  if (!status?.newest_scan) return;
  const { time, age_minutes: age, stale } = status.newest_scan.data;
  const ago = age < 120 ? words.minutes_ago(age) : age < 48 * 60 ? words.hours_ago(Math.round(age / 60)) : words.days_ago(Math.round(age / 1440));
  const said = stale ? words.stale(`${day(time)} ${clock(time)}`, ago) : words.newest(age < 1440 ? clock(time) : `${day(time)} ${clock(time)}`, ago);
  say(offline ? `${words.offline} ${said}` : said, stale || offline);
  get("attribution").textContent = status.attribution ? words.data_from + status.attribution : "";
}

function say(text: string, bad: boolean): void {
  const target = get("status");
  if (target.textContent !== text) target.textContent = text;
  target.classList.toggle("bad", bad);
}

/** What the colours mean: of rain, which the radar saw, and of chances where they are shown. */
function sayLegend(): void {
  const shown = quantity().threshold === null ? ["rain_rate"] : ["probability", "rain_rate"];
  drawLegend(get("legend"), shown.flatMap((name) => scales[name] ?? []), get<HTMLSelectElement>("unit").value, words);
}

function link(): string {
  const centre = main.rain.map.getCenter();
  const frame = main.frames[player.place];
  return writeLink({
    centre: [centre.lng, centre.lat], zoom: main.rain.map.getZoom(), time: frame?.time,
    point: point ? [point.lat, point.lon] : undefined, method: get<HTMLSelectElement>("method").value,
    compare: get<HTMLSelectElement>("compare").value, quantity: get<HTMLSelectElement>("quantity").value, table: table(),
  });
}

function remember(): void { if (main.frames.length) history.replaceState(null, "", link()); }

async function share(): Promise<void> {
  remember();
  try { await navigator.clipboard.writeText(location.href); } catch { return; } // the address bar has it all the same
  get("share").textContent = words.shared;
  setTimeout(() => { get("share").textContent = words.share; }, 2000);
}

void start();
