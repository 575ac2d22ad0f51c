// The lab's page, into the package: ONE classic script, since a page that is opened as a file may load neither modules nor data.
// The WebAssembly of ONNX Runtime is inside it, compressed. Page and style sheet are in public/ and copied as they are.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { gzipSync } from "node:zlib";
import { defineConfig, type Plugin } from "vite";
import { licences } from "../licences";

const WASM = "virtual:onnxruntime.wasm.gz";
const resolve = createRequire(import.meta.url).resolve;

const wasmInside: Plugin = {
  name: "wasm-inside",
  resolveId: (id) => (id === WASM ? `\0${WASM}` : null),
  load(id) {
    if (id !== `\0${WASM}`) return null;
    const wasm = readFileSync(resolve("onnxruntime-web/ort-wasm-simd-threaded.wasm"));
    return `export default "${gzipSync(wasm, { level: 9 }).toString("base64")}";`;
  },
};

// A classic script has no address of its own, and what the runtime would load from there is inside.
const noAddress: Plugin = {
  name: "no-address",
  enforce: "pre",
  transform(code, id) {
    return id.includes("onnxruntime-web") ? code.replaceAll("import.meta.url", '"inside:/script"') : null;
  },
};

export default defineConfig({
  root: import.meta.dirname,
  plugins: [wasmInside, noAddress, licences("interactive-licences.txt")],
  build: {
    outDir: "../../src/stormcell/lab/interactive/built",
    emptyOutDir: true,
    target: "es2022",
    chunkSizeWarningLimit: 10000,
    lib: { entry: "main.ts", formats: ["iife"], name: "stormcellLab", fileName: () => "interactive.js" },
  },
});
