// What the colours mean, in mm/h or in dBZ.

import type { Colours } from "./api";
import type { Words } from "./words";

/** Reflectivity of a rain rate by Z = 200 R^1.6, as the radar networks of the middle latitudes have it. */
export const dbz = (rate: number) => 10 * Math.log10(200 * rate ** 1.6);

export function drawLegend(target: HTMLElement, scales: Colours[], unit: string, words: Words): void {
  target.replaceChildren(...scales.flatMap((scale) => classes(scale, unit)));
  if (scales[0]) target.append(unseen(scales[0].not_seen, words.unseen));
}

function classes(scale: Colours, unit: string): HTMLElement[] {
  const list = document.createElement("ul");
  const shown = scale.unit === "mm/h" && unit === "dBZ" ? "dBZ" : scale.unit;
  list.setAttribute("aria-label", shown);
  const title = document.createElement("p");
  title.textContent = shown;
  for (const one of scale.classes) {
    if (one.at_least === null) continue;
    const label = shown === "dBZ" ? dbz(one.at_least).toFixed(0) : one.label;
    list.append(entry(one.colour, label));
  }
  return [title, list];
}

function entry(colour: string, label: string): HTMLLIElement {
  const item = document.createElement("li");
  const swatch = document.createElement("i");
  swatch.style.background = colour;
  item.append(swatch, label);
  return item;
}

function unseen(colour: string, label: string): HTMLUListElement {
  const list = document.createElement("ul");
  list.append(entry(colour, label));
  return list;
}
