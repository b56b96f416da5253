/**
 * Windows that tile their input: the stride is the kernel, nothing is dilated, no output shares a tap
 * with another. Methods that work on whole tiles replicate the last element where a tile sticks out,
 * and leave out the rest of an axis where its last tile is dropped.
 */
import { type Graph, type PoolWindow, pad, type Value } from "@softpool/onnx";

/** Why windows do not tile their input (one clause), or `undefined` when they do. */
export function refuseTiles(window: PoolWindow): string | undefined {
  const { kernel, strides, pads, dilations, autoPad } = window;
  if (strides.some((s, i) => s !== kernel[i])) {
    return `its windows must tile the input, kernel [${kernel.join(", ")}] has stride [${strides.join(", ")}]`;
  }
  if (dilations.some((d, i) => d !== 1 && kernel[i] > 1)) {
    return `its windows have no gaps, dilation is [${dilations.join(", ")}]`;
  }
  if (pads.some((p) => p !== 0)) {
    return `its windows begin at the first element, padding is [${pads.join(", ")}]`;
  }
  // Two taps: whatever is missing is missing at the end.
  const same = autoPad === "SAME_LOWER" || (autoPad === "SAME_UPPER" && kernel.some((k) => k > 2));
  return same ? `its windows begin at the first element, auto_pad is ${autoPad}` : undefined;
}

/** Whether a tile that sticks out is kept. */
export function keepsPartial(window: PoolWindow): boolean {
  return (window.ceilMode && window.autoPad !== "VALID") || window.autoPad === "SAME_UPPER";
}

/**
 * Replicates the last elements of an input so that the tiles that are kept are whole. There may be more
 * elements than tiles afterwards, by less than a tile.
 */
export function wholeTiles(g: Graph, x: Value, window: PoolWindow): Value {
  if (!keepsPartial(window)) return x;
  const ends = window.kernel.map((k, i) => {
    const size = x.shape?.[i + 2];
    return typeof size === "number" ? (k - (size % k)) % k : k - 1;
  });
  if (ends.every((end) => end === 0)) return x;
  const begins = new Array<number>(ends.length + 2).fill(0);
  return pad(g, x, [...begins, 0, 0, ...ends], 0, "edge");
}
