// Land and borders of the world, made fit for a flat map.

import { feature, mesh } from "topojson-client";
import type { GeometryCollection, Topology } from "topojson-specification";
import atlasUrl from "world-atlas/countries-50m.json?url";
import { lineThrough, type Line } from "./lines";

export interface Atlas { land: GeoJSON.FeatureCollection; borders: Line[] }

let asked: Promise<Atlas> | null = null;

/** The world at 1 : 50 million; it is asked for once. */
export function atlas(): Promise<Atlas> {
  asked ??= fetch(atlasUrl).then((response) => response.json()).then((world: Topology<{ countries: GeometryCollection }>) => {
    const land = feature(world, world.objects.countries);
    for (const { geometry } of land.features) {
      if (geometry.type === "Polygon") geometry.coordinates = geometry.coordinates.map(unrolled);
      else if (geometry.type === "MultiPolygon") geometry.coordinates = geometry.coordinates.map((polygon) => polygon.map(unrolled));
    }
    return { land, borders: mesh(world, world.objects.countries).coordinates.map(lineThrough) };
  });
  return asked;
}

/** A ring on the globe, on a flat map: it goes on beyond the date line, and around the south pole it is closed along it. */
function unrolled(ring: GeoJSON.Position[]): GeoJSON.Position[] {
  let turns = 0, before = ring[0]![0]!;
  const flat = ring.map(([lon, lat]) => {
    if (Math.abs(lon! - before) > 180) turns += lon! < before ? 360 : -360;
    before = lon!;
    return [lon! + turns, lat!];
  });
  return turns === 0 ? flat : [...flat, [flat.at(-1)![0]!, -90], [flat[0]![0]!, -90], flat[0]!];
}
