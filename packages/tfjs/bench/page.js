/** The benchmark in a page. */
import "@tensorflow/tfjs-backend-cpu";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import "@tensorflow/tfjs-backend-webgl";
import "@tensorflow/tfjs-backend-webgpu";
import * as tf from "@tensorflow/tfjs-core";
import { measure } from "./measure.js";

setWasmPaths("/tfjs/");

Object.assign(window, {
  /** @param {string} backend @param {string} name @param {number} rounds */
  async measure(backend, name, rounds) {
    await tf.setBackend(backend);
    if (tf.getBackend() !== backend) throw new Error(`no ${backend} here`);
    return measure(name, rounds);
  },
  async adapter() {
    const gpu = /** @type {any} */ (navigator).gpu;
    const info = (await gpu?.requestAdapter())?.info;
    return info ? `${info.vendor} ${info.architecture} ${info.description}`.trim() : "none";
  },
  ready: true,
});
