/**
 * The swapped layers of a model in their form for training. A layer that is a call of a local function is
 * composed anew from what the call says of it: method, window, settings. SoftPool's inference has an `If`
 * and its derivative divides by what may underflow; its form for training has neither. Methods that draw
 * by chance get noise inputs. A SoftPool that was written in place keeps its nodes; what the gradient takes
 * for a constant is marked in them.
 */
import {
  Attributes,
  atNode,
  Graph,
  type GraphProto,
  inferTypes,
  inlineFunctions,
  type ModelProto,
  Names,
  type NodeProto,
  opsetOf,
  type PoolWindow,
  poolWindow,
  type Shape,
  shallow,
  type Value,
  valueInfo,
  windowOf,
} from "@softpool/onnx";
import { applyMethod, type PaddingMode } from "./apply.ts";
import { findMethod, methodOf } from "./catalogue.ts";
import { composeGlobal } from "./global.ts";
import { DOMAIN, NODE_PREFIX } from "./layers.ts";
import type { Context, Method } from "./method.ts";
import { swapRecord } from "./record.ts";
import type { SoftPoolGradient } from "./soft.ts";

/** How layers are composed. */
export interface TrainingFormOptions {
  /** Shapes of inputs that the model leaves open, by name. */
  readonly inputs?: Readonly<Record<string, Shape>>;
  /** SoftPool's gradient; default `exact`. */
  readonly gradient?: Exclude<SoftPoolGradient, "none">;
}

/** A model for training. */
export interface TrainingForm {
  /** The model: functions written out, except those that only subgraphs call. Stored tensors are shared. */
  readonly model: ModelProto;
  /** The stored tensors that poolings learn: names, and whether weight decay applies. */
  readonly parameters: readonly { readonly name: string; readonly decay: boolean }[];
  /** Inputs that were added, for uniform numbers in [0, 1). */
  readonly noise: readonly { readonly name: string; readonly shape: readonly number[] }[];
}

/**
 * Brings a model into its form for training.
 * @param model a checked model; it is not changed
 * @param options shapes of inputs, SoftPool's gradient
 * @throws OnnxError when shapes contradict each other, or a call names a method that does not exist
 */
export function trainingForm(model: ModelProto, options: TrainingFormOptions = {}): TrainingForm {
  const { inputs, gradient = "exact" } = options;
  const names = new Names(model);
  const graph = inlineFunctions(model, { only: ({ domain }) => domain !== DOMAIN, names });
  const result = shallow(model);
  result.graph = shallow(graph);
  const types = inferTypes(result, { inputs }).of(result.graph);
  const value = (name: string): Value => ({ ...types.get(name), name });
  const parameters: { name: string; decay: boolean }[] = [];
  const noise: { name: string; shape: readonly number[] }[] = [];
  const opset = opsetOf(model) ?? 17;
  const compose = (node: NodeProto): NodeProto[] => {
    const [x, ...learned] = node.input.map(value);
    const layer = layerOf(node, gradient);
    const name = node.name || node.output[0];
    const g = new Graph(opset, { names, prefix: `${NODE_PREFIX}/${name}` });
    const wanted = layer.method.parameters?.(siteOf(layer, x), layer.settings) ?? [];
    const given = Object.fromEntries(wanted.map((own, i) => [own.name, learned[i]]));
    for (const [i, { decay = false }] of wanted.entries()) {
      parameters.push({ name: learned[i].name, decay });
    }
    const draws = noiseOf(layer, x, value(node.output[0]), (own) => names.unique(`${name}.${own}`));
    noise.push(
      ...draws.map(({ value: own }) => ({ name: own.name, shape: own.shape as number[] })),
    );
    const y = applied(g, layer, x, {
      parameters: given,
      noise: Object.fromEntries(draws.map((draw) => [draw.short, draw.value])),
    });
    renamed(g.nodes, y.name, node.output[0]);
    return g.nodes;
  };
  result.graph.node = graph.node.flatMap((node) =>
    node.domain === DOMAIN && findMethod(methodName(node)) !== undefined
      ? atNode(node, () => compose(node))
      : [node],
  );
  result.graph.input = [
    ...graph.input,
    ...noise.map(({ name, shape }) => valueInfo(name, { dtype: "float32", shape })),
  ];
  markInPlace(result.graph, model, gradient, names);
  return { model: result, parameters, noise };
}

/** What a call says of its layer. */
interface Layer {
  readonly method: Method;
  readonly window: PoolWindow | undefined;
  readonly settings: Context["settings"];
  readonly paddingMode: PaddingMode;
}

const methodName = (node: NodeProto): string => new Attributes(node).string("method", "");

function layerOf(node: NodeProto, gradient: "exact" | "weights"): Layer {
  const attributes = new Attributes(node);
  const method = methodOf(methodName(node));
  const settings: Record<string, number | string> = {};
  for (const { name, values, hidden } of method.settings ?? []) {
    if (hidden || !attributes.has(name)) continue;
    settings[name] = values === undefined ? attributes.float(name, 0) : attributes.string(name, "");
  }
  if (method.settings?.some(({ name }) => name === "gradient")) settings.gradient = gradient;
  return {
    method,
    settings,
    window: attributes.int("global", 0) === 1 ? undefined : windowOf(attributes),
    paddingMode: attributes.string("padding_mode", "ignore") === "zero" ? "zero" : "ignore",
  };
}

/** The window of a layer on its input; everything is a window of the input's size. */
function siteOf({ window }: Layer, x: Value) {
  const sizes = (x.shape?.slice(2) ?? []) as number[];
  return {
    window: window ?? poolWindow(sizes),
    channels: (x.shape?.[1] as number | undefined) ?? 1,
  };
}

function noiseOf(layer: Layer, x: Value, y: Value, nameOf: (name: string) => string) {
  const wanted = layer.method.noise?.(siteOf(layer, x), layer.settings) ?? [];
  return wanted.map(({ name, shape }) => ({
    short: name,
    value: {
      name: nameOf(name),
      dtype: "float32" as const,
      shape: shape(x.shape as number[], y.shape as number[]),
    },
  }));
}

function applied(
  g: Graph,
  { method, window, settings, paddingMode }: Layer,
  x: Value,
  given: Pick<Context, "parameters" | "noise">,
): Value {
  if (window === undefined) return composeGlobal(g, method, x, settings, given.parameters);
  return applyMethod(g, method, x, window, { settings, paddingMode, ...given, training: true });
}

function renamed(nodes: readonly NodeProto[], from: string, to: string): void {
  for (const node of nodes) {
    node.output = node.output.map((name) => (name === from ? to : name));
    node.input = node.input.map((name) => (name === from ? to : name));
  }
}

/**
 * Marks in SoftPools that were written in place what the gradient takes for a constant: the window's
 * maximum, whose terms cancel, and the weights where those alone are wanted.
 */
function markInPlace(
  graph: GraphProto,
  model: ModelProto,
  gradient: "exact" | "weights",
  names: Names,
): void {
  const prefixes = swapRecord(model).flatMap(({ to, inline, layers }) =>
    inline && to === "soft" ? layers.map(({ name }) => `${NODE_PREFIX}/${name}/`) : [],
  );
  if (prefixes.length === 0) return;
  const constant = gradient === "weights" ? ["MaxPool", "Exp"] : ["MaxPool"];
  graph.node = graph.node.flatMap((node) => {
    const own = prefixes.some((prefix) => node.name.startsWith(prefix));
    if (!own || !constant.includes(node.opType)) return [node];
    const copy = shallow(node);
    const inner = names.unique(`${node.output[0]}/constant`);
    copy.output = [inner, ...node.output.slice(1)];
    const g = new Graph(opsetOf(model) ?? 17, { names });
    g.detach({ name: inner });
    const [mark] = g.nodes;
    mark.output = [node.output[0]];
    return [copy, mark];
  });
}
