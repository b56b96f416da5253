/**
 * Quantization: QuantizeLinear y = saturate(round(x / scale) + zero), DequantizeLinear
 * x = (y - zero) scale, DynamicQuantizeLinear with scale and zero from the data. Rounding is to
 * nearest, ties to even. Scales are for the whole tensor, for positions of an axis, or for blocks of
 * an axis (opset 21).
 */
import { bitsPerElement, type DType, dtypeOfCode, isInteger } from "../dtype.ts";
import { OnnxError } from "../error.ts";
import { describeNode } from "../order.ts";
import { elements, roundEven, scalar, type Tensor } from "../tensor.ts";
import {
  axisOfNode,
  type EvaluateContext,
  type GradientRule,
  type Operator,
  required,
  type ShapeContext,
  strides,
  typeOf,
} from "./operator.ts";
import { refuse } from "./rules.ts";

/** The number nearest to `x` that an integer type holds. */
function saturate(x: number, dtype: DType): number {
  const size = 2 ** bitsPerElement(dtype);
  const low = dtype.startsWith("u") ? 0 : -size / 2;
  return Math.max(low, Math.min(x, low + size - 1));
}

/** For each element of `x` the place of its scale. */
function scalePlaces(context: EvaluateContext, x: Tensor, scale: Tensor): (i: number) => number {
  if (scale.data.length === 1) return () => 0;
  const axis = axisOfNode(context, x.shape.length, 1);
  const inner = elements(x.shape.slice(axis + 1));
  const size = x.shape[axis];
  if (scale.shape.length === 1) return (i) => Math.floor(i / inner) % size;
  const block = context.attributes.int("block_size", 0);
  if (block < 1 || scale.shape.length !== x.shape.length) {
    throw new OnnxError(
      `${describeNode(context.node)}: expected a scale of 0 or 1 axes, or a block_size, received ${scale.shape.length} axes`,
    );
  }
  const own = strides(x.shape);
  const steps = strides(scale.shape);
  return (i) =>
    own.reduce((place, step, k) => {
      const position = Math.floor(i / step) % x.shape[k];
      return place + steps[k] * (k === axis ? Math.floor(position / block) : position);
    }, 0);
}

/** The type that is quantized to: of the zero point, else as the node says, else uint8. */
function quantizedType(
  context: ShapeContext | EvaluateContext,
  zero: DType | undefined,
): DType | undefined {
  return zero ?? dtypeOfCode(context.attributes.int("output_dtype", 0));
}

const quantize: Operator = {
  type: "QuantizeLinear",
  shape: (context) => {
    const zero = context.inputs[2];
    const dtype = quantizedType(context, zero?.dtype) ?? (zero ? undefined : "uint8");
    return [{ dtype, shape: typeOf(context, 0).shape }];
  },
  evaluate: (context) => {
    const x = required(context, 0);
    const scale = required(context, 1);
    const zero = context.inputs[2];
    const dtype = quantizedType(context, zero?.dtype) ?? "uint8";
    if (!isInteger(dtype)) {
      throw new OnnxError(
        `${describeNode(context.node)}: expected an integer type to quantize to, received ${dtype}`,
      );
    }
    const place = scalePlaces(context, x, scale);
    const data = x.data.map((value, i) => {
      const at = place(i);
      return saturate(roundEven(value / scale.data[at]) + (zero?.data[at] ?? 0), dtype);
    });
    return [{ dtype, shape: x.shape, data }];
  },
};

const dequantize: Operator = {
  type: "DequantizeLinear",
  shape: (context) => {
    const dtype = dtypeOfCode(context.attributes.int("output_dtype", 0));
    return [{ dtype: dtype ?? context.inputs[1]?.dtype, shape: typeOf(context, 0).shape }];
  },
  evaluate: (context) => {
    const x = required(context, 0);
    const scale = required(context, 1);
    const zero = context.inputs[2];
    const place = scalePlaces(context, x, scale);
    const data = x.data.map((value, i) => {
      const at = place(i);
      return (value - (zero?.data[at] ?? 0)) * scale.data[at];
    });
    const dtype = dtypeOfCode(context.attributes.int("output_dtype", 0)) ?? scale.dtype;
    return [{ dtype, shape: x.shape, data }];
  },
};

const dynamicQuantize: Operator = {
  type: "DynamicQuantizeLinear",
  shape: (context) => [
    { dtype: "uint8", shape: typeOf(context, 0).shape },
    { dtype: "float32", shape: [] },
    { dtype: "uint8", shape: [] },
  ],
  evaluate: (context) => {
    const x = required(context, 0);
    // 0 has to be exact.
    const high = x.data.reduce((a, b) => Math.max(a, b), 0);
    const low = x.data.reduce((a, b) => Math.min(a, b), 0);
    const scale = high === low ? 1 : (high - low) / 255;
    const zero = saturate(roundEven(-low / scale), "uint8");
    const data = x.data.map((value) => saturate(roundEven(value / scale) + zero, "uint8"));
    return [
      { dtype: "uint8", shape: x.shape, data },
      scalar("float32", scale),
      scalar("uint8", zero),
    ];
  },
};

/** A quantized model has no weights to learn with: its numbers are integers. */
const quantizedGradient: GradientRule = (context) =>
  refuse(
    context,
    "quantized numbers do not change little by little; train the model that was quantized, and quantize it again",
  );

/** The operators of this file. */
export const quantization: readonly Operator[] = [dequantize, dynamicQuantize, quantize].map(
  (operator) => ({ ...operator, gradient: quantizedGradient }),
);
