// One timeline of what the radar saw and what is forecast.

import { tileAddress, type Forecast, type Scan, type TileJson } from "./api";
import type { Layer } from "./picture";

/** A moment of the timeline; `ahead` is null for what the radar saw, else minutes after the newest scan that the forecast knew. */
export interface Frame { time: string; ahead: number | null; key: string; step: number }

const HOURS_BACK = 2;

/** Two hours of radar, then the forecast from where it begins. */
export function timeline(scans: Scan[], forecast: Forecast | null): Frame[] {
  const ordered = [...scans].sort((a, b) => a.data.time.localeCompare(b.data.time));
  const newest = ordered.at(-1)?.data.time ?? forecast?.data.time;
  if (!newest) return [];
  const since = Date.parse(newest) - HOURS_BACK * 3_600_000;
  const seen: Frame[] = ordered.filter((scan) => Date.parse(scan.data.time) >= since).map((scan) => ({ time: scan.data.time, ahead: null, key: scan.key, step: 0 }));
  if (!forecast) return seen;
  const start = Date.parse(forecast.data.time);
  const last = seen.at(-1) ? Date.parse(seen.at(-1)!.time) : start;
  const ahead = forecast.lead_minutes
    .map((minutes, index) => ({ time: iso(start + minutes * 60_000), ahead: minutes, key: forecast.key, step: index + 1 }))
    .filter((frame) => Date.parse(frame.time) > last); // a method that is late does not hide the radar
  return [...seen, ...ahead];
}

/** What the map draws of a frame; null where the quantity is not there, such as a chance of what the radar saw. */
export function layerOf(frame: Frame, quantity: Quantity, grid: TileJson | null, table: string): Layer | null {
  if (!grid || (quantity.threshold !== null && frame.ahead === null)) return null;
  const name = quantity.threshold === null ? "rain_rate" : "probability";
  const tiles = tileAddress(frame.key, name, frame.step, quantity.threshold, table);
  return { id: tiles, tiles, maxzoom: grid.maxzoom, bounds: grid.bounds };
}

/** Rain rate, or the chance of a threshold [mm/h]. */
export interface Quantity { threshold: number | null }

/** The frame whose time is nearest. */
export function nearest(frames: Frame[], time: string): number {
  const wanted = Date.parse(time);
  let best = 0;
  frames.forEach((frame, index) => { if (Math.abs(Date.parse(frame.time) - wanted) < Math.abs(Date.parse(frames[best]!.time) - wanted)) best = index; });
  return best;
}

/** Number of the last frame that the radar saw; -1 if there is none. */
export const lastSeen = (frames: Frame[]) => frames.findLastIndex((frame) => frame.ahead === null);

export const iso = (milliseconds: number) => new Date(milliseconds).toISOString().replace(".000", "");
export const clock = (time: string) => time.slice(11, 16);
export const day = (time: string) => time.slice(0, 10);
