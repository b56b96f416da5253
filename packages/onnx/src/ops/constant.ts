/**
 * Constants and copies: Constant, ConstantOfShape, EyeLike, Identity, Cast, CastLike, Dropout.
 *
 * Cast to a floating-point type does not round. From floating point to integers it drops the fraction
 * and saturates at the ends of the type (NaN gives 0); between integers it wraps; to bool it is != 0.
 */
import {
  bitsPerElement,
  type DType,
  dtypeCode,
  dtypeOfCode,
  isFloat,
  isInteger,
} from "../dtype.ts";
import { OnnxError } from "../error.ts";
import type { Graph, Value } from "../graph.ts";
import { knownProto, knownTensor, MAX_CONTENTS } from "../known.ts";
import { describeNode } from "../order.ts";
import { elementCount, isStatic } from "../shape.ts";
import { scalar, type Tensor, tensor } from "../tensor.ts";
import { spelledShape } from "./arguments.ts";
import { foldCast, valuesOf } from "./folding.ts";
import {
  DETACHED,
  type EvaluateContext,
  type GradientRule,
  type Inferred,
  type Operator,
  required,
  type ShapeContext,
  typeOf,
} from "./operator.ts";
import { castLikeValue, refuse, unaryRule } from "./rules.ts";

/** A value in another element type; the value itself when it has that type. */
export function cast(g: Graph, x: Value, dtype: DType): Value {
  return x.dtype === dtype ? x : g.op("Cast", [x], { to: dtypeCode(dtype) });
}

/**
 * A value in the element type of another one.
 * @throws OnnxError before opset 15 when that type is not known
 */
export function castLike(g: Graph, x: Value, like: Value): Value {
  if (like.dtype !== undefined) return cast(g, x, like.dtype);
  if (g.opset >= 15) return g.op("CastLike", [x, like]);
  throw new OnnxError(
    `CastLike: expected opset 15 or newer for a value of unknown type, received ${g.opset}`,
  );
}

/** The value under another name. */
export function identity(g: Graph, x: Value): Value {
  return g.op("Identity", [x]);
}

/**
 * A tensor of one repeated value.
 * @param shape its sizes: one-dimensional int64
 * @param value one element
 * @throws OnnxError when `value` has another number of elements
 */
export function constantOfShape(g: Graph, shape: Value, value: Tensor): Value {
  if (value.data.length !== 1) {
    throw new OnnxError(
      `ConstantOfShape: value: expected one element, received ${value.data.length}`,
    );
  }
  return g.op("ConstantOfShape", [shape], { value: { ...value, shape: [1] } });
}

/** A number of one element type as another holds it. Float32 is rounded to before a fraction goes. */
export function convert(x: number, from: DType, to: DType): number {
  if (to === "bool") return x !== 0 ? 1 : 0;
  if (!isInteger(to)) return x;
  const size = 2 ** bitsPerElement(to);
  const signed = !to.startsWith("u");
  const low = signed ? -size / 2 : 0;
  const high = size + low;
  if (isFloat(from)) {
    // -0 becomes 0, and so does NaN.
    const whole = Math.trunc(from === "float32" ? Math.fround(x) : x) || 0;
    return whole < low ? low : whole >= high ? (size > 2 ** 53 ? high : high - 1) : whole;
  }
  if (x >= low && x < high) return x;
  const rest = x - size * Math.floor(x / size);
  return rest >= high ? rest - size : rest;
}

function convertTensor(x: Tensor, to: DType): Tensor {
  for (const dtype of [x.dtype, to]) {
    if (!isFloat(dtype) && !isInteger(dtype) && dtype !== "bool") {
      throw new OnnxError(`Cast: expected a real type, received ${dtype}`);
    }
  }
  return { dtype: to, shape: x.shape, data: x.data.map((value) => convert(value, x.dtype, to)) };
}

/** The type of a cast: short values stay known. */
function castType(x: Inferred, to: DType | undefined): readonly Inferred[] {
  return [{ dtype: to, shape: x.shape, ...foldCast(x, to, convert) }];
}

function targetOf(context: ShapeContext | EvaluateContext): DType | undefined {
  return dtypeOfCode(context.attributes.int("to", 0));
}

/** Back in the input's type; nothing flows through integers. */
const castRule: GradientRule = unaryRule(({ g, x, y, dy }) => {
  if (y.dtype !== undefined && !isFloat(y.dtype)) return undefined;
  return x.dtype === undefined ? castLike(g, dy, x) : castLikeValue(g, dy, x);
});

const castOperator: Operator = {
  type: "Cast",
  shape: (context) => castType(typeOf(context, 0), targetOf(context)),
  evaluate: (context) => {
    const to = targetOf(context);
    if (to === undefined) {
      throw new OnnxError(
        `${describeNode(context.node)}: attribute "to": expected a known element type, received code ${context.attributes.int("to", 0)}`,
      );
    }
    return [convertTensor(required(context, 0), to)];
  },
  gradient: castRule,
};

const castLikeOperator: Operator = {
  type: "CastLike",
  shape: (context) => castType(typeOf(context, 0), context.inputs[1]?.dtype),
  evaluate: (context) => [convertTensor(required(context, 0), required(context, 1).dtype)],
  gradient: castRule,
};

const identityOperator: Operator = {
  type: "Identity",
  shape: (context) => {
    const x = typeOf(context, 0);
    return [{ dtype: x.dtype, shape: x.shape, ...valuesOf(x) }];
  },
  evaluate: (context) => [required(context, 0)],
  gradient: unaryRule(({ dy, context }) => (context.node.docString === DETACHED ? undefined : dy)),
};

/** The numbers of a `Constant` that are given without a tensor. */
function plainConstant(context: ShapeContext | EvaluateContext): Tensor | undefined {
  const { attributes } = context;
  if (attributes.has("value_float")) return scalar("float32", attributes.float("value_float", 0));
  if (attributes.has("value_int")) return scalar("int64", attributes.int("value_int", 0));
  const floats = attributes.floats("value_floats");
  if (floats !== undefined) return tensor("float32", [floats.length], floats);
  const ints = attributes.ints("value_ints");
  return ints && tensor("int64", [ints.length], ints);
}

const constantOperator: Operator = {
  type: "Constant",
  shape: (context) => {
    const proto = context.attributes.all.get("value")?.t;
    if (proto !== undefined) return [knownProto(proto)];
    const plain = plainConstant(context);
    return [plain ? knownTensor(plain) : {}];
  },
  evaluate: (context) => {
    const value = context.attributes.tensor("value") ?? plainConstant(context);
    if (value !== undefined) return [value];
    const [name] = context.attributes.all.keys();
    throw new OnnxError(
      `${describeNode(context.node)}: expected numbers in value, value_float(s) or value_int(s), found ${name ?? "no attribute"}`,
    );
  },
  gradient: null,
};

/** The element that a `ConstantOfShape` repeats: float32 0 unless it is given. */
function repeated(context: ShapeContext | EvaluateContext): Tensor {
  const value = context.attributes.tensor("value") ?? scalar("float32", 0);
  if (value.data.length === 1) return value;
  throw new OnnxError(
    `${describeNode(context.node)}: attribute "value": expected one element, received ${value.data.length}`,
  );
}

const constantOfShapeOperator: Operator = {
  type: "ConstantOfShape",
  shape: (context) => {
    const value = repeated(context);
    const shape = spelledShape(context.inputs[0]);
    const count = elementCount(shape);
    return isStatic(shape) && (count as number) <= MAX_CONTENTS
      ? [knownTensor(tensor(value.dtype, shape, value.data[0]))]
      : [{ dtype: value.dtype, shape }];
  },
  evaluate: (context) => {
    const value = repeated(context);
    return [tensor(value.dtype, Array.from(required(context, 0).data), value.data[0])];
  },
  gradient: null,
};

const eyeLike: Operator = {
  type: "EyeLike",
  shape: (context) => {
    const { dtype, shape } = typeOf(context, 0);
    return [{ dtype: dtypeOfCode(context.attributes.int("dtype", 0)) ?? dtype, shape }];
  },
  evaluate: (context) => {
    const { shape, dtype } = required(context, 0);
    if (shape.length !== 2) {
      throw new OnnxError(
        `${describeNode(context.node)}: expected 2 axes, received [${shape.join(", ")}]`,
      );
    }
    const result = tensor(dtypeOfCode(context.attributes.int("dtype", 0)) ?? dtype, shape, 0);
    const k = context.attributes.int("k", 0);
    for (let row = 0; row < shape[0]; row++) {
      const column = row + k;
      if (column >= 0 && column < shape[1]) result.data[row * shape[1] + column] = 1;
    }
    return [result];
  },
  gradient: null,
};

/** Inference only: nothing is dropped. The mask has the input's type before opset 10, bool since. */
const dropout: Operator = {
  type: "Dropout",
  shape: (context) => {
    const { dtype, shape } = typeOf(context, 0);
    return [
      { dtype, shape },
      { dtype: context.opset < 10 ? dtype : "bool", shape },
    ];
  },
  evaluate: (context) => {
    if (context.inputs[2]?.data[0]) {
      throw new OnnxError(
        `${describeNode(context.node)}: expected training_mode false, received true: nothing random is evaluated here`,
      );
    }
    const x = required(context, 0);
    return [x, tensor(context.opset < 10 ? x.dtype : "bool", x.shape, 1)];
  },
  gradient: unaryRule(({ dy, context }) => {
    const training = context.inputs[2];
    if (training === undefined || training.contents?.[0] === 0) return dy;
    return refuse(context, "expected training_mode false, received true or what is not known");
  }),
};

/** The operators of this file. */
export const constants: readonly Operator[] = [
  castLikeOperator,
  castOperator,
  constantOfShapeOperator,
  constantOperator,
  dropout,
  eyeLike,
  identityOperator,
];
