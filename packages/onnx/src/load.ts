/**
 * A model as a graph that can be built on: local functions written out, the types of all values known as
 * far as they follow. For gradients and other work that adds nodes.
 */
import type { ModelProto } from "onnx-buf";
import { OnnxError } from "./error.ts";
import { Graph, type Value } from "./graph.ts";
import { inferTypes } from "./infer.ts";
import { type InlineOptions, inlineFunctions } from "./inline.ts";
import { Names } from "./names.ts";
import { topologicalOrder } from "./order.ts";
import type { Shape } from "./shape.ts";
import { opsetOf } from "./versions.ts";

/** How a model is loaded. */
export interface LoadOptions extends Pick<InlineOptions, "only"> {
  /** Shapes of inputs that the model leaves open, by name. */
  readonly inputs?: Readonly<Record<string, Shape>>;
}

/**
 * The graph of a model.
 * @param model a checked model; it is not changed, stored tensors are shared
 * @param options shapes of inputs, and which functions are written out
 * @throws OnnxError when the model has no standard operators, or shapes contradict each other
 */
export function graphOf(model: ModelProto, options: LoadOptions = {}): Graph {
  const opset = opsetOf(model);
  if (opset === undefined || model.graph === undefined) {
    throw new OnnxError("graphOf: expected a graph of standard operators");
  }
  const names = new Names(model);
  const graph = inlineFunctions(model, { only: options.only, names });
  const flat = { ...model, graph } as ModelProto;
  const types = inferTypes(flat, { inputs: options.inputs }).of(graph);
  const g = new Graph(opset, { names });
  for (const [name, type] of types) g.values.set(name, { ...type, name });
  const value = (name: string): Value => g.values.get(name) ?? { name };
  const stored = new Set(graph.initializer.map(({ name }) => name));
  g.inputs.push(
    ...graph.input.filter(({ name }) => !stored.has(name)).map(({ name }) => value(name)),
  );
  g.initializers.push(...graph.initializer);
  g.nodes.push(...topologicalOrder(graph));
  g.outputs.push(...graph.output.map(({ name }) => value(name)));
  return g;
}
