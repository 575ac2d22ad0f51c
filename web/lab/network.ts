// A trained network in ONNX Runtime: forwards over a sequence, and the gradient of its last output back through every step.
import * as ort from "onnxruntime-web/wasm";
import wasm from "virtual:onnxruntime.wasm.gz";

import { bytes, numbers, unzipped } from "./bytes";

/** As the Python side writes it; arrays are base64 of float32, graphs of ONNX. */
export interface Stored {
  forward: string;
  backward: string;
  gates: string[]; // in the order in which they lie along the channels; none for a plain recurrent network
  units: number;
  shape: number[]; // of a step's input without batch: [channels] or [channels, y, x]
  readout: string; // one weight a unit
  inputs: string; // (time, ...shape)
  targets: string; // (time, ...grid)
}

export interface Settings {
  scale: number;
  forgetBias: number;
  length: number;
}

export interface Result {
  outputs: Float32Array[]; // of each step: one number, or the pixels of a frame
  gates: number[][]; // of each step: the mean of every gate over the units; of a plain network the mean of |h|
  logShare: number[]; // log10 of |gradient| at each lag over that at lag 0; lag 0 is the state behind the last output
  pixel: number; // whose value is differentiated: 0 for a network with one output
}

ort.env.wasm.numThreads = 1;
ort.env.wasm.proxy = false;
ort.env.logLevel = "error";

export class Network {
  readonly pixels: number;
  readonly inputs: Float32Array;
  readonly targets: Float32Array;
  private readonly readout: Float32Array;

  private constructor(
    readonly stored: Stored,
    private readonly forward: ort.InferenceSession,
    private readonly backward: ort.InferenceSession,
  ) {
    this.pixels = this.grid.reduce((product, side) => product * side, 1);
    this.inputs = numbers(stored.inputs);
    this.targets = numbers(stored.targets);
    this.readout = numbers(stored.readout);
  }

  static async load(stored: Stored): Promise<Network> {
    ort.env.wasm.wasmBinary ??= await unzipped(wasm);
    const forward = await ort.InferenceSession.create(bytes(stored.forward));
    return new Network(stored, forward, await ort.InferenceSession.create(bytes(stored.backward)));
  }

  get gated(): boolean {
    return this.stored.gates.length > 0;
  }

  get grid(): number[] {
    return this.stored.shape.slice(1);
  }

  /** Run the sequence; null if `stale` says in between that nobody waits for the result any more. */
  async run(settings: Settings, stale: () => boolean): Promise<Result | null> {
    const { length } = settings;
    const scale = new ort.Tensor("float32", [settings.scale], [1]);
    const bias = new ort.Tensor("float32", [settings.forgetBias], [1]);
    const state = [1, this.stored.units, ...this.grid];
    const size = this.stored.units * this.pixels;
    const each = this.stored.shape.reduce((product, side) => product * side, 1);
    let h: ort.Tensor = new ort.Tensor("float32", new Float32Array(size), state);
    let c = h;
    const outputs: Float32Array[] = [];
    const gates: number[][] = [];
    const kept: Record<string, ort.Tensor>[] = [];
    for (let step = 0; step < length; step++) {
      const x = new ort.Tensor("float32", this.inputs.subarray(step * each, (step + 1) * each), [1, ...this.stored.shape]);
      const made = await this.forward.run(this.gated ? { x, h, c, scale, forget_bias: bias } : { x, h, scale });
      if (stale()) return null;
      const next = made as Record<"y" | "h_new" | "c_new" | "gates", ort.Tensor>;
      outputs.push(next.y.data as Float32Array);
      if (this.gated) {
        kept.push({ gates: next.gates, c, c_new: next.c_new });
        gates.push(means(next.gates.data as Float32Array, this.stored.gates.length));
        c = next.c_new;
      } else {
        kept.push({ h_new: next.h_new });
        gates.push(means((next.h_new.data as Float32Array).map(Math.abs), 1));
      }
      h = next.h_new;
    }
    const pixel = this.brightest(length - 1);
    const logShare = await this.back(kept, pixel, scale, state, stale);
    return logShare && { outputs, gates, logShare, pixel };
  }

  // The step is linear in the gradient: it is scaled to norm 1 on the way, so that float32 holds it however far it grows or shrinks.
  private async back(
    kept: Record<string, ort.Tensor>[],
    pixel: number,
    scale: ort.Tensor,
    state: number[],
    stale: () => boolean,
  ): Promise<number[] | null> {
    const first = new Float32Array(this.stored.units * this.pixels);
    this.readout.forEach((weight, unit) => (first[unit * this.pixels + pixel] = weight));
    let parts: Float32Array[] = [first, ...(this.gated ? [new Float32Array(first.length)] : [])];
    scaled(parts);
    const logShare = [0];
    for (let step = kept.length - 1; step > 0; step--) {
      const [dh, dc] = parts.map((part) => new ort.Tensor("float32", part, state));
      const made = await this.backward.run({ dh: dh!, ...(dc && { dc }), ...kept[step]!, scale });
      if (stale()) return null;
      parts = [made["dh_old"]!, ...(dc ? [made["dc_old"]!] : [])].map((tensor) => tensor.data as Float32Array);
      logShare.push(logShare[logShare.length - 1]! + Math.log10(scaled(parts)));
    }
    return logShare;
  }

  private brightest(step: number): number {
    const frame = this.targets.subarray(step * this.pixels, (step + 1) * this.pixels);
    return this.pixels === 1 ? 0 : frame.indexOf(Math.max(...frame));
  }
}

/** Scale to norm 1 together; the norm before. Nothing stays nothing. */
function scaled(parts: Float32Array[]): number {
  const norm = Math.sqrt(parts.reduce((sum, part) => sum + part.reduce((inner, value) => inner + value * value, 0), 0));
  if (norm > 0) for (const part of parts) part.forEach((value, place) => (part[place] = value / norm));
  return norm;
}

function means(values: Float32Array, parts: number): number[] {
  const size = values.length / parts;
  return Array.from({ length: parts }, (_, part) => {
    let sum = 0;
    for (let place = part * size; place < (part + 1) * size; place++) sum += values[place]!;
    return sum / size;
  });
}
