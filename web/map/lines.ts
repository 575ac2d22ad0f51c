// Coastlines, borders, and the edge of the radar's grid: drawn over the rain, so that it does not hide where it falls.

import { copies, worldX, worldY, type View } from "./mercator";

const FINE = 0.7; // pixels; smaller steps of a line are left out

/** A line over the world, its places one after another as x, y, x, y. */
export interface Line { places: Float64Array; west: number; east: number; north: number; south: number }

/** A line through longitudes and latitudes. */
export function lineThrough(degrees: number[][]): Line {
  const places = Float64Array.from(degrees.flatMap(([lon, lat]) => [worldX(lon!), worldY(lat!)]));
  const line = { places, west: Infinity, east: -Infinity, north: Infinity, south: -Infinity };
  for (let at = 0; at < places.length; at += 2) {
    line.west = Math.min(line.west, places[at]!); line.east = Math.max(line.east, places[at]!);
    line.north = Math.min(line.north, places[at + 1]!); line.south = Math.max(line.south, places[at + 1]!);
  }
  return line;
}

export function drawLines(context: CanvasRenderingContext2D, view: View, lines: Line[]): void {
  context.beginPath();
  for (const part of copies(view)) for (const line of lines) if (isSeen(line, part)) trace(context, line.places, part);
  context.stroke();
}

function isSeen(line: Line, { left, top, scale, width, height }: View): boolean {
  return line.east >= left && line.west <= left + width / scale && line.south >= top && line.north <= top + height / scale;
}

function trace(context: CanvasRenderingContext2D, places: Float64Array, { left, top, scale }: View): void {
  let lastX = 0, lastY = 0;
  for (let at = 0; at < places.length; at += 2) {
    const x = (places[at]! - left) * scale, y = (places[at + 1]! - top) * scale;
    if (at === 0) context.moveTo(x, y);
    else if (Math.abs(x - lastX) + Math.abs(y - lastY) < FINE && at + 2 < places.length) continue;
    else if (Math.abs(places[at]! - places[at - 2]!) > 0.5) context.moveTo(x, y); // over the date line, not around the world
    else context.lineTo(x, y);
    lastX = x; lastY = y;
  }
}
