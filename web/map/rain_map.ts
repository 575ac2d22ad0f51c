// A map with the rain of one moment between land and borders. MapLibre has the land, the mouse and the fingers; rain and lines are sheets over it.

import * as maplibregl from "maplibre-gl";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url";
import "maplibre-gl/dist/maplibre-gl.css";
import { atlas } from "./atlas";
import { drawLines, lineThrough, type Line } from "./lines";
import type { View } from "./mercator";
import { Picture, type Layer } from "./picture";
import { Sheet } from "./sheet";

maplibregl.setWorkerUrl(workerUrl);

const AHEAD = 8; // moments that are loaded before they are shown
const dark = matchMedia("(prefers-color-scheme: dark)");
const colours = () => dark.matches
  ? { sea: "#10161d", land: "#1d2630", border: "#66778a", edge: "#8aa0b8" }
  : { sea: "#dfe8ef", land: "#f7f5f0", border: "#8a8f98", edge: "#44566b" };

export class RainMap {
  readonly map: maplibregl.Map;
  private readonly rain: Sheet;
  private readonly lines: Sheet;
  private borders: Line[] = [];
  private edge: Line[] = [];
  private layers: Layer[] = [];
  private readonly pictures = new Map<string, Picture>();
  private shown: string | null = null;
  private marker: maplibregl.Marker | null = null;

  constructor(container: HTMLElement, view: { centre: [number, number]; zoom: number }, onClick: (lat: number, lon: number) => void) {
    const tint = colours();
    this.map = new maplibregl.Map({
      container,
      center: view.centre,
      zoom: view.zoom,
      maxZoom: 13,
      maxPitch: 0, // the sheets know no other view than from above, with north at the top
      attributionControl: false,
      dragRotate: false,
      pitchWithRotate: false,
      fadeDuration: 0,
      style: { version: 8, sources: {}, layers: [{ id: "sea", type: "background", paint: { "background-color": tint.sea } }] },
    });
    this.map.touchZoomRotate.disableRotation();
    this.map.keyboard.disableRotation();
    this.map.addControl(new maplibregl.NavigationControl({ showCompass: false }), "top-right");
    this.map.addControl(new maplibregl.ScaleControl({}), "bottom-left");
    this.map.on("click", (event) => onClick(event.lngLat.lat, event.lngLat.lng));
    this.rain = new Sheet(this.map, "rain", (context, seen) => this.paintRain(context, seen));
    this.lines = new Sheet(this.map, "lines", (context, seen) => this.paintLines(context, seen));
    this.setOpacity(0.8);
    this.map.on("moveend", () => this.loadAhead());
    void Promise.all([atlas(), this.map.once("load")]).then(([{ land, borders }]) => {
      this.borders = borders;
      this.map.addSource("land", { type: "geojson", data: land });
      this.map.addLayer({ id: "land", type: "fill", source: "land", paint: { "fill-color": colours().land, "fill-antialias": false } });
      this.lines.draw();
    });
    dark.addEventListener("change", this.tint);
  }

  /** What it is called by screen readers. */
  call(name: string): void { this.map.getCanvas().setAttribute("aria-label", name); }

  /** Moments that may be shown, in the order of time; what is no longer among them goes. */
  setLayers(layers: Layer[]): void {
    const wanted = new Set(layers.map((layer) => layer.id));
    for (const [id, picture] of this.pictures) if (!wanted.has(id)) { picture.close(); this.pictures.delete(id); }
    this.layers = layers;
  }

  /** Show one moment and load the next ones. */
  show(id: string | null): void {
    this.shown = id;
    this.rain.draw();
    this.loadAhead();
  }

  /** Whether all of a moment is there, or the moment is not known. */
  has(id: string): boolean { return this.pictures.get(id)?.isComplete(this.rain.view) ?? true; }

  /** Whether land and borders are there, and the rain that is to be seen. */
  get isDrawn(): boolean { return this.borders.length > 0 && this.map.loaded() && (this.shown === null || this.has(this.shown)); }

  setOpacity(opacity: number): void { this.rain.canvas.style.opacity = String(opacity); }

  mark(lat: number, lon: number): void {
    this.marker ??= new maplibregl.Marker({ color: "#d55e00" }).setLngLat([lon, lat]).addTo(this.map);
    this.marker.setLngLat([lon, lat]);
  }

  /** Outline of the radar's grid. */
  setEdge([west, south, east, north]: [number, number, number, number]): void {
    this.edge = [lineThrough([[west, south], [east, south], [east, north], [west, north], [west, south]])];
    this.lines.draw();
  }

  /** Both maps look at the same place. */
  follow(other: RainMap): void {
    let following = false;
    const link = (from: maplibregl.Map, to: maplibregl.Map) => from.on("move", () => {
      if (following) return;
      following = true;
      to.jumpTo({ center: from.getCenter(), zoom: from.getZoom() });
      following = false;
    });
    link(this.map, other.map);
    link(other.map, this.map);
  }

  remove(): void {
    dark.removeEventListener("change", this.tint);
    this.setLayers([]);
    this.map.remove();
  }

  private picture(layer: Layer): Picture {
    const picture = this.pictures.get(layer.id) ?? new Picture(layer, () => { if (this.shown === layer.id) this.rain.draw(); });
    this.pictures.set(layer.id, picture);
    return picture;
  }

  private loadAhead(): void {
    const place = this.layers.findIndex((layer) => layer.id === this.shown);
    const soon = place < 0 ? 0 : Math.min(AHEAD + 1, this.layers.length);
    for (let step = 0; step < soon; step += 1) this.picture(this.layers[(place + step) % this.layers.length]!).load(this.rain.view);
  }

  private paintRain(context: CanvasRenderingContext2D, view: View): void {
    const layer = this.layers.find((one) => one.id === this.shown);
    if (!layer) return;
    const picture = this.picture(layer);
    picture.load(view);
    picture.draw(context, view);
  }

  private paintLines(context: CanvasRenderingContext2D, view: View): void {
    const tint = colours(), ratio = view.width / this.map.getContainer().clientWidth;
    context.lineJoin = "round";
    context.lineWidth = 0.8 * ratio;
    context.strokeStyle = tint.border;
    drawLines(context, view, this.borders);
    context.lineWidth = ratio;
    context.strokeStyle = tint.edge;
    context.setLineDash([3 * ratio, 3 * ratio]);
    drawLines(context, view, this.edge);
    context.setLineDash([]);
  }

  private readonly tint = (): void => {
    const tint = colours();
    this.map.setPaintProperty("sea", "background-color", tint.sea);
    if (this.map.getLayer("land")) this.map.setPaintProperty("land", "fill-color", tint.land);
    this.lines.draw();
  };
}
