// The map page, into the package: one script, one style sheet, MapLibre's worker, the coastlines as data, and the licences.
import { defineConfig } from "vite";
import { licences } from "../licences";

export default defineConfig({
  root: import.meta.dirname,
  base: "./",
  plugins: [licences("licences.txt")],
  worker: { format: "es" },
  build: {
    outDir: "../../src/stormcell/service/static",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 2000,
  },
});
