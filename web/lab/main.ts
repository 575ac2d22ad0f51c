// The interactive page: what the sliders say goes through the chosen network, and what comes out is drawn and put in words.
import { drawFrame } from "./frames";
import { Network, type Result, type Settings, type Stored } from "./network";
import { decades, plot } from "./plot";
import { power, verdict } from "./words";

declare global {
  interface Window {
    STORMCELL_LAB_MODELS?: Record<string, Stored>;
  }
}

const element = <Kind extends HTMLElement>(id: string) => document.getElementById(id) as Kind;
const form = element<HTMLFormElement>("controls");
const sliders = { scale: element<HTMLInputElement>("scale"), bias: element<HTMLInputElement>("bias"), length: element<HTMLInputElement>("length") };
const stored = window.STORMCELL_LAB_MODELS ?? {};
const networks = new Map<string, Promise<Network>>();
const GATES: Record<string, { label: string; kind: string }> = {
  f: { label: "forget gate: what is kept", kind: "first" },
  i: { label: "input gate: what is written", kind: "second" },
  o: { label: "output gate: what is shown", kind: "third" },
};
let newest = 0; // counts changes: a run for an older one stops
let running: Promise<void> = Promise.resolve();

function chosen(): string {
  return new FormData(form).get("cell") as string;
}

function settings(): Settings {
  return { scale: sliders.scale.valueAsNumber, forgetBias: sliders.bias.valueAsNumber, length: sliders.length.valueAsNumber };
}

function write(id: string, text: string): void {
  element(id).textContent = text;
}

function showSettings(): void {
  const name = chosen();
  const { scale, forgetBias, length } = settings();
  write("scale-value", scale.toFixed(2));
  write("bias-value", stored[name]!.gates.length ? forgetBias.toFixed(2) : "none here");
  write("length-value", `${length} steps`);
  sliders.scale.setAttribute("aria-valuetext", `${scale.toFixed(2)} times`);
  sliders.length.setAttribute("aria-valuetext", `${length} steps`);
  sliders.bias.disabled = !stored[name]!.gates.length;
  write(
    "task",
    stored[name]!.shape.length > 1
      ? "It sees a blob that moves and bounces, and draws the next frame."
      : "It hears a number at every step, and says the one of five steps before.",
  );
}

function draw(network: Network, at: Settings, result: Result): void {
  write("says", verdict(at, result));
  const finite = result.logShare.map((log) => Math.max(log, -400));
  plot(
    element("gradient"),
    {
      title: `Share of the gradient left over 0 to ${at.length - 1} steps back, on a logarithmic scale`,
      xLabel: "steps back from the last output",
      yLabel: "share left",
      x0: 0,
      tick: power,
      ...decades(finite),
    },
    [{ label: "share left", values: finite, kind: "first" }],
    [0],
  );
  element("numbers").innerHTML = lags(at.length)
    .map((lag) => `<tr><th scope="row">${lag}</th><td data-log="${result.logShare[lag]}">${(10 ** result.logShare[lag]!).toExponential(3)}</td></tr>`)
    .join("");
  drawSeries(network, at, result);
  drawGates(network, result);
}

function drawSeries(network: Network, { length }: Settings, result: Result): void {
  const images = network.pixels > 1;
  const value = (values: Float32Array, step: number) => values[step * network.pixels + result.pixel]!;
  const steps = Array.from({ length }, (_, step) => step);
  const said = result.outputs.map((output) => output[result.pixel]!);
  const wanted = steps.map((step) => value(network.targets, step));
  const top = Math.min(10, Math.max(1.2, ...said.map(Math.abs)));
  const low = images ? Math.max(-10, Math.min(-0.4, ...said)) : -top;
  plot(
    element("series"),
    {
      title: images ? "Marked pixel: the network's next frame and the true one, at every step" : "Input, wanted output and output at every step",
      xLabel: "step",
      yLabel: images ? "value of the marked pixel" : "number",
      y: [low, top],
      ticks: low < -5 ? [-10, -5, 0, 5, 10].filter((tick) => tick <= top) : [-4, -3, -2, -1, 0, 1, 2, 3, 4].filter((tick) => tick >= low && tick <= top),
      tick: String,
    },
    [
      ...(images ? [] : [{ label: "input", values: steps.map((step) => value(network.inputs, step)), kind: "faint" }]),
      { label: "output of the network", values: said, kind: "first" },
      { label: "wanted", values: wanted, kind: "second" },
    ],
  );
  element("frames").hidden = !images;
  write(
    "series-hint",
    images
      ? "The gradient is that of one pixel of the last output, framed in orange: the middle of the blob in the true next frame."
      : "As trained the output lies on what is wanted. Other weights make another network, which has not learnt the task.",
  );
  if (!images) return;
  const grid = network.grid as [number, number];
  const last = (values: Float32Array) => values.subarray((length - 1) * network.pixels, length * network.pixels);
  drawFrame(element("frame-in"), last(network.inputs), grid, null);
  drawFrame(element("frame-out"), result.outputs[length - 1]!, grid, result.pixel);
  drawFrame(element("frame-true"), last(network.targets), grid, result.pixel);
}

function drawGates(network: Network, result: Result): void {
  const names = network.stored.gates;
  const lines = network.gated
    ? Object.entries(GATES).map(([name, look]) => ({ ...look, values: result.gates.map((means) => means[names.indexOf(name)]!) }))
    : [{ label: "size of the state", kind: "first", values: result.gates.map((means) => means[0]!) }];
  write("gates-title", network.gated ? "The gates" : "The state");
  write(
    "gates-hint",
    network.gated
      ? "Mean over all units: 0 is shut, 1 is open. An open forget gate lets the gradient through the memory as it is."
      : "Mean size of the units' values; at 1 they are saturated. A plain network has no gates: all goes through the recurrent weights.",
  );
  plot(
    element("gates"),
    {
      title: network.gated ? "Mean of the forget, input and output gates at every step" : "Mean size of the state at every step",
      xLabel: "step",
      yLabel: network.gated ? "mean of the gate" : "mean of |h|",
      y: [0, 1],
      ticks: [0, 0.25, 0.5, 0.75, 1],
      tick: String,
    },
    lines,
  );
}

function lags(length: number): number[] {
  return [...new Set([0, 1, 2, 5, 10, 20, 50, 100, 150, length - 1])].filter((lag) => lag < length).sort((a, b) => a - b);
}

async function compute(change: number): Promise<void> {
  const stale = () => change !== newest;
  if (stale()) return;
  const name = chosen();
  if (!networks.has(name)) networks.set(name, Network.load(stored[name]!));
  const network = await networks.get(name)!;
  const at = settings();
  const begun = performance.now();
  const result = await network.run(at, stale);
  if (!result || stale()) return;
  draw(network, at, result);
  element("shown").dataset["milliseconds"] = (performance.now() - begun).toFixed(1);
  element("shown").setAttribute("aria-busy", "false");
}

function changed(): void {
  showSettings();
  element("shown").setAttribute("aria-busy", "true");
  const change = ++newest;
  running = running.then(() => compute(change)).catch((error: unknown) => {
    write("says", `The networks do not run in this browser: ${error instanceof Error ? error.message : String(error)}`);
    throw error;
  });
}

function offer(): void {
  const names = Object.keys(stored);
  for (const name of names) {
    const label = document.createElement("label");
    const radio = Object.assign(document.createElement("input"), { type: "radio", name: "cell", value: name });
    radio.defaultChecked = name === (names.includes("LSTM") ? "LSTM" : names[0]);
    label.append(radio, name === "RNN" ? "plain RNN" : name);
    element("cell").append(label);
  }
  form.addEventListener("input", changed);
  addEventListener("resize", changed);
  form.addEventListener("reset", () => setTimeout(changed));
  form.addEventListener("submit", (event) => event.preventDefault());
  changed();
}

if (Object.keys(stored).length) offer();
else write("says", "models.js is missing beside this page: write the book anew.");
