/** Graphs of poolings: `x` and the noise come in, `y` goes out, parameters are stored or come in. */
import { Graph, tensor, type Value, writeModel } from "@softpool/onnx";
import {
  applyMethod,
  methodOf,
  type Parameter,
  settingsOf,
  uniformStream,
} from "@softpool/poolings";
import { siteOf, type Variant } from "./variant.ts";

/** The version of the standard operators. */
const OPSET = 18;

/** Where a graph pools. */
export interface Place {
  /** Kernel and stride. */
  readonly kernel: number;
  /** Channels of the input. */
  readonly channels: number;
  /** Height and width of the input; `undefined` for any. */
  readonly size: readonly [height: number, width: number] | undefined;
}

/** Values of parameters by name. */
export type Values = ReadonlyMap<string, Float64Array>;

/** The parameters of a variant. */
export function parametersOf(
  { method: name, settings }: Variant,
  { kernel, channels }: Place,
): readonly Parameter[] {
  const method = methodOf(name);
  return method.parameters?.(siteOf(kernel, channels), settingsOf(method, settings)) ?? [];
}

/** Initial values of parameters. */
export function initialValues(parameters: readonly Parameter[], seed: number): Values {
  const uniform = uniformStream({ seed });
  return new Map(
    parameters.map(({ name, shape, initial }) => [
      name,
      tensor("float64", shape, initial(uniform)).data as Float64Array,
    ]),
  );
}

/** Inputs of noise: names and shapes for an input of known size; none where nothing is drawn. */
export function noiseOf(
  { method: name, settings, phase }: Variant,
  { kernel, channels, size }: Place,
): { readonly name: string; readonly shape: readonly number[] }[] {
  const method = methodOf(name);
  if (phase !== "training" || size === undefined) return [];
  const [height, width] = size;
  const input = [1, channels, height, width];
  const output = [1, channels, Math.floor(height / kernel), Math.floor(width / kernel)];
  const all = method.noise?.(siteOf(kernel, channels), settingsOf(method, settings)) ?? [];
  return all.map((noise) => ({ name: noise.name, shape: noise.shape(input, output) }));
}

/**
 * Composes a variant.
 * @param g the graph
 * @param x the input `[N, C, H, W]`
 * @param parameters the parameters by name
 */
export function compose(
  g: Graph,
  x: Value,
  variant: Variant,
  place: Place,
  parameters: Readonly<Record<string, Value>>,
): Value {
  const { method: name, settings, phase } = variant;
  const method = methodOf(name);
  // A draw has the shape of what it is for, where that is known.
  const known = new Map(noiseOf(variant, place).map((noise) => [noise.name, noise.shape]));
  const drawn =
    phase === "training"
      ? (method.noise?.(siteOf(place.kernel, place.channels), settingsOf(method, settings)) ?? [])
      : [];
  const noise = Object.fromEntries(
    drawn.map((one) => [
      one.name,
      g.input(`noise/${one.name}`, "float32", known.get(one.name) ?? undefined),
    ]),
  );
  const { window } = siteOf(place.kernel, place.channels);
  return applyMethod(g, method, x, window, {
    settings,
    parameters,
    noise,
    training: phase === "training",
  });
}

/**
 * The bytes of a model that pools: `x` `[1, C, H, W]` and `noise/NAME` come in, `y` goes out.
 * @param values the parameters to store; without, they come in under their names
 */
export function graphBytes(
  variant: Variant,
  place: Place,
  values?: Values,
): Uint8Array<ArrayBuffer> {
  const g = new Graph(OPSET);
  const [height, width] = place.size ?? [null, null];
  const x = g.input("x", "float32", [1, place.channels, height, width]);
  const parameters = Object.fromEntries(
    parametersOf(variant, place).map(({ name, shape }) => {
      const stored = values?.get(name);
      return [
        name,
        stored === undefined
          ? g.input(`parameter/${name}`, "float32", shape)
          : g.initializer(`parameter/${name}`, tensor("float32", shape, stored)),
      ];
    }),
  );
  const y = compose(g, x, variant, place, parameters);
  const [named] = g.node("Identity", [y], {}, { outputNames: ["y"] });
  g.output(named);
  return writeModel(g.toModel("pooling")) as Uint8Array<ArrayBuffer>;
}
