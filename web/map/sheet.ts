// A canvas that lies over a map and takes no clicks: what is drawn on it changes without the map being drawn again, which is much quicker.

import type { Map } from "maplibre-gl";
import { viewOf, type View } from "./mercator";

export class Sheet {
  readonly canvas = document.createElement("canvas");
  private readonly context = this.canvas.getContext("2d")!;

  constructor(private readonly map: Map, name: string, private readonly paint: (context: CanvasRenderingContext2D, view: View) => void) {
    this.canvas.className = `sheet ${name}`;
    const before = map.getCanvasContainer().querySelectorAll("canvas");
    before[before.length - 1]!.after(this.canvas); // over what is there, under the markers
    map.on("render", () => this.draw()); // so it moves in the same picture as the map below
  }

  get view(): View { return viewOf(this.map, Math.min(2, devicePixelRatio)); }

  draw(): void {
    const { view, canvas, context } = this;
    const width = Math.round(view.width), height = Math.round(view.height);
    if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; } else context.clearRect(0, 0, width, height);
    this.paint(context, view);
  }
}
