/**
 * Revisions: what changes when the same configuration would give other numbers, made from the code that
 * gives them, so that it cannot be forgotten.
 *
 * - a method that ONNX Runtime pools: digest of the graph that it emits for the kernel, and of its
 *   initial parameters
 * - a method of the operator: digest of what the engine computes of fixed numbers, to 5 digits
 * - a comparison: digest of what it says of a fixed picture, to 6 digits
 */
import { createPicture, PictureReference } from "@softpool/pictures";
import { uniforms } from "@softpool/poolings";
import { canonical, digest } from "../study/cell.ts";
import { type Comparison, comparisonConfig, scored } from "./comparison.ts";
import { graphBytes, initialValues, type Place, parametersOf } from "./graph.ts";
import { poolWithOperator } from "./operator.ts";
import { isOperator, type Variant } from "./variant.ts";

/** Digits of a digest that are kept: two of them make a revision. */
const LENGTH = 12;

/** Values of a parameter that are looked at. */
const MOST_VALUES = 1000;

const known = new Map<string, string>();

/** A short digest that is made once. */
function once(key: string, make: () => string): string {
  let found = known.get(key);
  if (found === undefined) {
    found = digest(make()).slice(0, LENGTH);
    known.set(key, found);
  }
  return found;
}

const rounded = (values: Iterable<number>, digits: number): string =>
  Array.from(values, (value) => value.toPrecision(digits)).join(" ");

/** Fixed numbers in [0, 1) as a picture. */
function noise(width: number, height: number, channels: number) {
  const data = uniforms(width * height * channels, { seed: 1 });
  return createPicture(width, height, channels, data);
}

function graphRevision(variant: Variant, kernel: number): string {
  const size = variant.phase === "training" ? ([6 * kernel, 6 * kernel] as const) : undefined;
  const place: Place = { kernel, channels: 3, size };
  const parts = [digest(graphBytes(variant, place))];
  if (variant.state === "initial") {
    for (const values of initialValues(parametersOf(variant, place), 0).values()) {
      parts.push(rounded(values.subarray(0, MOST_VALUES), 6));
    }
  }
  return parts.join("\n");
}

function operatorRevision(variant: Variant, kernel: number): string {
  const picture = noise(3 * kernel + 1, 2 * kernel, 1);
  const results = [1, 20, -300].map((scale) => {
    const data = picture.data.map((value) => value * scale);
    return rounded(poolWithOperator({ ...picture, data }, variant, kernel).data, 5);
  });
  return results.join("\n");
}

/** The revision of how a variant pools with a kernel. */
export function methodRevision(variant: Variant, kernel: number): string {
  const { method, settings, state, phase } = variant;
  return once(canonical({ method, settings, state, phase, kernel }), () =>
    isOperator(variant) ? operatorRevision(variant, kernel) : graphRevision(variant, kernel),
  );
}

/** The revision of a comparison: of its numbers, and of the detail that is measured with it. */
export function comparisonRevision(comparison: Comparison): string {
  return once(canonical(comparisonConfig(comparison)), () => {
    const coarse = noise(48, 48, 3).data;
    const data = new Float32Array(3 * 192 * 192);
    // Blocks of 4 x 4 with noise on them: structure at two scales.
    for (let i = 0; i < data.length; i++) {
      const [x, y, c] = [i % 192, Math.floor(i / 192) % 192, Math.floor(i / 192 ** 2)];
      const block = coarse[(c * 48 + (y >> 2)) * 48 + (x >> 2)];
      data[i] = 0.8 * block + 0.2 * coarse[(i * 7) % coarse.length];
    }
    const original = createPicture(192, 192, 3, data);
    const soft: Variant = {
      method: "soft",
      settings: { beta: 3 },
      state: "fixed",
      phase: "inference",
    };
    const pooled = poolWithOperator(original, soft, 2);
    const { fidelity, detail } = new PictureReference(original).score(pooled, 2, [
      scored(comparison),
    ]);
    const { ssim, msSsim, psnr } = fidelity[0];
    const { contrast, bright, dark, luminance } = detail;
    return rounded([ssim, msSsim, psnr, contrast, bright, dark, luminance], 6);
  });
}
