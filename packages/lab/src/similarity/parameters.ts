/** Fitted parameters in result files: each as base64 of float32 numbers, by name. */
import { Failure } from "../errors.ts";
import type { Json } from "../study/cell.ts";
import { isBroken, readCell } from "../study/store.ts";
import type { Values } from "./graph.ts";

/** Parameters as JSON. */
export function toJson(values: Values): Json {
  return Object.fromEntries(
    [...values].map(([name, numbers]) => {
      const { buffer } = Float32Array.from(numbers);
      return [name, Buffer.from(buffer).toString("base64")];
    }),
  );
}

/**
 * Reads the parameters that a fit gave.
 * @param folder the folder of the study
 * @param name the fit's cell
 * @throws Failure when there are none
 */
export function readParameters(folder: string, name: string): Values {
  const outcome = readCell(folder, name);
  if (outcome === undefined || isBroken(outcome)) {
    throw new Failure("its fitted parameters are not there");
  }
  if (outcome.status === "failed") throw new Failure(`its fit failed: ${outcome.error}`);
  const { parameters } = outcome.result as { parameters: Readonly<Record<string, string>> };
  return new Map(
    Object.entries(parameters).map(([parameter, text]) => {
      const bytes = Buffer.from(text, "base64");
      const numbers = new Float32Array(bytes.length / 4);
      new Uint8Array(numbers.buffer).set(bytes);
      return [parameter, Float64Array.from(numbers)];
    }),
  );
}
