/**
 * Checks a gradient rule: gradients of sum_k w_k y_k with random weights w, evaluated in float64,
 * against central differences (L(x + h) - L(x - h)) / 2h; then the same gradients on ONNX Runtime's
 * CPU provider in float32.
 */
import { expect } from "vitest";
import type { AttributeValues } from "../src/attributes.ts";
import { type DType, isFloat } from "../src/dtype.ts";
import { flow } from "../src/gradients.ts";
import { Graph, type Value } from "../src/graph.ts";
import { evaluate } from "../src/reference.ts";
import { elements, type Tensor, tensor } from "../src/tensor.ts";
import { MAX_OPSET } from "../src/versions.ts";
import { maxDifference, random, runOrt } from "./ort.ts";

/** Versions of the operator set at which rules are checked unless a case names others. */
export const OPSETS: readonly number[] = [11, 13, 18, MAX_OPSET];

/** A graph, its inputs, and how its gradients are checked. */
export interface GradientCase {
  /** Emits the graph and gives the outputs that are differentiated; those of integers are left out. */
  readonly build: (g: Graph, inputs: readonly Value[]) => Value | readonly Value[];
  /** The inputs. Floating-point ones are inputs of the graph, others are constants of it. */
  readonly inputs: readonly Tensor[];
  /** Which inputs are differentiated by; default all of floating point. */
  readonly wrt?: readonly number[];
  /** Versions of the operator set; default {@link OPSETS}. */
  readonly opsets?: readonly number[];
  /** Whether the first axis of every input that is as long as the first one's is a symbol; default false. */
  readonly batch?: boolean;
  /** Whether integers are inputs of the graph too; default false. */
  readonly open?: boolean;
  /** Whether ONNX Runtime has kernels for it, at opsets from which one on; default true. */
  readonly ort?: boolean | number;
  /** Largest error relative to max(1, |expected|) in float64; default 1e-6. */
  readonly tolerance?: number;
  /** The same on ONNX Runtime in float32; default 1e-4. */
  readonly ortTolerance?: number;
}

/** A builder of one node. */
export function node(
  type: string,
  attributes: AttributeValues = {},
  outputs = 1,
): GradientCase["build"] {
  return (g, inputs) => g.node(type, inputs, attributes, { outputs });
}

interface Built {
  readonly g: Graph;
  readonly outputs: readonly Value[];
  readonly wrt: readonly number[];
  /** The gradients, when they were asked for. */
  readonly found: readonly (Value | undefined)[];
  readonly feeds: (inputs: readonly Tensor[]) => Record<string, Tensor>;
}

function build(
  test: GradientCase,
  opset: number,
  dtype: DType,
  weights?: readonly Tensor[],
): Built {
  const g = new Graph(opset);
  const isInput = test.inputs.map((x) => isFloat(x.dtype) || test.open === true);
  const inputs = test.inputs.map((x, i) => {
    const type = isFloat(x.dtype) ? dtype : x.dtype;
    if (!isInput[i]) return g.initializer(`x${i}`, x);
    const [first] = test.inputs[0].shape;
    const [size, ...rest] = x.shape;
    return g.input(`x${i}`, type, test.batch && size === first ? ["N", ...rest] : x.shape);
  });
  const built = [test.build(g, inputs)].flat() as Value[];
  const outputs = built.filter((y) => y.dtype === undefined || isFloat(y.dtype));
  const wrt = test.wrt ?? inputs.flatMap((_, i) => (isFloat(test.inputs[i].dtype) ? [i] : []));
  const found = new Map<string, Value>();
  if (weights !== undefined) {
    const seeds = weights.map((w, i) => g.input(`w${i}`, dtype, outputs[i].shape ?? w.shape));
    const names = new Set(wrt.map((i) => inputs[i].name));
    flow(
      g,
      [...g.nodes],
      outputs.map((y, i) => [y, seeds[i]]),
      names,
      found,
    );
  }
  return {
    g,
    outputs,
    wrt,
    found: wrt.map((i) => found.get(inputs[i].name)),
    feeds: (values) => ({
      ...Object.fromEntries(values.flatMap((x, i) => (isInput[i] ? [[`x${i}`, x]] : []))),
      ...Object.fromEntries((weights ?? []).map((w, i) => [`w${i}`, w])),
    }),
  };
}

const isThere = (value: Value | undefined): value is Value => value !== undefined;

/** A gradient that is an input of the graph, as of x + 0, cannot be one of its outputs: a copy is. */
function outputsOf(built: Built): (string | undefined)[] {
  const { g, found } = built;
  const copies = found.map((value) => value && g.op("Identity", [value]));
  g.output(...copies.filter(isThere));
  return copies.map((copy) => copy?.name);
}

/** The gradients of a case at one opset for given weights of the outputs; 0 where nothing flows. */
export function gradientsOf(
  test: GradientCase,
  weights: readonly Tensor[],
  opset: number = OPSETS[OPSETS.length - 1],
): Tensor[] {
  const built = build(test, opset, "float64", weights);
  const names = outputsOf(built);
  const results = evaluate(built.g.toModel(), built.feeds(test.inputs));
  return built.wrt.map((i, k) => {
    const name = names[k];
    return name === undefined ? tensor("float64", test.inputs[i].shape, 0) : results[name];
  });
}

/** The derivatives of sum w y by every element of an input, by central differences. */
function differences(
  test: GradientCase,
  opset: number,
  weights: readonly Tensor[],
  input: number,
): Float64Array {
  const { g, outputs, feeds } = build(test, opset, "float64");
  g.output(...outputs);
  const model = g.toModel();
  const loss = (x: Tensor): number => {
    const results = evaluate(
      model,
      feeds(test.inputs.map((other, i) => (i === input ? x : other))),
    );
    let sum = 0;
    for (const [k, { name }] of outputs.entries()) {
      for (const [i, y] of results[name].data.entries()) sum += y * weights[k].data[i];
    }
    return sum;
  };
  const x = test.inputs[input];
  return x.data.map((value, i) => {
    const h = 1e-5 * Math.max(1, Math.abs(value));
    const at = (moved: number): number => {
      const data = x.data.slice();
      data[i] = moved;
      return loss({ ...x, data });
    };
    return (at(value + h) - at(value - h)) / (2 * h);
  });
}

/**
 * Expects the gradients of a case to be right.
 * @returns the gradients at the last opset
 */
export async function expectGradient(test: GradientCase): Promise<Tensor[]> {
  let last: Tensor[] = [];
  for (const opset of test.opsets ?? OPSETS) {
    const plain = build(test, opset, "float64");
    plain.g.output(...plain.outputs);
    const values = evaluate(plain.g.toModel(), plain.feeds(test.inputs));
    const weights = plain.outputs.map(({ name }) => random(values[name].shape, -1, 1));
    const shapes = test.inputs.map((x) => `[${x.shape}]`).join(" ");
    const what = `${plain.g.nodes.at(-1)?.opType} ${shapes} opset ${opset}`;
    const built = build(test, opset, "float64", weights);
    last = gradientsOf(test, weights, opset);
    for (const [k, i] of plain.wrt.entries()) {
      const where = `${what}: gradient of input ${i}`;
      const declared = built.found[k]?.shape;
      // With a symbol for the batch nothing that is known may be lost either.
      const sizes = test.inputs[i].shape;
      const expected = declared?.map((dim, axis) => (dim === "N" ? "N" : sizes[axis]));
      if (built.found[k] !== undefined) expect(declared, where).toEqual(expected ?? sizes);
      expect(last[k].shape, where).toEqual(test.inputs[i].shape);
      expect(last[k].data.length, where).toBe(elements(test.inputs[i].shape));
      const difference = maxDifference(last[k].data, differences(test, opset, weights, i));
      expect(difference, `${where}: maxdiff ${difference}`).toBeLessThanOrEqual(
        test.tolerance ?? 1e-6,
      );
    }
    const ort = test.ort ?? true;
    if (ort === false || (typeof ort === "number" && opset < ort)) continue;
    const single = build(test, opset, "float32", weights);
    const names = outputsOf(single);
    if (names.every((name) => name === undefined)) continue;
    const theirs = await runOrt(single.g.toModel(), single.feeds(test.inputs)).catch(
      (error: Error) => {
        throw new Error(`${what}: ${error.message}`);
      },
    );
    for (const [k, name] of names.entries()) {
      if (name === undefined) continue;
      const where = `${what}: gradient of input ${single.wrt[k]} on ONNX Runtime`;
      expect(theirs[name].shape, where).toEqual(last[k].shape);
      const difference = maxDifference(theirs[name].data, last[k].data);
      expect(difference, `${where}: maxdiff ${difference}`).toBeLessThanOrEqual(
        test.ortTolerance ?? 1e-4,
      );
    }
  }
  return last;
}
