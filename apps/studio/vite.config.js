/**
 * How the studio is built: one folder of static files with relative addresses, ONNX Runtime's files and
 * the list of everything for the service worker in it.
 */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { offline } from "./offline.js";

const here = dirname(fileURLToPath(import.meta.url));
const runtime = fileURLToPath(new URL(".", import.meta.resolve("onnxruntime-web")));

/** The builds of ONNX Runtime that are used: the CPU provider's and WebGPU's. */
const builds = ["ort-wasm-simd-threaded", "ort-wasm-simd-threaded.asyncify"].flatMap((name) => [
  `${name}.mjs`,
  `${name}.wasm`,
]);

/** With them a page is cross-origin isolated and may use threads. */
const headers = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

/**
 * Puts ONNX Runtime's files into `ort/`, where the page asks for them.
 * @returns {import("vite").Plugin}
 */
function onnxRuntime() {
  return {
    name: "onnx-runtime",
    generateBundle() {
      for (const name of builds) {
        this.emitFile({
          type: "asset",
          fileName: `ort/${name}`,
          source: readFileSync(join(runtime, name)),
        });
      }
    },
    configureServer(server) {
      server.middlewares.use((request, response, next) => {
        const name = builds.find((build) => request.url?.split("?")[0].endsWith(`/ort/${build}`));
        if (name === undefined) return next();
        const type = name.endsWith(".wasm") ? "application/wasm" : "text/javascript";
        response.writeHead(200, { ...headers, "content-type": type });
        return response.end(readFileSync(join(runtime, name)));
      });
    },
  };
}

export default defineConfig({
  root: here,
  base: "./",
  plugins: [onnxRuntime(), offline()],
  // The builds that fetch their WebAssembly from an address, instead of those that a bundler copies.
  resolve: { conditions: ["onnxruntime-web-use-extern-wasm", "module", "browser", "production"] },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  worker: { format: "es" },
  build: { target: "es2022", chunkSizeWarningLimit: 1500, assetsInlineLimit: 0 },
  server: { headers },
  preview: { headers, port: 4173 },
});
