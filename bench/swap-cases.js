/**
 * What the swap is measured on: whole networks for 224x224 pictures, and their kind of pooling layer
 * alone. Each runs in three forms: as it is, with its maximum pooling swapped for SoftPool, and with it
 * swapped for standard operators only.
 */
import { writeModel } from "@softpool/onnx";
import { swapPooling } from "@softpool/poolings";
import { networkModel, poolingModel } from "./networks.js";

/** @typedef {"original" | "swapped" | "inline"} Form */

/**
 * One case.
 * @typedef {object} SwapCase
 * @property {string} name the case in words
 * @property {string} model name of its model; cases that differ in the batch share one
 * @property {number[]} shape shape of the input
 * @property {{ kernelSize: number, stride: number, padding: number } | null} window the window, where the
 *   model is one pooling layer; `null` where it is a network
 */

/** In this order they are run, every other time in the reverse order. */
export const FORMS = /** @type {const} */ (["original", "swapped", "inline"]);
/** Threads of ONNX Runtime. */
export const THREADS = 2;

const CHANNELS = 64;

/** @type {readonly SwapCase[]} */
export const CASES = [
  network("ResNet-18", 1),
  network("ResNet-18", 8),
  network("ResNet-50", 1),
  network("ResNet-50", 8),
  layer(3, 2, 1),
  layer(2, 2, 0),
];

/**
 * @param {import("./networks.js").Network} model
 * @param {number} batch
 * @returns {SwapCase}
 */
function network(model, batch) {
  const name = `${model}, batch ${batch}`;
  return { name, model, shape: [batch, 3, 224, 224], window: null };
}

/**
 * @param {number} kernelSize
 * @param {number} stride
 * @param {number} padding
 * @returns {SwapCase}
 */
function layer(kernelSize, stride, padding) {
  const shape = [8, CHANNELS, 112, 112];
  const window = `${kernelSize}x${kernelSize}`;
  const name = `MaxPool ${window}, stride ${stride}, of [${shape.join(", ")}]`;
  return { name, model: `pooling-${window}`, shape, window: { kernelSize, stride, padding } };
}

/**
 * The original model of a case.
 * @param {SwapCase} entry
 * @returns {Uint8Array} bytes of an ONNX file
 */
export function originalModel({ model, window }) {
  if (window !== null) {
    return writeModel(poolingModel(CHANNELS, window.kernelSize, window.stride, window.padding));
  }
  return writeModel(networkModel(/** @type {import("./networks.js").Network} */ (model)));
}

/**
 * A model in one of the forms.
 * @param {import("@softpool/onnx").ModelProto} model the original
 * @param {Form} form
 * @returns {import("@softpool/onnx").ModelProto}
 * @throws Error when not exactly one layer was swapped
 */
export function inForm(model, form) {
  if (form === "original") return model;
  const swapped = swapPooling(model, { inline: form === "inline" });
  const replaced = swapped.decisions.filter(({ action }) => action === "replace");
  if (replaced.length !== 1) {
    throw new Error(`expected one layer to be swapped, found ${replaced.length}`);
  }
  return swapped.model;
}
