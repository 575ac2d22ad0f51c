// A map with the rain of one moment over coastlines and borders: a layer for each frame, all but one invisible, so that frames change at once.

import * as maplibregl from "maplibre-gl";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url";
import "maplibre-gl/dist/maplibre-gl.css";
import { feature } from "topojson-client";
import type { GeometryCollection, Topology } from "topojson-specification";
import atlasUrl from "world-atlas/countries-50m.json?url";
import { headers } from "./api";

maplibregl.setWorkerUrl(workerUrl);

/** What is drawn of a frame: an address of tiles, which never change. */
export interface Layer { id: string; tiles: string; maxzoom: number; bounds: [number, number, number, number] }

const AHEAD = 6; // frames that are loaded before they are shown
const dark = matchMedia("(prefers-color-scheme: dark)");
const colours = () => dark.matches
  ? { sea: "#10161d", land: "#1d2630", border: "#66778a", edge: "#8aa0b8" }
  : { sea: "#dfe8ef", land: "#f7f5f0", border: "#8a8f98", edge: "#44566b" };

let atlas: Promise<GeoJSON.FeatureCollection> | null = null;

function countries(): Promise<GeoJSON.FeatureCollection> {
  atlas ??= fetch(atlasUrl).then((response) => response.json()).then((topology: Topology<{ countries: GeometryCollection }>) =>
    feature(topology, topology.objects.countries) as GeoJSON.FeatureCollection);
  return atlas;
}

export class RainMap {
  readonly map: maplibregl.Map;
  private readonly ready: Promise<void>;
  private layers: Layer[] = [];
  private shown: string | null = null;
  private opacity = 0.8;
  private marker: maplibregl.Marker | null = null;

  constructor(container: HTMLElement, view: { centre: [number, number]; zoom: number }, onClick: (lat: number, lon: number) => void) {
    const tint = colours();
    this.map = new maplibregl.Map({
      container,
      center: view.centre,
      zoom: view.zoom,
      maxZoom: 13,
      attributionControl: false,
      dragRotate: false,
      pitchWithRotate: false,
      fadeDuration: 0,
      transformRequest: (url) => ({ url, headers: headers() }),
      style: { version: 8, sources: {}, layers: [{ id: "sea", type: "background", paint: { "background-color": tint.sea } }] },
    });
    this.map.touchZoomRotate.disableRotation();
    this.map.addControl(new maplibregl.NavigationControl({ showCompass: false }), "top-right");
    this.map.addControl(new maplibregl.ScaleControl({}), "bottom-left");
    this.map.on("click", (event) => onClick(event.lngLat.lat, event.lngLat.lng));
    this.ready = new Promise((done) => this.map.once("load", () => done()));
    void this.ready.then(countries).then((data) => {
      this.map.addSource("countries", { type: "geojson", data });
      this.map.addLayer({ id: "land", type: "fill", source: "countries", paint: { "fill-color": colours().land } }, this.firstOfRain());
      this.map.addLayer({ id: "borders", type: "line", source: "countries", paint: { "line-color": colours().border, "line-width": 0.8 } });
      dark.addEventListener("change", () => this.tint());
    });
  }

  /** Layers that may be shown, in the order of time; what is no longer among them goes. */
  async setLayers(layers: Layer[]): Promise<void> {
    await this.ready;
    const wanted = new Set(layers.map((layer) => layer.id));
    for (const layer of this.layers) if (!wanted.has(layer.id)) this.drop(layer.id);
    if (this.shown && !wanted.has(this.shown)) this.shown = null;
    this.layers = layers;
  }

  /** Show one layer and load the next ones. */
  async show(id: string | null): Promise<void> {
    await this.ready;
    const place = this.layers.findIndex((layer) => layer.id === id);
    for (let step = 0; place >= 0 && step <= AHEAD; step += 1) this.have(this.layers[(place + step) % this.layers.length]!);
    if (this.shown !== id) {
      if (id && this.map.getLayer(id)) this.map.setPaintProperty(id, "raster-opacity", this.opacity);
      if (this.shown && this.map.getLayer(this.shown)) this.map.setPaintProperty(this.shown, "raster-opacity", 0);
      this.shown = id;
    }
  }

  /** Whether all tiles of a layer are there, or the layer is not known. */
  hasTiles(id: string): boolean { return !this.map.getSource(id) || this.map.isSourceLoaded(id); }

  setOpacity(opacity: number): void {
    this.opacity = opacity;
    if (this.shown && this.map.getLayer(this.shown)) this.map.setPaintProperty(this.shown, "raster-opacity", opacity);
  }

  mark(lat: number, lon: number): void {
    this.marker ??= new maplibregl.Marker({ color: "#d55e00" }).setLngLat([lon, lat]).addTo(this.map);
    this.marker.setLngLat([lon, lat]);
  }

  /** Outline of the radar's grid. */
  async setEdge([west, south, east, north]: [number, number, number, number]): Promise<void> {
    await this.ready;
    const ring = [[west, south], [east, south], [east, north], [west, north], [west, south]];
    const data: GeoJSON.Feature = { type: "Feature", properties: {}, geometry: { type: "LineString", coordinates: ring } };
    const source = this.map.getSource<maplibregl.GeoJSONSource>("edge");
    if (source) { source.setData(data); return; }
    this.map.addSource("edge", { type: "geojson", data });
    this.map.addLayer({ id: "edge", type: "line", source: "edge", paint: { "line-color": colours().edge, "line-width": 1, "line-dasharray": [3, 3] } });
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

  private have(layer: Layer): void {
    if (this.map.getSource(layer.id)) return;
    this.map.addSource(layer.id, { type: "raster", tiles: [layer.tiles], tileSize: 512, maxzoom: layer.maxzoom, bounds: layer.bounds });
    const paint = { "raster-opacity": 0, "raster-fade-duration": 0, "raster-resampling": "nearest" as const };
    this.map.addLayer({ id: layer.id, type: "raster", source: layer.id, paint }, this.map.getLayer("borders") ? "borders" : undefined);
  }

  private drop(id: string): void {
    if (this.map.getLayer(id)) this.map.removeLayer(id);
    if (this.map.getSource(id)) this.map.removeSource(id);
  }

  private firstOfRain(): string | undefined { return this.layers.find((layer) => this.map.getLayer(layer.id))?.id; }

  private tint(): void {
    const tint = colours();
    this.map.setPaintProperty("sea", "background-color", tint.sea);
    this.map.setPaintProperty("land", "fill-color", tint.land);
    this.map.setPaintProperty("borders", "line-color", tint.border);
    if (this.map.getLayer("edge")) this.map.setPaintProperty("edge", "line-color", tint.edge);
  }
}
