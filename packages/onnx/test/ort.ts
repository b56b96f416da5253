/**
 * Compares the reference evaluator and shape inference with ONNX Runtime's CPU provider, one node at a
 * time.
 */

import type { ModelProto } from "onnx-buf";
import * as ort from "onnxruntime-node";
import { expect } from "vitest";
import type { AttributeValues } from "../src/attributes.ts";
import type { DType } from "../src/dtype.ts";
import { Graph, type Value } from "../src/graph.ts";
import { inferTypes } from "../src/infer.ts";
import { writeModel } from "../src/model.ts";
import type { Inferred } from "../src/ops/operator.ts";
import { evaluate } from "../src/reference.ts";
import type { Shape } from "../src/shape.ts";
import { elements, halfToNumber, numberToHalf, type Tensor, tensor } from "../src/tensor.ts";

/** One node and its inputs. */
export interface Case {
  /** The operator. */
  readonly type: string;
  /** Version of the operator set. */
  readonly opset: number;
  /** The inputs; `undefined` for one that is left out. */
  readonly inputs: readonly (Tensor | undefined)[];
  /** Its attributes; default none. */
  readonly attributes?: AttributeValues;
  /** How many outputs are asked for; default 1. */
  readonly outputs?: number;
  /** Which inputs are constants of the graph; default those of int64 after the first. */
  readonly constants?: readonly number[];
  /** Whether the shape depends on the values, so that it cannot be inferred; default false. */
  readonly dynamic?: boolean;
  /** Relative tolerance; default 1e-4. */
  readonly tolerance?: number;
}

let state = 1;

/** Reproducible numbers in [low, high). */
export function random(shape: readonly number[], low = -2, high = 2): Tensor {
  const data = Float64Array.from({ length: elements(shape) }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.fround(low + (high - low) * (state / 2 ** 32));
  });
  return tensor("float32", shape, data);
}

/** Reproducible integers in [low, high). */
export function integers(
  shape: readonly number[],
  low: number,
  high: number,
  dtype: DType = "int64",
): Tensor {
  return {
    ...random(shape, low, high),
    dtype,
    data: random(shape, low, high).data.map(Math.floor),
  };
}

/** Runs a model on ONNX Runtime's CPU provider. */
export async function runOrt(
  model: ModelProto,
  feeds: Readonly<Record<string, Tensor>>,
  options: ort.InferenceSession.SessionOptions = {},
): Promise<Record<string, Tensor>> {
  const session = await ort.InferenceSession.create(writeModel(model), {
    logSeverityLevel: 4,
    intraOpNumThreads: 1,
    ...options,
  });
  try {
    const given = Object.entries(feeds).map(([name, value]) => [name, toOrt(value)] as const);
    const results = await session.run(Object.fromEntries(given));
    return Object.fromEntries(
      Object.entries(results).map(([name, value]) => [name, fromOrt(value as ort.Tensor)]),
    );
  } finally {
    await session.release();
  }
}

function toOrt({ dtype, shape, data }: Tensor): ort.Tensor {
  switch (dtype) {
    case "float32":
      return new ort.Tensor("float32", Float32Array.from(data), shape);
    case "float64":
      return new ort.Tensor("float64", data, shape);
    case "float16": {
      const bits = Uint16Array.from(data, numberToHalf);
      const Half = (globalThis as { Float16Array?: new (buffer: ArrayBuffer) => never })
        .Float16Array;
      return new ort.Tensor("float16", Half ? new Half(bits.buffer) : bits, shape);
    }
    case "int64":
      return new ort.Tensor(
        "int64",
        BigInt64Array.from(data, (x) => BigInt(x)),
        shape,
      );
    case "int32":
      return new ort.Tensor("int32", Int32Array.from(data), shape);
    case "int8":
      return new ort.Tensor("int8", Int8Array.from(data), shape);
    case "uint8":
      return new ort.Tensor("uint8", Uint8Array.from(data), shape);
    case "bool":
      return new ort.Tensor("bool", Uint8Array.from(data), shape);
    default:
      throw new Error(`no ONNX Runtime tensor of ${dtype} is made here`);
  }
}

function fromOrt(value: ort.Tensor): Tensor {
  const data = Float64Array.from(value.data as ArrayLike<number>, Number);
  const half = value.type === "float16" && value.data instanceof Uint16Array;
  return {
    dtype: value.type as DType,
    shape: value.dims,
    data: half ? data.map(halfToNumber) : data,
  };
}

const symbol = (size: number) => `n${size}`;

/** What an inferred type must say: nothing that is wrong; everything when `exact`. */
function expectType(type: Inferred, result: Tensor, exact: boolean, what: string): void {
  if (exact || type.dtype !== undefined) expect(type.dtype, what).toBe(result.dtype);
  if (exact) expect(type.shape, what).toEqual(result.shape);
  if (type.shape === undefined) return;
  expect(type.shape.length, what).toBe(result.shape.length);
  for (const [i, dim] of type.shape.entries()) {
    if (typeof dim === "string") expect(dim, what).toBe(symbol(result.shape[i]));
    if (typeof dim === "number") expect(dim, what).toBe(result.shape[i]);
  }
  if (type.contents === undefined) return;
  expect(type.contents.length, what).toBe(result.data.length);
  for (const [i, dim] of type.contents.entries()) {
    if (dim === null) continue;
    expect(dim, what).toBe(typeof dim === "string" ? symbol(result.data[i]) : result.data[i]);
  }
}

/** Builds the graph of a case with the input types that `typed` gives. */
function build(
  test: Case,
  constants: ReadonlySet<number>,
  typed: (value: Tensor) => { dtype?: DType; shape?: Shape },
): { g: Graph; outputs: Value[] } {
  const g = new Graph(test.opset);
  const inputs = test.inputs.map((value, i) => {
    if (value === undefined) return undefined;
    if (constants.has(i)) return g.initializer(`x${i}`, value);
    const { dtype, shape } = typed(value);
    return g.input(`x${i}`, dtype, shape);
  });
  const outputs = g.node(test.type, inputs, test.attributes, { outputs: test.outputs });
  // Without a shape, so that what ONNX Runtime infers is not what was inferred here.
  g.output(...outputs.map(({ name, dtype }) => ({ name, dtype })));
  return { g, outputs };
}

/** The largest error relative to max(1, |expected|); equal infinities and two NaN have none. */
export function maxDifference(actual: Float64Array, expected: Float64Array): number {
  let worst = 0;
  for (const [i, x] of actual.entries()) {
    const y = expected[i];
    if (Object.is(x, y) || x === y) continue;
    const difference = Math.abs(x - y) / Math.max(1, Math.abs(y));
    if (!(difference <= worst)) worst = Number.isNaN(difference) ? Infinity : difference;
  }
  return worst;
}

/**
 * Expects that the evaluator agrees with ONNX Runtime, and that inference never contradicts it: with
 * all sizes known, with every size a symbol, with ranks only, with unknown constants, with nothing
 * known.
 * @returns what the evaluator computed
 */
export async function expectLikeOrt(test: Case): Promise<Tensor[]> {
  const what = `${test.type} opset ${test.opset} ${JSON.stringify(test.attributes ?? {})} [${test.inputs.map((x) => x?.shape.join("x"))}]`;
  const constants = new Set(
    test.constants ??
      test.inputs.flatMap((value, i) => (i > 0 && value?.dtype === "int64" ? [i] : [])),
  );
  const { g, outputs } = build(test, constants, ({ dtype, shape }) => ({ dtype, shape }));
  const feeds = Object.fromEntries(
    test.inputs.flatMap((value, i) =>
      value === undefined || constants.has(i) ? [] : [[`x${i}`, value]],
    ),
  );
  const model = g.toModel();
  const theirs = await runOrt(model, feeds).catch((error: Error) => {
    throw new Error(`${what}: ${error.message}`);
  });
  const ours = evaluate(model, feeds);
  const inferred = inferTypes(model).of(model.graph!);
  for (const output of outputs) {
    const [a, b] = [ours[output.name], theirs[output.name]];
    expect([a.dtype, ...a.shape], what).toEqual([b.dtype, ...b.shape]);
    const difference = maxDifference(a.data, b.data);
    expect(difference, `${what}: maxdiff ${difference}`).toBeLessThanOrEqual(
      test.tolerance ?? 1e-4,
    );
    expectType(output, a, !test.dynamic, what);
    expectType(inferred.get(output.name) ?? {}, a, !test.dynamic, what);
  }
  const none: ReadonlySet<number> = new Set();
  const looser: Parameters<typeof build>[] = [
    [test, constants, ({ dtype, shape }) => ({ dtype, shape: shape.map(symbol) })],
    [test, none, ({ dtype, shape }) => ({ dtype, shape })],
    [test, constants, ({ shape }) => ({ shape: shape.map(() => null) })],
    [test, none, ({ dtype, shape }) => ({ dtype, shape: shape.map(() => null) })],
    [test, constants, () => ({})],
    [test, none, () => ({})],
  ];
  for (const [i, arguments_] of looser.entries()) {
    const loose = build(...arguments_);
    for (const [k, output] of loose.outputs.entries()) {
      expectType(output, ours[outputs[k].name], false, `${what}, less known (${i})`);
    }
  }
  return outputs.map(({ name }) => ours[name]);
}
