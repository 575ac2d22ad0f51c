// The rain of one moment, as tiles: loaded for what the view shows, and drawn at once when they are there.

import { headers } from "./api";
import { copies, worldX, worldY, type View } from "./mercator";

/** Where the tiles of a moment are; they never change. */
export interface Layer { id: string; tiles: string; maxzoom: number; bounds: [number, number, number, number] }

interface Tile { z: number; x: number; y: number; bitmap: ImageBitmap | null; settled: boolean; loading: AbortController | null }

export class Picture {
  private readonly tiles = new Map<string, Tile>();
  private readonly west: number;
  private readonly east: number;
  private readonly north: number;
  private readonly south: number;

  constructor(private readonly layer: Layer, private readonly changed: () => void) {
    const [west, south, east, north] = layer.bounds;
    [this.west, this.east, this.north, this.south] = [worldX(west), worldX(east), worldY(north), worldY(south)];
  }

  /** Load what a view shows; once all of that is there, the rest goes. What failed is tried again. */
  load(view: View): void {
    const wanted = this.cover(view);
    for (const [name, [z, x, y]] of wanted) {
      const tile = this.tiles.get(name) ?? { z, x, y, bitmap: null, settled: false, loading: null };
      this.tiles.set(name, tile);
      if (!tile.bitmap && !tile.loading) void this.fetch(tile);
    }
    const complete = this.isComplete(view);
    for (const [name, tile] of this.tiles) if (!wanted.has(name) && (complete || !tile.bitmap)) { this.drop(tile); this.tiles.delete(name); }
  }

  /** Whether there is nothing more to wait for. */
  isComplete(view: View): boolean { return [...this.cover(view).keys()].every((name) => this.tiles.get(name)?.settled); }

  /** Draw what is there; while tiles of this zoom are missing, those of another stand in for them. */
  draw(context: CanvasRenderingContext2D, view: View): void {
    context.imageSmoothingEnabled = false; // a pixel is what the radar measured; nothing is made up between two
    const wanted = this.cover(view);
    const others = [...this.tiles].filter(([name]) => !wanted.has(name)).map(([, tile]) => tile).sort((a, b) => a.z - b.z);
    const now = [...wanted.keys()].flatMap((name) => this.tiles.get(name) ?? []);
    for (const part of copies(view)) for (const tile of [...others, ...now]) if (tile.bitmap) paint(context, part, tile, tile.bitmap);
  }

  close(): void {
    for (const tile of this.tiles.values()) this.drop(tile);
    this.tiles.clear();
  }

  private async fetch(tile: Tile): Promise<void> {
    const loading = tile.loading = new AbortController();
    const address = this.layer.tiles.replace("{z}", String(tile.z)).replace("{x}", String(tile.x)).replace("{y}", String(tile.y));
    let bitmap: ImageBitmap | null = null;
    try {
      const answer = await fetch(address, { headers: headers(), signal: loading.signal });
      if (answer.ok) bitmap = await createImageBitmap(await answer.blob());
    } catch { /* no answer, or no longer wanted: nothing is drawn */ }
    if (loading.signal.aborted) { bitmap?.close(); return; }
    Object.assign(tile, { bitmap, settled: true, loading: null });
    this.changed();
  }

  private drop(tile: Tile): void {
    tile.loading?.abort();
    tile.bitmap?.close();
  }

  /** Numbers of the tiles that a view shows of what the radar covers. */
  private cover(view: View): Map<string, [number, number, number]> {
    const z = Math.max(0, Math.min(this.layer.maxzoom, Math.round(view.zoom))), n = 2 ** z;
    const found = new Map<string, [number, number, number]>();
    for (const { left, top, width, height, scale } of copies(view)) {
      const columns = places(Math.max(this.west, left), Math.min(this.east, left + width / scale), n);
      const rows = places(Math.max(this.north, top), Math.min(this.south, top + height / scale), n);
      for (const x of columns) for (const y of rows) found.set(`${z}/${x}/${y}`, [z, x, y]);
    }
    return found;
  }
}

/** Numbers of the tiles, `n` to the world, from one place of the world to another. */
function places(from: number, to: number, n: number): number[] {
  const first = Math.max(0, Math.floor(from * n)), last = Math.min(n - 1, Math.ceil(to * n) - 1);
  return from < to ? Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index) : [];
}

/** Draw a tile to whole pixels, so that neighbours meet, in place of what is below. */
function paint(context: CanvasRenderingContext2D, { left, top, scale }: View, { z, x, y }: Tile, bitmap: ImageBitmap): void {
  const size = 2 ** -z;
  const [west, east] = [x, x + 1].map((place) => Math.round((place * size - left) * scale)) as [number, number];
  const [north, south] = [y, y + 1].map((place) => Math.round((place * size - top) * scale)) as [number, number];
  context.clearRect(west, north, east - west, south - north);
  context.drawImage(bitmap, west, north, east - west, south - north);
}
