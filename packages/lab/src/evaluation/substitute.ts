/**
 * The paper's pre-trained substitution on a model of any origin: other poolings come in, all learned values
 * stay. What pools where is said as for networks of the catalogue; places are the pooling layers of the
 * file, and a method without a place is meant for all of them that have a window.
 */
import type { ModelProto, Shape } from "@softpool/onnx";
import { findPooling, type PoolingLayer, swapPooling, uniformStream } from "@softpool/poolings";
import { type NetworkEntry, networks, type PoolChoice, PoolSpecification } from "@softpool/zoo";
import { Failure, quote } from "../errors.ts";

/** What is substituted. */
export interface SubstituteOptions {
  /** What pools where. */
  readonly pool: string;
  /** The model in messages. */
  readonly title: string;
  /** The network of the catalogue that the model is, which gives names to some specifications. */
  readonly entry: NetworkEntry | undefined;
  /** Shapes of inputs that the model leaves open. */
  readonly inputs: Readonly<Record<string, Shape>>;
}

/** A model with other poolings. */
export interface Substituted {
  /** The new model; stored tensors are shared with the given one. */
  readonly model: ModelProto;
  /** Names of the layers that were replaced. */
  readonly replaced: readonly string[];
  /** Names of the layers that were already as asked for. */
  readonly already: readonly string[];
}

/** A layer as a place of a specification. */
function placeOf({ name, kind, window }: PoolingLayer) {
  const group = window === undefined ? "global" : "trunk";
  return { name, kind: kind.includes("average") ? "average" : "maximum", group } as const;
}

/**
 * Replaces the poolings of a model.
 * @param model a checked model; it is not changed
 * @param options what pools where
 * @throws OnnxError for a specification that is none, or names a place, method or setting that is not
 * there; Failure when nothing is to be replaced, or a layer that is meant cannot be
 */
export function substitute(model: ModelProto, options: SubstituteOptions): Substituted {
  const { pool, title, entry, inputs } = options;
  const specification = new PoolSpecification(
    entry ?? { ...networks[0], name: title, variants: [] },
    pool,
  );
  const layers = findPooling(model, { inputs });
  if (layers.length === 0) throw new Failure(`${title} has no pooling layers`);
  const places = layers.map(placeOf);
  specification.check(places);
  const groups = new Map<string, { choice: PoolChoice; names: string[] }>();
  let wanted = false;
  for (const place of places) {
    const choice = specification.choose(place);
    if (choice.method === undefined) continue;
    wanted = true;
    const { method, kernel, paddingMode, settings } = choice;
    const key = JSON.stringify([method.name, kernel, paddingMode, Object.entries(settings)], text);
    const group = groups.get(key) ?? { choice, names: [] };
    group.names.push(place.name);
    groups.set(key, group);
  }
  if (!wanted && places.every(({ group }) => group === "global")) {
    const names = places.map(({ name }) => quote(name)).join(", ");
    throw new Failure(
      `${title} has only global pooling layers, which are replaced by name: PLACE=METHOD with ${names}`,
    );
  }
  const uniform = uniformStream({ seed: 0, layer: 2 ** 20 });
  let result = model;
  const [replaced, already]: [string[], string[]] = [[], []];
  for (const { choice, names } of groups.values()) {
    const { method, settings, kernel, paddingMode } = choice;
    const to = method?.name;
    const swapped = swapPooling(result, {
      ...{ to, settings, kernel, paddingMode, only: names, inputs, uniform },
    });
    for (const { layer, action, reason } of swapped.decisions) {
      if (action === "refuse") {
        throw new Failure(
          `${title}: ${quote(layer.name)} cannot be ${to}: ${reason}; name the other places, PLACE=METHOD`,
        );
      }
      if (action === "replace") replaced.push(layer.name);
      else if (names.includes(layer.name)) already.push(layer.name);
    }
    result = swapped.model;
  }
  return { model: result, replaced, already };
}

/** Infinite settings, which JSON lacks. */
const text = (_: string, value: unknown): unknown =>
  typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
