/**
 * The numbers that a kernel is given with every dispatch: one uniform block, written by the host and
 * declared in WGSL from the same list of fields. Sizes live here, so that tensors of other sizes need no
 * other shader; the careful kernels find their windows here too.
 */

/** The fields of the block in order, with their types. */
const FIELDS = {
  /** First item of this dispatch, and the end of all items. */
  first: "u32",
  items: "u32",
  /** Elements that are written, and where they begin in their binding. */
  count: "u32",
  y0: "u32",
  /** Where input and output gradient begin in their bindings. */
  x0: "u32",
  g0: "u32",
  /** First element of the input that a backward writes, after `x0`. */
  own0: "u32",
  /** Interleaved channels: C with channels last, else 1; all channels; the first plane's number. */
  inner: "u32",
  channels: "u32",
  firstPlane: "u32",
  /** Sizes of input and output per axis. */
  inD: "i32",
  inH: "i32",
  inW: "i32",
  outD: "i32",
  outH: "i32",
  outW: "i32",
  /** Padding before each axis, and its size with the padding behind it. */
  padD: "i32",
  padH: "i32",
  padW: "i32",
  endD: "i32",
  endH: "i32",
  endW: "i32",
  /** Kernel, stride and dilation per axis. */
  kernelD: "i32",
  kernelH: "i32",
  kernelW: "i32",
  strideD: "i32",
  strideH: "i32",
  strideW: "i32",
  dilationD: "i32",
  dilationH: "i32",
  dilationW: "i32",
  /** 1: taps outside the input are zeros. */
  zero: "u32",
  /** 1: the power mean; 1: SoftPool's published gradient. */
  normalized: "u32",
  weights: "u32",
  /** Temperatures in the table: one, or one per channel. */
  betas: "u32",
  /** Sign bit to flip before and after a maximum: a minimum is one of the negated values. */
  flip: "u32",
  /** Bits of |x| from which a fast kernel leaves a window to the careful one. */
  limit: "u32",
  /** Inputs are scaled by 2^-shift where they are summed; SoftPool's also by the sign of beta. */
  shift: "i32",
  q: "f32",
  /** Output gradients are scaled by 2^-gradShift while they are summed. */
  gradShift: "i32",
  gradScale: "f32",
  /** Power, its inverse, and the power of the gradient. */
  p: "f32",
  invP: "f32",
  slopeP: "f32",
} as const;

/** Name of a field. */
export type Field = keyof typeof FIELDS;

/** Values of the fields; absent ones are 0. */
export type Params = Partial<Record<Field, number>>;

const NAMES = Object.keys(FIELDS) as Field[];

/** Bytes of one block; blocks are placed at multiples of 256, the largest alignment WebGPU asks for. */
export const PARAM_BYTES = 256;

/** The declaration of the block: `P`, at binding 0. */
export const PARAMS_WGSL: string = `struct Params {
${NAMES.map((name) => `  ${name}: ${FIELDS[name]},`).join("\n")}
}
@group(0) @binding(0) var<uniform> P: Params;
`;

/** Writes a block at `offset` bytes of a buffer. Floats beyond float32 become its largest number. */
export function writeParams(buffer: ArrayBuffer, offset: number, params: Params): void {
  const view = new DataView(buffer, offset, PARAM_BYTES);
  NAMES.forEach((name, i) => {
    const value = params[name] ?? 0;
    const type = FIELDS[name];
    if (type === "u32") view.setUint32(4 * i, value, true);
    else if (type === "i32") view.setInt32(4 * i, value, true);
    else view.setFloat32(4 * i, toFloat(value), true);
  });
}

/** The nearest float32 that is not infinite. */
export function toFloat(value: number): number {
  const most = 3.4028234663852886e38;
  return Math.max(-most, Math.min(most, Math.fround(value)));
}
