// Web Mercator: the world as a square of side 1 with its corner in the north-west, and what of it a view shows.

import type { Map } from "maplibre-gl";

const SIDE = 512; // of the world at zoom 0 [CSS pixels]
const LAST_LATITUDE = 85.051129; // where the square ends

export const worldX = (lon: number) => lon / 360 + 0.5;

export function worldY(lat: number): number {
  const within = Math.max(-LAST_LATITUDE, Math.min(LAST_LATITUDE, lat));
  return 0.5 - Math.log(Math.tan(Math.PI / 4 + (within * Math.PI) / 360)) / Math.PI / 2;
}

/** Part of the world on the screen: its corner, and how many pixels of the screen the world is wide. */
export interface View { left: number; top: number; scale: number; width: number; height: number; zoom: number }

/** What a map shows, on a canvas with `ratio` pixels for each of CSS. */
export function viewOf(map: Map, ratio: number): View {
  const { lng, lat } = map.getCenter();
  const { clientWidth, clientHeight } = map.getContainer();
  const zoom = map.getZoom(), scale = SIDE * 2 ** zoom * ratio, width = clientWidth * ratio, height = clientHeight * ratio;
  return { left: worldX(lng) - width / 2 / scale, top: worldY(lat) - height / 2 / scale, scale, width, height, zoom };
}

/** The view as it lies in each copy of the world that it shows: beyond the date line the world begins again. */
export function copies(view: View): View[] {
  const first = Math.floor(view.left), last = Math.floor(view.left + view.width / view.scale);
  return Array.from({ length: last - first + 1 }, (_, index) => ({ ...view, left: view.left - first - index }));
}

/** The zoom at which a box of degrees fits. */
export function zoomFor([west, south, east, north]: [number, number, number, number], width: number, height: number): number {
  const wide = (east - west) / 360, high = worldY(south) - worldY(north);
  return Math.max(1, Math.min(Math.log2(width / SIDE / wide), Math.log2(height / SIDE / high)) - 0.05);
}
