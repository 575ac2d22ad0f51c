// Moves along the timeline: the slider, the buttons, the keyboard, and a clock while it plays.

import type { Words } from "./words";

const PAUSE_AT_END = 750; // milliseconds
const EARLY = 4; // milliseconds that a screen may be too early

export class Player {
  private count = 0;
  private playing = false;
  private last = 0;
  private gap = 125;

  constructor(
    private readonly slider: HTMLInputElement,
    private readonly button: HTMLButtonElement,
    private readonly changed: (place: number) => void,
    private readonly mayGoOn: (place: number) => boolean,
  ) {
    slider.addEventListener("input", () => { this.pause(); this.changed(this.place); });
    button.addEventListener("click", () => this.toggle());
    document.addEventListener("keydown", (event) => this.key(event));
  }

  get place(): number { return Number(this.slider.value); }

  /** How many frames there are, and which is shown. */
  set(count: number, place: number): void {
    this.count = count;
    this.slider.max = String(Math.max(0, count - 1));
    this.slider.value = String(Math.min(Math.max(0, place), Math.max(0, count - 1)));
    this.changed(this.place);
  }

  setSpeed(framesASecond: number): void { this.gap = 1000 / framesASecond; }

  step(by: number): void { this.pause(); this.go((this.place + by + this.count) % this.count); }

  toggle(): void { if (this.playing) this.pause(); else this.play(); }

  say(words: Words): void {
    this.button.textContent = this.playing ? "❚❚" : "►";
    this.button.setAttribute("aria-label", this.playing ? words.pause : words.play);
    this.words = words;
  }

  private words: Words | null = null;

  private play(): void {
    if (this.count < 2) return;
    this.playing = true;
    this.last = performance.now();
    if (this.words) this.say(this.words);
    requestAnimationFrame((now) => this.tick(now));
  }

  private pause(): void {
    this.playing = false;
    if (this.words) this.say(this.words);
  }

  private tick(now: number): void {
    if (!this.playing) return;
    const atEnd = this.place === this.count - 1;
    const next = atEnd ? 0 : this.place + 1;
    const since = now - this.last + EARLY;
    if (since >= (atEnd ? Math.max(this.gap, PAUSE_AT_END) : this.gap) && this.mayGoOn(next)) {
      this.last = since < 2 * this.gap ? this.last + this.gap : now; // in step, unless it is late
      this.go(next);
    }
    requestAnimationFrame((again) => this.tick(again));
  }

  private go(place: number): void { if (this.count) { this.slider.value = String(place); this.changed(place); } }

  private key(event: KeyboardEvent): void {
    const target = event.target as HTMLElement;
    if (event.ctrlKey || event.altKey || event.metaKey || /^(INPUT|SELECT|TEXTAREA|BUTTON|SUMMARY)$/.test(target.tagName) || target.closest(".maplibregl-canvas-container")) return;
    if (event.key === " ") this.toggle();
    else if (event.key === "ArrowLeft") this.step(-1);
    else if (event.key === "ArrowRight") this.step(1);
    else if (event.key === "Home") { this.pause(); this.go(0); }
    else if (event.key === "End") { this.pause(); this.go(this.count - 1); }
    else return;
    event.preventDefault();
  }
}
