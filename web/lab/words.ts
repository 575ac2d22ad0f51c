// What the reader sees, in words.
import type { Result, Settings } from "./network";

/** A share given as its log10: "2 %", "35 times", "1e-9 of it". */
export function share(log: number): string {
  if (log === -Infinity) return "nothing";
  if (log < -5) return `10${superscript(Math.round(log))} of it`;
  const value = 10 ** log;
  if (value < 2) return `${rounded(100 * value)} %`;
  return log > 5 ? `10${superscript(Math.round(log))} times as much` : `${rounded(value)} times as much`;
}

export function verdict(settings: Settings, result: Result): string {
  const steps = settings.length - 1;
  const log = result.logShare[steps]!;
  const factor = 10 ** (log / steps);
  const kind = log < -1.3 ? "vanishes" : log > 1.3 ? "explodes" : "holds";
  const left = log === -Infinity ? "nothing of the gradient is left" : log > Math.log10(2) ? `the gradient is ${share(log)}` : `${share(log).replace(" of it", "")} of the gradient is left`;
  const pace = kind === "holds" ? "" : `, by a factor of ${factor < 0.01 ? factor.toExponential(0) : rounded(factor)} a step on average`;
  return `${steps} steps back, ${left}: it ${kind}${pace}.`;
}

export function power(log: number): string {
  return log === 0 ? "1" : log === 1 ? "10" : `10${superscript(log)}`;
}

function rounded(value: number): string {
  return value >= 100 ? value.toFixed(0) : Number(value.toPrecision(2)).toString();
}

function superscript(value: number): string {
  return [...String(value)].map((sign) => ({ "-": "⁻" })[sign] ?? "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(sign)]).join("");
}
