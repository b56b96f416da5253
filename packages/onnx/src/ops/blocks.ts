/**
 * DepthToSpace and SpaceToDepth: blocks of b x b pixels are channels. With mode DCR the position in the
 * block is the outer part of the channel, with CRD the inner one.
 */
import { OnnxError } from "../error.ts";
import type { Graph, Value } from "../graph.ts";
import { describeNode } from "../order.ts";
import { combine, type Dim, isStatic, multiplyDims, type Shape } from "../shape.ts";
import { int64s } from "../tensor.ts";
import { strided } from "./arguments.ts";
import {
  type EvaluateContext,
  type GradientRule,
  type Operator,
  required,
  type ShapeContext,
  strides,
  typeOf,
} from "./operator.ts";
import { refuse, reshapeLike, unaryRule } from "./rules.ts";
import { transpose } from "./transpose.ts";

/**
 * Channels spread over blocks of pixels: [N, C b b, H, W] to [N, C, H b, W b].
 * @param mode which part of a channel is the position; default `DCR`, the only one before opset 11
 * @throws OnnxError for `CRD` before opset 11
 */
export function depthToSpace(
  g: Graph,
  x: Value,
  blocksize: number,
  mode: "DCR" | "CRD" = "DCR",
): Value {
  if (mode === "CRD" && g.opset < 11) {
    throw new OnnxError(`DepthToSpace: mode: CRD needs opset 11 or newer, received ${g.opset}`);
  }
  return g.op("DepthToSpace", [x], { blocksize, mode: mode === "CRD" ? mode : undefined });
}

/** Blocks of pixels gathered into channels: [N, C, H b, W b] to [N, b b C, H, W]. */
export function spaceToDepth(g: Graph, x: Value, blocksize: number): Value {
  return g.op("SpaceToDepth", [x], { blocksize });
}

function blockOf(context: ShapeContext | EvaluateContext, shape: Shape): number {
  const block = context.attributes.int("blocksize", 0);
  if (block >= 1 && shape.length === 4) return block;
  throw new OnnxError(
    `${describeNode(context.node)}: expected an input of 4 axes and a blocksize from 1, received ${shape.length} axes and ${block}`,
  );
}

/** A size divided without rest. */
function divided(context: ShapeContext | EvaluateContext, dim: Dim, by: number): Dim {
  if (by === 1) return dim;
  return combine(dim, by, (a, b) => {
    if (a % b === 0) return a / b;
    throw new OnnxError(
      `${describeNode(context.node)}: expected a multiple of ${b}, received ${a}`,
    );
  });
}

/** The blocks back into channels. With CRD the position in the block is the inner part of a channel. */
const depthToSpaceRule: GradientRule = unaryRule(({ g, x, dy, context }) => {
  const b = context.attributes.int("blocksize", 0);
  if (context.attributes.string("mode", "DCR") === "DCR") return spaceToDepth(g, dy, b);
  const sizes = x.shape?.slice(1);
  if (!isStatic(sizes))
    return refuse(context, "expected known sizes of channels, height and width");
  const [channels, height, width] = sizes;
  const target = int64s([0, channels / (b * b), height, b, width, b]);
  const blocks = g.op("Reshape", [dy, g.constant(target)]);
  return reshapeLike(g, transpose(g, blocks, [0, 1, 3, 5, 2, 4]), x);
});

const depthToSpaceOperator: Operator = {
  type: "DepthToSpace",
  shape: (context) => {
    const { dtype, shape } = typeOf(context, 0);
    if (shape === undefined) return [{ dtype }];
    const b = blockOf(context, shape);
    const [n, c, h, w] = shape;
    const spread = [n, divided(context, c, b * b), multiplyDims(h, b), multiplyDims(w, b)];
    return [{ dtype, shape: spread }];
  },
  evaluate: (context) => {
    const x = required(context, 0);
    const b = blockOf(context, x.shape);
    const [n, c, h, w] = x.shape;
    const kept = divided(context, c, b * b) as number;
    const inner = context.attributes.string("mode", "DCR") === "CRD";
    // As [N, b, b, C, H, W] or [N, C, b, b, H, W], read as [N, C, H, b, W, b].
    const [sn, s1, s2, s3, sh, sw] = strides(inner ? [n, kept, b, b, h, w] : [n, b, b, kept, h, w]);
    const steps = inner ? [sn, s1, sh, s2, sw, s3] : [sn, s3, sh, s1, sw, s2];
    const y = strided(x, [n, kept, h, b, w, b], steps);
    return [{ ...y, shape: [n, kept, h * b, w * b] }];
  },
  gradient: depthToSpaceRule,
};

const spaceToDepthOperator: Operator = {
  type: "SpaceToDepth",
  shape: (context) => {
    const { dtype, shape } = typeOf(context, 0);
    if (shape === undefined) return [{ dtype }];
    const b = blockOf(context, shape);
    const [n, c, h, w] = shape;
    const gathered = [n, multiplyDims(c, b * b), divided(context, h, b), divided(context, w, b)];
    return [{ dtype, shape: gathered }];
  },
  evaluate: (context) => {
    const x = required(context, 0);
    const b = blockOf(context, x.shape);
    const [n, c] = x.shape;
    const [h, w] = x.shape.slice(2).map((size) => divided(context, size, b) as number);
    const [sn, sc, sh, sy, sw, sx] = strides([n, c, h, b, w, b]);
    const y = strided(x, [n, b, b, c, h, w], [sn, sy, sx, sc, sh, sw]);
    return [{ ...y, shape: [n, b * b * c, h, w] }];
  },
  gradient: unaryRule(({ g, dy, context }) =>
    depthToSpace(g, dy, context.attributes.int("blocksize", 0)),
  ),
};

/** The operators of this file. */
export const blocks: readonly Operator[] = [depthToSpaceOperator, spaceToDepthOperator];
