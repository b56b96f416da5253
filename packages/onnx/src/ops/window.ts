/** The windows of pooling nodes: reading and writing their attributes, and their geometry on an input. */
import { type Axis, emptyWindow, outputSize } from "softpool/window";
import type { Attributes, AttributeValues } from "../attributes.ts";
import { OnnxError, quote } from "../error.ts";
import type { Dim, Shape } from "../shape.ts";

/** The window of a pooling over all spatial axes, as ONNX spells it. */
export interface PoolWindow {
  /** Sizes, in taps. */
  readonly kernel: readonly number[];
  /** Distances of neighbouring windows. */
  readonly strides: readonly number[];
  /** Padding: the beginnings of all axes, then the ends. All 0 where `autoPad` says otherwise. */
  readonly pads: readonly number[];
  /** Distances of neighbouring taps. */
  readonly dilations: readonly number[];
  /** Whether a partial window at the end is kept. */
  readonly ceilMode: boolean;
  /** Padding chosen from the input size; default `NOTSET`: as `pads` says. */
  readonly autoPad?: "NOTSET" | "SAME_UPPER" | "SAME_LOWER" | "VALID";
}

/**
 * A window from what must be said; the rest has ONNX's defaults: stride 1, no padding, dilation 1.
 */
export function poolWindow(
  kernel: readonly number[],
  rest: Partial<Omit<PoolWindow, "kernel">> = {},
): PoolWindow {
  return {
    kernel,
    strides: rest.strides ?? kernel.map(() => 1),
    pads: rest.pads ?? [...kernel, ...kernel].map(() => 0),
    dilations: rest.dilations ?? kernel.map(() => 1),
    ceilMode: rest.ceilMode ?? false,
    autoPad: rest.autoPad ?? "NOTSET",
  };
}

/** Sizes beyond this are no window: they would only cost memory. */
const MAX_KERNEL = 2 ** 31 - 1;

/**
 * The window of a pooling node or a convolution.
 * @param attributes the node's attributes
 * @param kernel its sizes; default the attribute `kernel_shape`
 * @throws OnnxError when an attribute is missing, has the wrong length or an impossible value
 */
export function windowOf(
  attributes: Attributes,
  kernel: readonly number[] | undefined = attributes.ints("kernel_shape"),
): PoolWindow {
  if (kernel === undefined) {
    throw new OnnxError("kernel_shape: expected the sizes of the window, received none");
  }
  const rank = kernel.length;
  const list = (name: string, length: number, fallback: number, least: number): number[] => {
    const values = attributes.ints(name) ?? new Array<number>(length).fill(fallback);
    if (values.length !== length || values.some((v) => v < least || v > MAX_KERNEL)) {
      throw new OnnxError(
        `${name}: expected ${length} whole numbers from ${least}, received [${values.join(", ")}]`,
      );
    }
    return values;
  };
  const autoPad = attributes.string("auto_pad", "NOTSET") || "NOTSET";
  if (!["NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"].includes(autoPad)) {
    throw new OnnxError(
      `auto_pad: expected NOTSET, SAME_UPPER, SAME_LOWER or VALID, received ${quote(autoPad)}`,
    );
  }
  if (attributes.has("kernel_shape")) list("kernel_shape", rank, 1, 1);
  const strides = list("strides", rank, 1, 1);
  const pads = list("pads", 2 * rank, 0, 0);
  return {
    kernel,
    strides,
    pads: autoPad === "NOTSET" ? pads : pads.map(() => 0),
    dilations: list("dilations", rank, 1, 1),
    ceilMode: attributes.int("ceil_mode", 0) !== 0,
    autoPad: autoPad as PoolWindow["autoPad"],
  };
}

/** The attributes of a pooling node; those that are ONNX's defaults are left out. */
export function windowAttributes(window: PoolWindow): AttributeValues {
  const { kernel, strides, pads, dilations, ceilMode, autoPad } = window;
  const same = autoPad !== undefined && autoPad !== "NOTSET";
  return {
    kernel_shape: kernel,
    strides,
    pads: same ? undefined : pads,
    dilations: dilations.some((d) => d !== 1) ? dilations : undefined,
    ceil_mode: ceilMode ? 1 : undefined,
    auto_pad: same ? autoPad : undefined,
  };
}

/** The taps of a window along one axis, from first to last, with the gaps between them. */
export function extent(window: PoolWindow, axis: number): number {
  return (window.kernel[axis] - 1) * window.dilations[axis] + 1;
}

/** Padding of one axis, before and after. With `SAME_*` it depends on the input size. */
export function padsOf(window: PoolWindow, axis: number, size: number): [number, number] {
  const { pads, autoPad, kernel, strides } = window;
  if (autoPad !== "SAME_UPPER" && autoPad !== "SAME_LOWER") {
    return [pads[axis], pads[axis + kernel.length]];
  }
  const out = Math.ceil(size / strides[axis]);
  const all = Math.max(0, (out - 1) * strides[axis] + extent(window, axis) - size);
  const less = Math.floor(all / 2);
  return autoPad === "SAME_UPPER" ? [less, all - less] : [all - less, less];
}

/** The geometry of a window along one axis of an input of known size. */
export function axisOf(window: PoolWindow, axis: number, size: number): Axis {
  const [padBegin, padEnd] = padsOf(window, axis, size);
  const options = {
    kernel: window.kernel[axis],
    stride: window.strides[axis],
    dilation: window.dilations[axis],
    padBegin,
    padEnd,
  };
  const ceilMode = window.ceilMode && window.autoPad !== "VALID";
  return { ...options, size, out: outputSize(size, options, ceilMode) };
}

/**
 * The output size along one axis, unknown for an unknown input size, except where a stride of 1 keeps
 * it.
 * @throws OnnxError when the window does not fit
 */
export function pooledDim(window: PoolWindow, axis: number, size: Dim): Dim {
  if (typeof size !== "number") {
    const same = window.autoPad === "SAME_UPPER" || window.autoPad === "SAME_LOWER";
    const padding = window.pads[axis] + window.pads[axis + window.kernel.length];
    const keeps = same || padding === extent(window, axis) - 1;
    return window.strides[axis] === 1 && keeps ? size : null;
  }
  const { out } = axisOf(window, axis, size);
  if (out < 1) {
    throw new OnnxError(
      `kernel_shape: a window of ${extent(window, axis)} does not fit an axis of ${size}`,
    );
  }
  return out;
}

/**
 * The shape of a pooled input.
 * @throws OnnxError when the number of axes does not fit the window, or the window an axis
 */
export function pooledShape(window: PoolWindow, shape: Shape | undefined): Shape | undefined {
  if (shape === undefined) return undefined;
  if (shape.length !== window.kernel.length + 2) {
    throw new OnnxError(
      `kernel_shape: expected ${shape.length - 2} sizes for an input of ${shape.length} axes, received ${window.kernel.length}`,
    );
  }
  return [...shape.slice(0, 2), ...shape.slice(2).map((dim, i) => pooledDim(window, i, dim))];
}

/**
 * The first axis along which some window has no tap inside an input of known size, or -1: such a window
 * has no defined result. Axes of unknown size are taken for large enough.
 */
export function emptyAxis(window: PoolWindow, shape: Shape): number {
  return shape.slice(2).findIndex((size, i) => {
    return typeof size === "number" && emptyWindow(axisOf(window, i, size)) >= 0;
  });
}
