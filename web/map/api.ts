// What the service answers, and how it is asked. Everything comes from where the page comes from.

export interface Age { time: string; age_minutes: number; stale: boolean }
export interface Scan { key: string; data: Age }
export interface Forecast {
  key: string; method: string; data: Age; lead_minutes: number[]; members: number; thresholds: number[]; quantiles: number[];
  notes: { fallback?: string; scans_missing?: number };
}
export interface Status {
  methods: string[]; newest_scan: Scan | null; newest_forecasts: Forecast[]; stale: boolean; attribution: string | null;
  bounds: [number, number, number, number] | null;
}
export interface TileJson { maxzoom: number; bounds: [number, number, number, number] }
export interface Ensemble {
  method: string; members: number; times: string[];
  quantiles: { level: number; rain_rate: (number | null)[] }[];
  probabilities: { threshold: number; probability: (number | null)[] }[];
}
export interface Point {
  lat: number; lon: number; method: string; data: Age; reason: string | null; outlook: string; rain_rate: number | null;
  starts_in_minutes: number | null; ends_in_minutes: number | null; known_minutes: number; times: string[]; rain_rates: (number | null)[];
  ensemble: Ensemble | null;
}
export interface Scored { method: string; score: string; threshold: number | null; lead_minutes: number[]; values: (number | null)[]; fields: number[] }
export interface Scores { since: string; until: string; reference: string; scores: Scored[] }
export interface Colours { unit: string; below: string; classes: { at_least: number | null; label: string; colour: string }[]; not_seen: string }

/** An answer that is an error, in the words of the service. */
export class Refused extends Error {
  constructor(readonly status: number, detail: string) { super(detail); }
}

let key: string | null = sessionStorage.getItem("stormcell-key");
let asking: Promise<void> | null = null;

/** Headers that go with every request, map tiles too. */
export function headers(): Record<string, string> {
  return key ? { "X-API-Key": key } : {};
}

/** Whether the service wants a key, which event streams cannot carry. */
export function hasKey(): boolean { return key !== null; }

async function json<T>(path: string, retry = true): Promise<T> {
  const response = await fetch(path, { headers: headers() });
  if (response.ok) return await response.json() as T;
  if (response.status === 401 && retry) { await askForKey(); return json<T>(path, false); }
  let detail = response.statusText;
  try { detail = (await response.json() as { detail?: string }).detail ?? detail; } catch { /* no words in it */ }
  throw new Refused(response.status, detail);
}

function askForKey(): Promise<void> {
  asking ??= new Promise<void>((done) => {
    const dialog = document.querySelector<HTMLDialogElement>("#ask")!;
    dialog.showModal();
    dialog.addEventListener("close", () => {
      key = document.querySelector<HTMLInputElement>("#key")!.value.trim() || null;
      if (key) sessionStorage.setItem("stormcell-key", key);
      asking = null;
      done();
    }, { once: true });
  });
  return asking;
}

const query = (values: Record<string, string | number>) => new URLSearchParams(Object.entries(values).map(([name, value]) => [name, String(value)])).toString();

export const status = () => json<Status>("/v1/status");
export const scans = (limit: number) => json<{ scans: Scan[] }>(`/v1/scans?limit=${limit}`).then((answer) => answer.scans);
export const latest = (method: string) => json<Forecast>(`/v1/forecasts/latest?${query({ method })}`);
export const tileJson = (field: string) => json<TileJson>(`/v1/fields/${field}/tiles.json`);
export const point = (lat: number, lon: number, method: string) => json<Point>(`/v1/point?${query({ lat, lon, method })}`);
export const scores = (hours: number) => json<Scores>(`/v1/scores?${query({ hours })}`);
export const colours = (table: string) => json<Record<string, Colours>>(`/v1/colours?${query({ table })}`);

export const tileAddress = (field: string, quantity: string, step: number, threshold: number | null, table: string) =>
  `/v1/tiles/${field}/${quantity}/${step}/{z}/{x}/{y}.webp?${query({ size: 512, ...(threshold === null ? { table } : { threshold }) })}`;
