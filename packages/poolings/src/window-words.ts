/** Windows in words, for tables of layers. */
import type { PoolWindow } from "@softpool/onnx";

/**
 * A window in words: `3x3 s2 p1`, with what differs from the defaults only.
 * @param window the window; `undefined` for a global layer
 * @param counted whether an average counts padded taps
 */
export function describeWindow(window: PoolWindow | undefined, counted = false): string {
  if (window === undefined) return "everything";
  const { kernel, strides, pads, dilations, ceilMode, autoPad } = window;
  const rank = kernel.length;
  const list = (values: readonly number[]) =>
    values.every((v) => v === values[0]) ? String(values[0]) : values.join("x");
  const parts = [kernel.join("x"), `s${list(strides)}`];
  if (pads.some((p) => p !== 0)) {
    const begins = pads.slice(0, rank);
    const even = begins.every((p, i) => p === pads[i + rank]);
    parts.push(`p${even ? list(begins) : `${begins.join("x")}+${pads.slice(rank).join("x")}`}`);
    if (counted) parts.push("counted");
  }
  if (dilations.some((d) => d !== 1)) parts.push(`d${list(dilations)}`);
  if (ceilMode) parts.push("ceil");
  if (autoPad !== undefined && autoPad !== "NOTSET") parts.push(autoPad.toLowerCase());
  return parts.join(" ");
}
