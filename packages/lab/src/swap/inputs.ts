/** Random inputs for a model, of the shapes that it declares or that the caller gives. */
import {
  type DType,
  formatShape,
  type ModelProto,
  type Shape,
  typeFromProto,
} from "@softpool/onnx";
import { type RunTensor, toRun } from "@softpool/onnx/session-node";
import { uniforms } from "@softpool/poolings";
import { Failure, quote, UsageError } from "../errors.ts";

/** An input that must be fed. */
export interface ModelInput {
  /** Its name. */
  readonly name: string;
  /** Element type. */
  readonly dtype: DType | undefined;
  /** Shape as declared, or as given. */
  readonly shape: Shape | undefined;
}

/** `name=1x3x224x224`, several of them apart by commas or by options, as shapes by name. */
export function parseShapes(option: string, texts: readonly string[]): Record<string, Shape> {
  const shapes: Record<string, Shape> = {};
  for (const text of texts) {
    const at = text.lastIndexOf("=");
    const name = text.slice(0, Math.max(at, 0));
    const sizes = text.slice(at + 1);
    const valid = name !== "" && /^(\d+([x×]\d+)*|scalar)$/.test(sizes);
    const shape = sizes === "scalar" ? [] : sizes.split(/[x×]/).map(Number);
    if (!valid || shape.some((size) => size < 1 || size >= 2 ** 31)) {
      throw new UsageError(
        `${option}: expected NAME=SHAPE such as input=1x3x224x224, received ${quote(text)}`,
      );
    }
    shapes[name] = shape;
  }
  return shapes;
}

/** The inputs of a model that have no stored default. */
export function inputsOf(model: ModelProto, given: Readonly<Record<string, Shape>>): ModelInput[] {
  const stored = new Set(model.graph?.initializer.map(({ name }) => name));
  const inputs = (model.graph?.input ?? []).filter(({ name }) => !stored.has(name));
  for (const [name, shape] of Object.entries(given)) {
    const input = inputs.find((value) => value.name === name);
    if (input === undefined) {
      const names = inputs.map((value) => quote(value.name)).join(", ") || "none";
      throw new UsageError(
        `--input: the model has no input ${quote(name)}; its inputs are ${names}`,
      );
    }
    const { shape: declared } = typeFromProto(input.type);
    const fits =
      declared === undefined ||
      (declared.length === shape.length &&
        declared.every((dim, i) => typeof dim !== "number" || dim === shape[i]));
    if (!fits) {
      throw new UsageError(
        `--input: ${quote(name)} is declared as ${formatShape(declared)}, received ${formatShape(shape)}`,
      );
    }
  }
  return inputs.map(({ name, type }) => {
    const { dtype, shape } = typeFromProto(type);
    return { name, dtype, shape: Object.hasOwn(given, name) ? given[name] : shape };
  });
}

/** Sizes for unknown axes: one sample; pictures of 224 by 224, clips of 16; else 16. */
function fill(shape: Shape): number[] {
  const spatial = shape.length === 4 ? 224 : shape.length === 5 ? 112 : 16;
  return shape.map((dim, i) => {
    if (typeof dim === "number") return dim;
    if (i === 0) return 1;
    if (i === 1) return shape.length > 2 ? 3 : 16;
    return shape.length === 5 && i === 2 ? 16 : spatial;
  });
}

/** A random input, the shape it has, and whether sizes had to be chosen. */
export interface Feed {
  /** The values. */
  readonly tensor: RunTensor;
  /** Whether sizes that the model leaves open were chosen here. */
  readonly chosen: boolean;
}

/**
 * Random values for every input: normal for floating-point types, 0 and 1 for integers and booleans.
 * @throws Failure when an input is not a tensor of numbers or too large
 */
export function randomFeeds(inputs: readonly ModelInput[], seed: number): Record<string, Feed> {
  return Object.fromEntries(
    inputs.map(({ name, dtype, shape }, layer) => {
      if (dtype === undefined || dtype === "string" || shape === undefined) {
        throw new Failure(
          `cannot make a random input ${quote(name)}: its type or its shape is not declared`,
        );
      }
      const sizes = fill(shape);
      const count = sizes.reduce((product, size) => product * size, 1);
      if (!(count <= 2 ** 28)) {
        throw new Failure(
          `cannot make a random input ${quote(name)}: ${formatShape(sizes)} is more than 2^28 numbers; give another shape with --input`,
        );
      }
      const draw = uniforms(2 * count, { seed, step: 0, layer });
      const data = Float64Array.from({ length: count }, (_, i) => {
        if (!/^b?float/.test(dtype)) return draw[i] < 0.5 ? 0 : 1;
        // Box and Muller's transform.
        const radius = Math.sqrt(-2 * Math.log(1 - draw[2 * i]));
        return radius * Math.cos(2 * Math.PI * draw[2 * i + 1]);
      });
      const tensor = toRun({ dtype, shape: sizes, data });
      return [name, { tensor, chosen: String(sizes) !== String(shape) }];
    }),
  );
}
