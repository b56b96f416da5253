/** Uniform numbers for the inputs of a graph for training, a function of seed, batch and input alone. */
import { elements } from "@softpool/onnx";
import { uniforms } from "@softpool/poolings";
import type { State } from "./checkpoint.ts";
import type { NoiseInput } from "./trainee.ts";

/**
 * The noise of a batch.
 * @param inputs what is filled
 * @param seed the run's seed
 * @param step number of the batch in the run, from 0
 */
export function noiseOf(inputs: readonly NoiseInput[], seed: number, step: number): State {
  return Object.fromEntries(
    inputs.map(({ name, shape }, layer) => {
      const data = Float32Array.from(uniforms(elements(shape), { seed, step, layer }));
      return [name, { dtype: "float32", shape, data }];
    }),
  );
}
