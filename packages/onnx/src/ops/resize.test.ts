import { expect, test } from "vitest";
import { expectGradient } from "../../test/gradient.ts";
import { expectLikeOrt, random } from "../../test/ort.ts";
import { float } from "../attributes.ts";
import { gradients } from "../gradients.ts";
import { Graph } from "../graph.ts";
import { evaluate } from "../reference.ts";
import { int64s, type Tensor, tensor } from "../tensor.ts";
import { repeatElements, resize } from "./resize.ts";

const floats = (values: number[]) => tensor("float32", [values.length], values);
const none = floats([]);

test("before opset 11 like ONNX Runtime", async () => {
  const x = random([1, 2, 4, 6]);
  for (const [opset, type] of [
    [9, "Upsample"],
    [10, "Resize"],
  ] as const) {
    for (const mode of ["nearest", "linear"]) {
      for (const scales of [
        [1, 1, 2, 3],
        [1, 1, 1.5, 1.25],
        ...(opset > 9 ? [[1, 1, 0.5, 0.7]] : []),
      ]) {
        const inputs = [x, floats(scales)];
        await expectLikeOrt({
          type,
          opset,
          inputs,
          attributes: { mode },
          constants: [1],
        });
      }
    }
  }
});

test("modes and places like ONNX Runtime", async () => {
  const x = random([1, 2, 5, 6]);
  const roi = floats([0, 0, 0.2, -0.1, 1, 1, 0.7, 1.2]);
  // Scales that float32 holds: no nearest element is decided by how ONNX Runtime rounds.
  const exact: [Tensor, Tensor | undefined][] = [
    [none, int64s([1, 2, 10, 3])],
    [floats([1, 1, 2, 1.75]), undefined],
    [floats([1, 1, 0.625, 0.5]), undefined],
  ];
  const any: [Tensor, Tensor | undefined][] = [
    [none, int64s([1, 2, 9, 4])],
    [none, int64s([1, 2, 1, 7])],
  ];
  for (const opset of [11, 13, 19]) {
    for (const mode of ["nearest", "linear", "cubic"]) {
      const places = ["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"];
      if (opset >= 19 && mode !== "nearest") places.push("half_pixel_symmetric");
      if (opset === 11 && mode === "nearest") places.push("tf_half_pixel_for_nn");
      if (mode !== "cubic") places.push("tf_crop_and_resize");
      for (const coordinates of places) {
        for (const [scales, sizes] of mode === "nearest" ? exact : [...exact, ...any]) {
          const crop = coordinates === "tf_crop_and_resize";
          const inputs = [x, crop ? roi : none, sizes && opset > 11 ? undefined : scales, sizes];
          const rounds =
            mode === "nearest" ? [undefined, "floor", "ceil", "round_prefer_ceil"] : [undefined];
          for (const nearest_mode of rounds) {
            const attributes = {
              mode,
              nearest_mode,
              coordinate_transformation_mode: coordinates,
              extrapolation_value: crop ? float(7) : undefined,
            };
            await expectLikeOrt({
              type: "Resize",
              opset,
              inputs,
              attributes,
              constants: [1, 2, 3],
            });
          }
        }
      }
    }
  }
});

test("sizes of scales that float32 does not hold, like ONNX Runtime", async () => {
  for (const [size, scale] of [
    [10, 0.7],
    [100, 0.29],
    [3, 1 / 3],
    [7, 10 / 7],
    [9, 0.999],
  ]) {
    const inputs = [random([1, 1, size]), none, floats([1, 1, Math.fround(scale)])];
    await expectLikeOrt({
      type: "Resize",
      opset: 13,
      inputs,
      attributes: { mode: "linear" },
      constants: [1, 2],
    });
  }
});

test("options of newer operator sets like ONNX Runtime", async () => {
  const x = random([1, 2, 8, 9]);
  for (const opset of [18, 19, 21]) {
    const run = (inputs: (Tensor | undefined)[], attributes: object) => {
      const constants = [2, 3].filter((i) => inputs[i] !== undefined);
      return expectLikeOrt({
        type: "Resize",
        opset,
        inputs,
        attributes: { ...attributes },
        constants,
      });
    };
    for (const mode of ["linear", "cubic"]) {
      for (const sizes of [
        [1, 2, 3, 4],
        [1, 2, 12, 5],
      ]) {
        await run([x, undefined, undefined, int64s(sizes)], { mode, antialias: 1 });
      }
    }
    await run([x, undefined, floats([1, 1, 0.5, 1.5])], {
      mode: "cubic",
      exclude_outside: 1,
      cubic_coeff_a: float(-0.5),
    });
    await run([x, undefined, undefined, int64s([4, 15])], { mode: "linear", axes: [2, 3] });
    for (const keep_aspect_ratio_policy of ["not_larger", "not_smaller"]) {
      const attributes = { axes: [2, 3], keep_aspect_ratio_policy, mode: "linear" };
      await run([x, undefined, undefined, int64s([5, 14])], attributes);
    }
  }
});

test("builders", () => {
  for (const opset of [9, 10, 11, 13, 19]) {
    const g = new Graph(opset);
    const x = g.input("x", "float32", ["N", 1, 2]);
    const y = repeatElements(g, x, [1, 1, 3]);
    g.output(y);
    expect(y.shape).toEqual(["N", 1, 6]);
    const input = tensor("float32", [1, 1, 2], [1, 2]);
    const [result] = Object.values(evaluate(g.toModel(), { x: input }));
    expect([...result.data]).toEqual([1, 1, 1, 2, 2, 2]);
    if (opset < 11) {
      expect(() => resize(g, x, [1, 1, 4])).toThrow("Resize: sizes: expected opset 11 or newer");
    } else {
      const options = { mode: "linear", coordinates: "align_corners" } as const;
      const z = resize(g, x, [1, 1, 3], options);
      expect(z.shape).toEqual([1, 1, 3]);
      g.output(z);
      expect([...evaluate(g.toModel(), { x: input })[z.name].data]).toEqual([1, 1.5, 2]);
    }
  }
});

test("gradients", async () => {
  const inputs = [random([2, 3, 4, 5])];
  const places = ["half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel"];
  for (const mode of ["nearest", "linear", "cubic"]) {
    for (const [i, sizes] of [
      [2, 3, 8, 15],
      [2, 3, 6, 5],
      [2, 3, 2, 7],
    ].entries()) {
      for (const coordinate_transformation_mode of places.slice(0, i === 0 ? 3 : 4)) {
        const attributes = { mode, coordinate_transformation_mode };
        await expectGradient({
          build: (g, [x]) => {
            const empty = g.constant(none);
            return g.op("Resize", [x, empty, empty, g.constant(int64s(sizes))], attributes);
          },
          inputs,
          opsets: [11, 18],
        });
      }
    }
  }
  // Repeated elements, with an unknown number of samples; axes before the spatial ones.
  for (const factors of [
    [1, 1, 2, 3],
    [1, 2, 1, 2],
    [1, 1, 1, 1],
  ]) {
    await expectGradient({ build: (g, [x]) => repeatElements(g, x, factors), inputs, batch: true });
  }
  const g = new Graph(18);
  const x = g.input("x", "float32", [1, 1, 2, 2]);
  const scales = g.input("scales", "float32", [4]);
  const y = g.op("Resize", [x, undefined, scales]);
  expect(() => gradients(g, y, [x], y)).toThrow(
    /^Resize .*gradient: expected known numbers for input 2/,
  );
  const twice = g.op("Relu", [repeatElements(g, x, [1, 1, 2, 2])]);
  const before = g.nodes.length;
  gradients(g, repeatElements(g, x, [1, 1, 2, 2]), [x], twice);
  expect(g.nodes.slice(before).map(({ opType }) => opType)).toEqual([
    "Resize",
    "AveragePool",
    "Constant",
    "Mul",
  ]);
});
