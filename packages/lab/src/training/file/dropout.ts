/**
 * Dropout that a file has switched on: from a noise input, so that a run can be gone on with,
 *
 *     y = x [u < 1 - p] / (1 - p),    u uniform in [0, 1)
 *
 * Source: Srivastava et al.: Dropout, JMLR 2014.
 */
import {
  Attributes,
  cast,
  Graph,
  type Inferred,
  less,
  type ModelProto,
  mul,
  Names,
  type NodeProto,
  namesRead,
  opsetOf,
  scalar,
  type Value,
  valueInfo,
} from "@softpool/onnx";
import type { NoiseInput } from "../trainee.ts";

/** The probability of a Dropout that is switched on, as far as it is known; undefined for others. */
function probabilityOf(node: NodeProto, types: ReadonlyMap<string, Inferred>): number | undefined {
  if (node.opType !== "Dropout" || node.domain !== "") return undefined;
  if (types.get(node.input[2] ?? "")?.contents?.[0] !== 1) return undefined;
  const ratio = node.input[1] ?? "";
  if (ratio === "") return new Attributes(node).float("ratio", 0.5);
  return types.get(ratio)?.numbers?.[0];
}

/**
 * Replaces the Dropouts of a model that are switched on.
 * @param model a model whose functions are written out; its graph's lists are replaced
 * @param types what is known of its values
 * @returns the noise inputs that were added
 */
export function drawDropout(
  model: ModelProto,
  types: ReadonlyMap<string, Inferred>,
): readonly NoiseInput[] {
  const graph = model.graph;
  if (graph === undefined) return [];
  const names = new Names(model);
  const noise: NoiseInput[] = [];
  const read = new Set([...graph.node.flatMap(namesRead), ...graph.output.map(({ name }) => name)]);
  read.delete("");
  graph.node = graph.node.flatMap((node) => {
    const p = probabilityOf(node, types);
    const shape = types.get(node.input[0])?.shape;
    // A mask that is read is left to the runtime.
    if (p === undefined || p >= 1 || read.has(node.output[1] ?? "")) return [node];
    if (!shape?.every((size) => typeof size === "number")) return [node];
    const prefix = node.name || node.output[0];
    const g = new Graph(opsetOf(model) ?? 17, { names, prefix });
    const x: Value = { ...types.get(node.input[0]), name: node.input[0] };
    if (p === 0) g.node("Identity", [x], {}, { outputNames: [node.output[0]] });
    else {
      const u: Value = { name: names.unique(`${prefix}/noise`), dtype: "float32", shape };
      noise.push({ name: u.name, shape: shape as readonly number[] });
      const number = (value: number) => g.constant(scalar("float32", value));
      const mask = cast(g, less(g, u, number(1 - p)), "float32");
      const factor = mul(g, mask, number(1 / (1 - p)));
      g.node("Mul", [x, factor], {}, { outputNames: [node.output[0]] });
    }
    return g.nodes;
  });
  graph.input = [
    ...graph.input,
    ...noise.map(({ name, shape }) => valueInfo(name, { dtype: "float32", shape })),
  ];
  return noise;
}
