// The address of the page says what it shows, so that a link can be shared.

export interface View {
  centre?: [number, number]; zoom?: number; time?: string; point?: [number, number]; method?: string; compare?: string; quantity?: string; table?: string;
}

const CHOSEN = ["method", "compare", "quantity", "table"] as const;

/** What the address says; anything odd in it is left out. */
export function readLink(hash: string): View {
  const parts = new URLSearchParams(hash.replace(/^#/, ""));
  const view: View = {};
  const [zoom, lat, lon] = numbers(parts.get("map"), 3);
  if (zoom !== undefined && lat !== undefined && lon !== undefined && Math.abs(lat) <= 85 && Math.abs(lon) <= 180) { view.zoom = zoom; view.centre = [lon, lat]; }
  const [pointLat, pointLon] = numbers(parts.get("point"), 2);
  if (pointLat !== undefined && pointLon !== undefined && Math.abs(pointLat) <= 90 && Math.abs(pointLon) <= 180) view.point = [pointLat, pointLon];
  const time = parts.get("time");
  if (time && !Number.isNaN(Date.parse(time))) view.time = time;
  for (const name of CHOSEN) { const text = parts.get(name); if (text) view[name] = text; }
  return view;
}

function numbers(text: string | null, count: number): number[] {
  const found = (text ?? "").split("/").map((part) => (part === "" ? NaN : Number(part)));
  return found.length === count && found.every(Number.isFinite) ? found : [];
}

/** The address of a view. */
export function writeLink(view: View): string {
  const parts = new URLSearchParams();
  if (view.centre && view.zoom !== undefined) parts.set("map", [view.zoom.toFixed(2), view.centre[1].toFixed(4), view.centre[0].toFixed(4)].join("/"));
  if (view.point) parts.set("point", view.point.map((value) => value.toFixed(4)).join("/"));
  if (view.time) parts.set("time", view.time);
  for (const name of CHOSEN) { const text = view[name]; if (text) parts.set(name, text); }
  return `#${parts.toString().replaceAll("%2F", "/").replaceAll("%3A", ":")}`;
}
