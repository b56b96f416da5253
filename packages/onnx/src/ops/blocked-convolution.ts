/**
 * Convolutions on blocked channels. ONNX Runtime's CPU provider has a convolution that needs no copy of
 * what each tap sees; it takes channels in blocks of b, the innermost axis, as its operators of the domain
 * `com.microsoft.nchwc` have it:
 *
 *     x [N, C, H, W] -> [N, C / b, H, W, b],  w [M, C, R, S] -> [M / b, C / b, R, S, b (of C), b (of M)]
 *
 * ONNX Runtime goes over to it by itself where weights are constants, which those that are learned are not.
 * How large a block is depends on the processor, so that such a graph is for the machine that made it.
 */
import { create } from "@bufbuild/protobuf";
import { type ModelProto, type NodeProto, OperatorSetIdProtoSchema } from "onnx-buf";
import { Attributes } from "../attributes.ts";
import { Graph, type Value } from "../graph.ts";
import { isStatic } from "../shape.ts";
import { elements } from "../tensor.ts";
import { product } from "./convolution-axes.ts";
import { reshape } from "./reshape.ts";
import { rewriteNodes } from "./rewrite.ts";
import { stackingPays } from "./stacked-convolution.ts";
import { transpose } from "./transpose.ts";
import { axisOf, windowOf } from "./window.ts";

const DOMAIN = "com.microsoft.nchwc";

/** Positions of all samples from which the weights' own layout costs less than it gains. */
const MANY_POSITIONS = 1024;
/** The same where stacked samples are the alternative. */
const MORE_POSITIONS = 4096;

/**
 * Blocks the channels of the convolutions of a graph for which that is faster: float32, two axes, more
 * than one tap, one group, channels and filters in whole blocks, more than two samples with at least 1024
 * positions, all sizes known (128 samples of 16 to 16 channels, 3x3 on 32x32: 3.5 ms against 6.0; 32 on
 * 16x16 3.2 against 4.7; 64 samples of 256 on 8x8 23 against 64; 8 of 64 on 56x56 8.9 against 10.2; with
 * one tap it is slower). It is for a graph that is complete: its operators have no gradients, and no other
 * program knows them. A model of it is made by {@link blockedModel}.
 * @param g the graph; its nodes are replaced
 * @param block channels of a block: what `channelBlock` of `@softpool/onnx/session-node` tells
 * @returns how many were blocked
 */
export function blockConvolutions(g: Graph, block: number): number {
  const inputs = new Map<string, Value>();
  return rewriteNodes(g, (node) => {
    if (!pays(g, node, block)) return false;
    const [x, w, ...bias] = node.input.map((name) => g.value(name));
    const filters = (w.shape as readonly number[])[0];
    const blocked = inputs.get(x.name) ?? own(g, "ReorderInput", [x], x);
    inputs.set(x.name, blocked);
    const y = own(
      g,
      "Conv",
      [blocked, blockedWeights(g, w, block), ...bias],
      g.value(node.output[0]),
    );
    (g.nodes.at(-1) as NodeProto).attribute = node.attribute;
    own(g, "ReorderOutput", [y], y, { channels: filters });
    return true;
  });
}

/** A node of ONNX Runtime's own. */
function own(
  g: Graph,
  type: string,
  inputs: readonly Value[],
  { dtype, shape }: Value,
  attributes: { readonly channels?: number } = {},
): Value {
  const [result] = g.node(type, inputs, attributes, { domain: DOMAIN });
  const known: Value = { ...result, dtype, shape };
  g.values.set(known.name, known);
  return known;
}

/** Whether a node is a convolution that is faster on blocked channels. */
function pays(g: Graph, node: NodeProto, block: number): boolean {
  const attributes = new Attributes(node);
  if (node.opType !== "Conv" || node.domain !== "" || attributes.int("group", 1) !== 1)
    return false;
  const [x, w] = node.input.map((name) => g.value(name));
  const [sizes, weights] = [x.shape, w.shape];
  if (x.dtype !== "float32" || !isStatic(sizes) || !isStatic(weights)) return false;
  if (weights.length !== 4 || weights[0] % block !== 0 || weights[1] % block !== 0) return false;
  const window = windowOf(attributes, weights.slice(2));
  const axes = sizes.slice(2).map((size, i) => axisOf(window, i, size));
  const positions = sizes[0] * product(axes.map(({ out }) => out));
  if (weights[2] * weights[3] === 1 || sizes[0] <= 2) return false;
  return positions >= (stackingPays(sizes[0], weights, axes) ? MORE_POSITIONS : MANY_POSITIONS);
}

/** Weights in blocks, in the shape they had. */
function blockedWeights(g: Graph, w: Value, block: number): Value {
  const shape = w.shape as readonly number[];
  const [filters, channels, ...kernel] = shape;
  const apart = reshape(g, w, [filters / block, block, channels / block, block, ...kernel]);
  return reshape(g, transpose(g, apart, [0, 2, 4, 5, 3, 1]), shape);
}

/**
 * The model of a graph whose convolutions were blocked.
 * @param g the graph
 * @param name its name
 */
export function blockedModel(g: Graph, name: string): ModelProto {
  const model = g.toModel(name);
  model.opsetImport.push(create(OperatorSetIdProtoSchema, { domain: DOMAIN, version: 1n }));
  return model;
}

/** Channels and positions of the {@link blockProbe}. */
const PROBED = { channels: 64, positions: 2 };

/** A model of one input `x` that gives it in blocks. */
export function blockProbe(): { model: ModelProto; shape: readonly number[] } {
  const g = new Graph(17);
  const shape = [1, PROBED.channels, 1, PROBED.positions];
  const x = g.input("x", "float32", shape);
  g.output(own(g, "ReorderInput", [x], x));
  return { model: blockedModel(g, "probe"), shape };
}

/**
 * How many channels a block has, from what the {@link blockProbe} makes of 0, 1, 2 and so on.
 * @returns `undefined` where it is no layout that is known here
 */
export function blockOf({ data }: { readonly data: ArrayLike<number> }): number | undefined {
  const { channels, positions } = PROBED;
  return [4, 8, 16, 32].find((block) => {
    const expected = Array.from({ length: elements([channels, positions]) }, (_, i) => {
      const [outer, inner] = [Math.floor(i / (block * positions)), i % block];
      const position = Math.floor(i / block) % positions;
      return (outer * block + inner) * positions + position;
    });
    return expected.length === data.length && expected.every((value, i) => value === data[i]);
  });
}
