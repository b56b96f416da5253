/**
 * Puts methods into the places of a network: by the swap into a graph for inference, where each becomes
 * one call of a local function, and composed in place into a graph for training.
 */
import {
  Graph,
  type ModelProto,
  OnnxError,
  type PoolWindow,
  poolWindow,
  type Shape,
  type Value,
} from "@softpool/onnx";
import {
  addRecord,
  applyMethod,
  composeGlobal,
  isGlobal,
  NODE_PREFIX,
  type Site,
  swapPooling,
  uniformStream,
} from "@softpool/poolings";
import type { Builder } from "./builder.ts";
import { layerOf } from "./initial.ts";
import type { Place, PlacedPooling, PoolChoice, StoredParameter } from "./network.ts";

/** Whether a choice leaves a place as it is. */
export function isOriginal(place: Omit<Place, "input" | "output">, choice: PoolChoice): boolean {
  const { method, paddingMode } = choice;
  if (method === undefined) return true;
  if (place.kind === "subsample" || choice.kernel === "2x2") return false;
  const padded = place.window?.pads.some((p) => p !== 0) === true;
  return method.name === place.kind && !(padded && (place.counted || paddingMode === "zero"));
}

/** The window that a choice pools in a place; `undefined` for everything. */
function windowOf({ window }: Place, { kernel }: PoolChoice): PoolWindow | undefined {
  if (window === undefined || kernel === "same") return window;
  return poolWindow([2, 2], { strides: window.strides });
}

/** What the parameters of a choice in a place depend on. */
function siteOf(place: Place, choice: PoolChoice): Site {
  const window = windowOf(place, choice) ?? poolWindow(place.input.slice(2) as number[]);
  return { window, channels: place.input[1] as number };
}

/** The tensors that a choice stores in a place. */
function parametersOf(place: Place, choice: PoolChoice): StoredParameter[] {
  const parameters = choice.method?.parameters?.(siteOf(place, choice), choice.settings) ?? [];
  return parameters.map(({ name, shape, decay = false }) => ({
    name: `${place.name}.${name}`,
    shape,
    initial: undefined,
    trainable: true,
    decay,
    place: place.name,
  }));
}

/**
 * Initial values of the parameters of poolings.
 * @returns values by name, flattened, or one for all
 */
export function poolingValues(
  places: readonly PlacedPooling[],
  seed: number,
): Map<string, Float64Array | number> {
  const values = new Map<string, Float64Array | number>();
  for (const place of places) {
    const { method, settings } = place.choice;
    const parameters = method?.parameters?.(siteOf(place, place.choice), settings) ?? [];
    for (const { name, initial } of parameters) {
      const full = `${place.name}.${name}`;
      values.set(full, initial(uniformStream({ seed, layer: layerOf(full) })));
    }
  }
  return values;
}

/**
 * Composes a pooling in its form for training. Its nodes are called `softpool/PLACE/...`, unless it is one
 * node, which is called `PLACE`.
 * @param b the builder, which gets its parameters and its noise
 * @throws OnnxError when the method cannot pool there
 */
export function composePooling(b: Builder, place: Place, choice: PoolChoice, x: Value): Value {
  const { method, settings, paddingMode } = choice;
  if (method === undefined) throw new OnnxError(`${place.name}: expected a method, received none`);
  const site = siteOf(place, choice);
  refuseUnfit(place, choice, site);
  const g = new Graph(b.g.opset, { names: b.g.names, prefix: `${NODE_PREFIX}/${place.name}` });
  const short = (name: string) => name.slice(place.name.length + 1);
  const parameters = Object.fromEntries(
    parametersOf(place, choice).map((parameter) => [
      short(parameter.name),
      b.store(parameter.name, parameter.shape, undefined, parameter),
    ]),
  );
  const noise = Object.fromEntries(
    (method.noise?.(site, settings) ?? []).map(({ name, shape }) => [
      name,
      b.draw(
        `${place.name}.${name}`,
        openShape((n) => shape(withBatch(place.input, n), withBatch(place.output, n))),
      ),
    ]),
  );
  const everything = place.window === undefined && isGlobal(method);
  const y = everything
    ? composeGlobal(g, method, x, settings, parameters)
    : applyMethod(g, method, x, site.window, {
        settings,
        paddingMode,
        parameters,
        noise,
        training: true,
      });
  if (g.nodes.length === 1) g.nodes[0].name = b.g.names.unique(place.name);
  b.g.nodes.push(...g.nodes);
  return y;
}

function refuseUnfit(place: Place, { method, settings, kernel }: PoolChoice, site: Site): void {
  const fail = (reason: string): never => {
    throw new OnnxError(`${place.name}: ${method?.name} cannot pool there: ${reason}`);
  };
  if (kernel === "2x2" && place.window !== undefined) {
    const same = place.input
      .slice(2)
      .every((size, i) => outOf2(size as number, site.window.strides[i]) === place.output[i + 2]);
    if (!same) fail("a 2x2 kernel would change its output's shape");
  }
  if (place.window === undefined && method !== undefined && isGlobal(method)) return;
  const reason = method?.refuse?.(site, settings);
  if (reason !== undefined) fail(reason);
}

const outOf2 = (size: number, stride: number) => Math.floor((size - 2) / stride) + 1;

const withBatch = (shape: Shape, n: number) => [n, ...(shape.slice(1) as number[])];

/** A shape that is known for every batch size, with a symbol where the batch size stands. */
function openShape(shape: (n: number) => number[]): Shape {
  const other = shape(3);
  return shape(2).map((size, i) => (size === other[i] ? size : "batch"));
}

/** Notes in a model for training which layers were composed in place. */
export function recordComposed(model: ModelProto, places: readonly PlacedPooling[]): void {
  const nodes = new Set(model.graph?.node.map(({ name }) => name));
  for (const place of places) {
    const { method, settings, kernel, paddingMode } = place.choice;
    if (method === undefined || nodes.has(place.name)) continue;
    const layers = [{ name: place.name, from: place.kind }];
    addRecord(model, { to: method.name, settings, kernel, paddingMode, inline: true, layers });
  }
}

/**
 * Swaps the poolings of a model for inference that differ from the original ones.
 * @param model the network with its original poolings
 * @param places its places with what is chosen for them
 * @param size height and width of its pictures
 * @returns the model with local functions, and the tensors that its poolings store
 * @throws OnnxError when a method cannot pool in a place
 */
export function swapPlaces(
  model: ModelProto,
  places: readonly PlacedPooling[],
  size: number,
): { model: ModelProto; parameters: StoredParameter[] } {
  const groups = new Map<string, PlacedPooling[]>();
  for (const place of places) {
    if (isOriginal(place, place.choice)) continue;
    const { method, settings, kernel, paddingMode } = place.choice;
    const key = [method?.name, kernel, paddingMode, ...Object.entries(settings).flat()].join(":");
    groups.set(key, [...(groups.get(key) ?? []), place]);
  }
  let result = model;
  for (const group of groups.values()) {
    const { method, settings, kernel, paddingMode } = group[0].choice;
    const swapped = swapPooling(result, {
      to: method?.name,
      settings,
      kernel,
      paddingMode,
      only: group.map(({ name }) => name),
      inputs: { input: [1, 3, size, size] },
    });
    for (const { layer, action, reason } of swapped.decisions) {
      if (action !== "refuse") continue;
      throw new OnnxError(`${layer.name}: ${method?.name} cannot pool there: ${reason}`);
    }
    result = swapped.model;
  }
  const parameters = places.flatMap((place) =>
    isOriginal(place, place.choice) ? [] : parametersOf(place, place.choice),
  );
  return { model: result, parameters };
}
