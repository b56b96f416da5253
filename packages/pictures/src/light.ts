/**
 * Between sRGB values and linear light (IEC 61966-2-1):
 *
 *   linear = v / 12.92                        for v <= 0.04045
 *          = ((v + 0.055) / 1.055) ^ 2.4      above
 *
 * and its inverse, with the knee at 0.0031308. Outside [0, 1], which reconstructions with negative
 * lobes reach, both curves go on: the power above 1, and by point symmetry f(-v) = -f(v) below 0.
 *
 * Pictures are converted through tables of 16384 intervals with linear interpolation, whose error
 * h^2 / 8 |f''| is below 2e-9 in both directions, less than the rounding to float32. The inverse, too
 * curved near the knee, is tabulated over the square root of its argument: 1.055 s^(5/6) - 0.055.
 */
import { expectPicture, type Picture } from "./picture.ts";

/** What the values of a picture stand for: sRGB-encoded values, or amounts of light. */
export type Light = "srgb" | "linear";

/** Linear light of an sRGB value; NaN stays NaN, the sign is kept, values above 1 follow the power. */
export function srgbToLinear(v: number): number {
  const a = Math.abs(v);
  if (a <= 0.04045) return v / 12.92;
  const light = ((a + 0.055) / 1.055) ** 2.4;
  return v < 0 ? -light : light;
}

/** The sRGB value of linear light; NaN stays NaN, the sign is kept, values above 1 follow the root. */
export function linearToSrgb(v: number): number {
  const a = Math.abs(v);
  if (a <= 0.0031308) return v * 12.92;
  const value = 1.055 * a ** (1 / 2.4) - 0.055;
  return v < 0 ? -value : value;
}

const steps = 16384;

/** Samples f at 0, 1/steps, ..., 1 and one step beyond, so that 1 itself may be interpolated. */
function tabulate(f: (t: number) => number): Float64Array {
  return Float64Array.from({ length: steps + 2 }, (_, i) => f(i / steps));
}

let toLinearTable: Float64Array | undefined;
let toSrgbTable: Float64Array | undefined;

/** The table of `srgbToLinear`, made on first use. */
function linearTable(): Float64Array {
  toLinearTable ??= tabulate((t) => ((t + 0.055) / 1.055) ** 2.4);
  return toLinearTable;
}

function toLinearValue(table: Float64Array, v: number): number {
  if (v > 0.04045 && v <= 1) {
    const position = v * steps;
    const k = position | 0;
    const low = table[k];
    return low + (position - k) * (table[k + 1] - low);
  }
  return v >= 0 && v <= 0.04045 ? v / 12.92 : srgbToLinear(v);
}

/** A picture of sRGB values in linear light, within 1e-6 of `srgbToLinear`, as a new picture. */
export function toLinear(p: Picture): Picture {
  expectPicture("toLinear", "p", p);
  const table = linearTable();
  const from = p.data;
  const to = new Float32Array(from.length);
  for (let i = 0; i < from.length; i++) to[i] = toLinearValue(table, from[i]);
  return { ...p, data: to };
}

/** Replaces a row of sRGB values by linear light, as `toLinear` but without rounding to float32. */
export function toLinearRow(row: Float64Array): void {
  const table = linearTable();
  for (let i = 0; i < row.length; i++) row[i] = toLinearValue(table, row[i]);
}

/** A picture of linear light in sRGB values, within 1e-6 of `linearToSrgb`, as a new picture. */
export function toSrgb(p: Picture): Picture {
  expectPicture("toSrgb", "p", p);
  toSrgbTable ??= tabulate((s) => 1.055 * s ** (2 / 2.4) - 0.055);
  const table = toSrgbTable;
  const from = p.data;
  const to = new Float32Array(from.length);
  for (let i = 0; i < from.length; i++) {
    const v = from[i];
    if (v > 0.0031308 && v <= 1) {
      const position = Math.sqrt(v) * steps;
      const k = position | 0;
      const low = table[k];
      to[i] = low + (position - k) * (table[k + 1] - low);
    } else {
      to[i] = v >= 0 && v <= 0.0031308 ? v * 12.92 : linearToSrgb(v);
    }
  }
  return { ...p, data: to };
}
