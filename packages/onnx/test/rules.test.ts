/** Shape rules on whatever a file may say: an OnnxError or a sound type, nothing else. */
import { create } from "@bufbuild/protobuf";
import { NodeProtoSchema } from "onnx-buf";
import { expect, test } from "vitest";
import { Attributes, type AttributeValue, attribute, float } from "../src/attributes.ts";
import { dtypes } from "../src/dtype.ts";
import { OnnxError } from "../src/error.ts";
import { findOperator, operatorNames } from "../src/ops/index.ts";
import type { Inferred } from "../src/ops/operator.ts";
import type { Dim } from "../src/shape.ts";
import { int64s } from "../src/tensor.ts";

const names = [
  ..."axis axes keepdims perm starts kernel_shape ends steps split num_outputs pads mode value value_ints".split(
    " ",
  ),
  ..."to k largest strides dilations kernel_shape auto_pad group output_shape output_padding".split(
    " ",
  ),
  ..."start end allowzero blocksize batch_dims equation training_mode ceil_mode dtype".split(" "),
  ..."noop_with_empty_axes keep_aspect_ratio_policy block_size output_dtype stash_type".split(" "),
];

test("every shape rule, with random nodes", () => {
  let state = 7;
  const below = (n: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
  const pick = <T>(list: readonly T[]): T => list[below(list.length)];
  const some = <T>(most: number, make: () => T): T[] =>
    Array.from({ length: below(most + 1) }, make);
  const number = () => pick([-(2 ** 62), -3, -2, -1, 0, 0, 1, 1, 2, 3, 4, 6, 2 ** 31 - 1, 2 ** 62]);
  const dim = (): Dim => pick<() => Dim>([() => below(7), () => pick(["N", "H"]), () => null])();
  const scale = () => pick([-1, 0, 0.5, 1, 1, 2, 2, 1e38, Infinity, NaN]);
  const input = (): Inferred | undefined => {
    if (below(6) === 0) return undefined;
    const contents =
      below(3) === 0 ? some(5, () => (below(3) === 0 ? dim() : number())) : undefined;
    const shape = contents ? [contents.length] : below(4) === 0 ? undefined : some(5, dim);
    const numbers = below(4) === 0 ? some(5, scale) : undefined;
    const dtype = below(4) === 0 ? undefined : pick(dtypes);
    return { dtype, shape: numbers ? [numbers.length] : shape, contents, numbers };
  };
  const value = (): AttributeValue =>
    pick<() => AttributeValue>([
      number,
      () => below(3),
      () => some(6, number),
      () => some(6, () => below(4)),
      () => pick(["", "SAME_UPPER", "VALID", "constant", "ij,jk->ik", "...i,i", "not_larger"]),
      () => float(0.5),
      () => int64s([below(3)]),
    ])();

  const wrong: string[] = [];
  let sound = 0;
  for (const type of operatorNames()) {
    const operator = findOperator(type);
    for (let round = 0; round < 300; round++) {
      const inputs = some(5, input);
      const node = create(NodeProtoSchema, {
        opType: type,
        name: "n",
        input: inputs.map((type, i) => (type === undefined ? "" : `x${i}`)),
        output: ["y", ...some(2, () => "z")],
        attribute: some(3, () => attribute(pick(names), value() as never)),
      });
      const opset = 9 + below(18);
      try {
        const types = operator?.shape({
          node,
          attributes: new Attributes(node),
          opset,
          inputs,
          inferGraph: () => [],
        });
        for (const { shape, contents, numbers } of types ?? []) {
          sound++;
          const bad = shape?.some(
            (size) => size === undefined || (typeof size === "number" && !(size >= 0)),
          );
          const long =
            (contents?.length ?? 0) > 1024 ||
            contents?.includes(undefined as never) ||
            (numbers?.length ?? 0) > 64;
          if (bad || long)
            wrong.push(
              `${type}: ${JSON.stringify({ shape, inputs, node: node.attribute.map((a) => [a.name, String(a.i), String(a.ints)]) })}`,
            );
        }
      } catch (error) {
        if (!(error instanceof OnnxError)) wrong.push(`${type}: ${error}`);
      }
    }
  }
  const first = new Map(wrong.map((text) => [text.slice(0, text.indexOf(":")), text]));
  expect([...first.values()]).toEqual([]);
  expect(sound).toBeGreaterThan(10_000);
});
