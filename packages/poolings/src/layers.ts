/**
 * Finds the pooling layers of a model, in its graph, its subgraphs and its local functions: MaxPool,
 * AveragePool, LpPool, their global kin, quantised pools, and layers that were swapped before.
 */
import {
  Attributes,
  axisOf,
  type DType,
  describeNode,
  dtypeOfCode,
  emptyAxis,
  type FunctionProto,
  type GraphProto,
  type Inferred,
  inferTypes,
  isFloat,
  isStatic,
  type ModelProto,
  type NodeProto,
  namesTaken,
  type OnnxError,
  type PoolWindow,
  padsOf,
  pooledShape,
  poolWindow,
  type Shape,
  subgraphs,
  type Types,
  windowOf,
} from "@softpool/onnx";
import { swapRecord } from "./record.ts";

/** The domain of the local functions that swapped layers are calls of. */
export const DOMAIN = "softpool";

/** Put before the names of nodes that a swap has written in place. */
export const NODE_PREFIX = "softpool";

/** What a pooling layer is: the standard ones by name, swapped ones by their method. */
export type Kind = string;

/** A graph or a function whose nodes are looked at. */
export type Owner = GraphProto | FunctionProto;

/** A pooling layer of a model. */
export interface PoolingLayer {
  /** Its node's name, or its output's where the node has none; inside a function behind its name. */
  readonly name: string;
  /** `maximum`, `average`, `lp`, `global-maximum`, `global-average`, `global-lp`, `quantised`, or a method. */
  readonly kind: Kind;
  /** Its node. */
  readonly node: NodeProto;
  /** A Pad node before it that belongs to it: counted padding. */
  readonly padNode: NodeProto | undefined;
  /** The graph or function that the node stands in. */
  readonly owner: Owner;
  /** The function that it lies in, however deep; `undefined` in the graph of the model. */
  readonly within: FunctionProto | undefined;
  /** Its window, the padding of `padNode` included; `undefined` for global layers. */
  readonly window: PoolWindow | undefined;
  /** Whether an average counts padded taps. */
  readonly counted: boolean;
  /** Element type of its input, as far as it is known. */
  readonly dtype: DType | undefined;
  /** Shape of its input, as far as it is known. */
  readonly input: Shape | undefined;
  /** Shape of its input as it follows from the model alone, whatever shapes were given besides. */
  readonly declared: Shape | undefined;
  /** Shape of its output, as far as it is known. */
  readonly output: Shape | undefined;
  /** Why the layer cannot be replaced by anything, in one clause. */
  readonly refusal: string | undefined;
}

const standard: Readonly<Record<string, Kind>> = {
  MaxPool: "maximum",
  AveragePool: "average",
  LpPool: "lp",
  GlobalMaxPool: "global-maximum",
  GlobalAveragePool: "global-average",
  GlobalLpPool: "global-lp",
};

/** Whether a node is a standard pooling. */
export function isPooling(node: NodeProto): boolean {
  return node.domain === "" && Object.hasOwn(standard, node.opType);
}

/** The floating-point type of a model's weights, taken for values of which nothing is known. */
function commonType(model: ModelProto): DType | undefined {
  const counts = new Map<DType, number>();
  for (const { dataType } of model.graph?.initializer ?? []) {
    const dtype = dtypeOfCode(dataType);
    if (dtype !== undefined && isFloat(dtype)) counts.set(dtype, (counts.get(dtype) ?? 0) + 1);
  }
  return counts.size === 1 ? [...counts.keys()][0] : undefined;
}

const quantised = new Set(["QLinearAveragePool", "QLinearGlobalAveragePool", "NhwcMaxPool"]);

/** How layers are looked for. */
export interface FindOptions {
  /** Shapes of inputs of the model that are not stated in it. */
  readonly inputs?: Readonly<Record<string, Shape>>;
  /** Told what makes shape inference give up on a node. */
  readonly onError?: (error: OnnxError) => void;
}

/**
 * The pooling layers of a model, in the order of its nodes.
 * @param model a checked model
 * @param options shapes of inputs
 */
export function findPooling(model: ModelProto, options: FindOptions = {}): PoolingLayer[] {
  const onError = options.onError ?? (() => {});
  const declared = layersOf(model, inferTypes(model, { onError }));
  const given = options.inputs ?? {};
  if (Object.keys(given).length === 0) return declared;
  const types = inferTypes(model, { inputs: given, onError });
  return layersOf(model, types).map((layer, i) => ({ ...layer, declared: declared[i].declared }));
}

/** The layers with what the types say of them. */
function layersOf(model: ModelProto, types: Types): PoolingLayer[] {
  const layers: PoolingLayer[] = [];
  const common = commonType(model);
  const own = swapRecord(model).flatMap((entry) =>
    entry.inline ? entry.layers.map(({ name }) => `${NODE_PREFIX}/${name}/`) : [],
  );
  const visit = (owner: Owner, within: FunctionProto | undefined, outer: Scope): void => {
    const scope = new Scope(owner, types, outer);
    for (const node of owner.node) {
      const kind = kindOf(node, own);
      if (kind !== undefined) {
        const layer = describe(node, kind, owner, within, scope);
        // Functions are called with whatever type; what the graph holds has the weights' type.
        const dtype = layer.dtype ?? (within === undefined ? common : undefined);
        layers.push({ ...layer, dtype, declared: layer.input });
      }
      for (const [, graph] of subgraphs(node)) visit(graph, within, scope);
    }
  };
  const root = Scope.empty(types);
  if (model.graph !== undefined) visit(model.graph, undefined, root);
  for (const f of model.functions) if (f.domain !== DOMAIN) visit(f, f, root);
  return layers;
}

/** What a node is, or `undefined` when it is no pooling. */
function kindOf(node: NodeProto, own: readonly string[]): Kind | undefined {
  if (node.domain === DOMAIN) return new Attributes(node).string("method", "") || undefined;
  if (node.domain === "com.microsoft") return quantised.has(node.opType) ? "quantised" : undefined;
  if (node.domain !== "" && node.domain !== "ai.onnx") return undefined;
  // Parts of a layer that was swapped in place are no layers.
  if (own.some((prefix) => node.name.startsWith(prefix))) return undefined;
  return Object.hasOwn(standard, node.opType) ? standard[node.opType] : undefined;
}

/** What is known of the names of a graph: makers, readers and types, those of the graphs around it too. */
class Scope {
  readonly #types: ReadonlyMap<string, Inferred>;
  readonly #outer: Scope | undefined;
  readonly #makers: Map<string, NodeProto> = new Map();
  readonly #reads: Map<string, NodeProto[]> = new Map();
  readonly #outputs: Set<string> = new Set();

  /** A scope without names. */
  static empty(types: Types): Scope {
    return new Scope(undefined, types, undefined);
  }

  constructor(owner: Owner | undefined, types: Types, outer: Scope | undefined) {
    this.#outer = outer;
    this.#types = owner === undefined ? new Map() : types.of(owner);
    for (const node of owner?.node ?? []) {
      for (const output of node.output) if (output !== "") this.#makers.set(output, node);
      const inner = subgraphs(node).flatMap(([, graph]) => namesTaken(graph));
      for (const name of [...node.input, ...inner]) {
        const readers = this.#reads.get(name);
        if (readers === undefined) this.#reads.set(name, [node]);
        else readers.push(node);
      }
    }
    for (const output of owner?.output ?? []) {
      this.#outputs.add(typeof output === "string" ? output : output.name);
    }
  }

  type(name: string): Inferred {
    return this.#types.get(name) ?? this.#outer?.type(name) ?? {};
  }

  maker(name: string): NodeProto | undefined {
    return this.#makers.get(name);
  }

  readers(name: string): readonly NodeProto[] {
    return this.#reads.get(name) ?? [];
  }

  isOutput(name: string): boolean {
    return this.#outputs.has(name);
  }

  isRead(name: string): boolean {
    return this.isOutput(name) || this.#reads.has(name);
  }

  /** The values of a small constant, as inference knows them. */
  constant(name: string): readonly number[] | undefined {
    const { contents, numbers } = this.type(name);
    return isStatic(contents) ? contents : numbers;
  }
}

function describe(
  node: NodeProto,
  kind: Kind,
  owner: Owner,
  within: FunctionProto | undefined,
  scope: Scope,
): Omit<PoolingLayer, "declared"> {
  const own = node.name || node.output.find((name) => name !== "") || node.opType;
  const base = {
    name: within === undefined ? own : `${within.name}/${own}`,
    kind,
    node,
    owner,
    within,
    output: scope.type(node.output[0] ?? "").shape,
  };
  const direct = scope.type(node.input[0] ?? "");
  const plain = {
    ...base,
    padNode: undefined,
    window: undefined,
    counted: false,
    dtype: direct.dtype,
    input: direct.shape,
  };
  if (kind === "quantised") {
    return { ...plain, refusal: `${node.opType} computes with quantised integers` };
  }
  if (kind.startsWith("global-")) return { ...plain, refusal: refusalOf(node, plain, scope) };
  let window: PoolWindow;
  const attributes = new Attributes(node);
  try {
    window = windowOf(attributes);
    // A window that does not fit its input is no layer either.
    pooledShape(window, direct.shape);
  } catch (error) {
    const { message } = error as Error;
    return { ...plain, refusal: message.replace(`${describeNode(node)}: `, "") };
  }
  let counted = kind === "average" && attributes.int("count_include_pad", 0) === 1;
  let { dtype, input } = plain;
  let padNode: NodeProto | undefined;
  if (kind === "average") {
    const merged = mergedPad(node, window, scope);
    if (merged !== undefined) {
      padNode = merged.node;
      window = merged.window;
      counted = true;
      ({ dtype, shape: input } = scope.type(padNode.input[0]));
    }
  }
  if (input !== undefined && input.length !== window.kernel.length + 2) {
    const axes = `${input.length} axes, its window ${window.kernel.length} sizes`;
    return { ...plain, refusal: `its input has ${axes}` };
  }
  const layer = { ...base, padNode, window, counted, dtype, input };
  return { ...layer, refusal: refusalOf(node, layer, scope) };
}

/** Why a layer cannot be replaced whatever comes in its place. */
function refusalOf(
  node: NodeProto,
  layer: { dtype: DType | undefined; window: PoolWindow | undefined; input: Shape | undefined },
  scope: Scope,
): string | undefined {
  const indices = node.output[1];
  if (indices !== undefined && indices !== "" && scope.isRead(indices)) {
    return "its indices are used, which only a maximum has";
  }
  if (layer.dtype !== undefined && !/^b?float(16|32|64)$/.test(layer.dtype)) {
    return `its values are ${layer.dtype}, which has no exponentials`;
  }
  if (isDequantised(node.input[0] ?? "", scope)) {
    return "its input is quantised (it comes from DequantizeLinear); swap before quantising";
  }
  if (layer.window === undefined || layer.input === undefined) return undefined;
  const empty = emptyAxis(layer.window, layer.input);
  return empty < 0 ? undefined : `a window along axis ${empty + 2} lies in the padding alone`;
}

/** Operators that move values without changing them. */
const moves = new Set([
  "Identity",
  "Transpose",
  "Reshape",
  "Flatten",
  "Squeeze",
  "Unsqueeze",
  "Pad",
  "Slice",
  "Split",
  "Concat",
  "Expand",
  "DepthToSpace",
  "SpaceToDepth",
]);

/**
 * Whether a value is quantised: dequantised and then only moved. ONNX Runtime 1.30 moves the
 * DequantizeLinear on and ends the process when it comes to an `If`.
 */
function isDequantised(name: string, scope: Scope): boolean {
  const queue = [name];
  for (let i = 0; i < queue.length && i < 64; i++) {
    const maker = scope.maker(queue[i]);
    if (maker?.opType === "DequantizeLinear") return true;
    if (maker === undefined || !moves.has(maker.opType)) continue;
    queue.push(...(maker.opType === "Concat" ? maker.input : maker.input.slice(0, 1)));
  }
  return false;
}

/**
 * PyTorch exports an average that counts its padding as Pad and AveragePool. The two are one layer when
 * the Pad only adds zeros around the spatial axes, nobody else reads it, and the merged window gives
 * the same output size.
 */
function mergedPad(
  node: NodeProto,
  window: PoolWindow,
  scope: Scope,
): { node: NodeProto; window: PoolWindow } | undefined {
  const name = node.input[0] ?? "";
  const padNode = scope.maker(name);
  if (padNode?.opType !== "Pad" || padNode.domain !== "") return undefined;
  if (scope.readers(name).length !== 1 || scope.isOutput(name)) return undefined;
  if (window.pads.some((p) => p !== 0)) return undefined;
  if (window.autoPad !== undefined && window.autoPad !== "NOTSET") return undefined;
  const attributes = new Attributes(padNode);
  if (attributes.string("mode", "constant") !== "constant") return undefined;
  if (padNode.input[3] !== undefined && padNode.input[3] !== "") return undefined;
  const pads = attributes.ints("pads") ?? scope.constant(padNode.input[1] ?? "");
  const valueName = padNode.input[2] ?? "";
  const value = valueName === "" ? [attributes.float("value", 0)] : scope.constant(valueName);
  const rank = window.kernel.length;
  if (pads?.length !== 2 * (rank + 2) || value === undefined || value[0] !== 0) return undefined;
  const begins = pads.slice(0, rank + 2);
  const ends = pads.slice(rank + 2);
  if ([...begins.slice(0, 2), ...ends.slice(0, 2)].some((p) => p !== 0)) return undefined;
  const spatial = [...begins.slice(2), ...ends.slice(2)];
  // ONNX Runtime takes no pooling whose padding is as wide as its kernel.
  if (spatial.some((p, i) => p < 0 || p >= window.kernel[i % rank])) return undefined;
  const merged = poolWindow(window.kernel, { ...window, pads: spatial });
  for (let i = 0; i < rank; i++) {
    const inner = scope.type(padNode.input[0]).shape?.[i + 2];
    if (typeof inner === "number") {
      const [p, q] = padsOf(merged, i, inner);
      if (axisOf(merged, i, inner).out !== axisOf(window, i, inner + p + q).out) return undefined;
    } else if (window.ceilMode) return undefined;
  }
  return { node: padNode, window: merged };
}
