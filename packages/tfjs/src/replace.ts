/**
 * The pooling of a Keras model replaced: a model of TensorFlow.js with MaxPooling1D-3D and AveragePooling1D-3D
 * layers becomes the same model with SoftPool in their place. Windows, names, weights, what is trainable and how
 * layers are shared stay. The model that is given is not changed.
 */
import type { serialization } from "@tensorflow/tfjs-core";
import type { LayersModel, LayerVariable } from "@tensorflow/tfjs-layers";
import { checkBeta, checkGradient, fail, show } from "softpool/adapter";
import { SoftPooling1D, SoftPooling2D, SoftPooling3D } from "./layers.ts";

/** What a pooling layer of a model is. */
export type PoolingKind = "maximum" | "average" | "global-maximum" | "global-average";

/** Options of {@link replacePooling}. */
export interface ReplaceOptions {
  /** Which poolings are replaced; default both. */
  from?: readonly ("maximum" | "average")[];
  /** Only layers of these names, in which `*` stands for any characters and `?` for one. Default: all. */
  only?: readonly string[];
  /** No layers of these names, with `*` and `?`. Default: none. */
  except?: readonly string[];
  /** Temperature of the SoftPool layers, see `softPooling2d`. Default 1. */
  beta?: number;
  /** Gradient of the SoftPool layers, `"exact"` (default) or `"weights"`. */
  gradient?: "exact" | "weights";
}

/** What became of one pooling layer. */
export interface PoolingDecision {
  /** Name of the layer; of one in a model within the model, or in a wrapper, with the names around it: `outer/pool`. */
  readonly layer: string;
  /** What it pools with. */
  readonly kind: PoolingKind;
  /** Whether it is SoftPool now. */
  readonly action: "replace" | "keep";
  /** Why it was kept. */
  readonly reason?: string;
}

/** A model with its pooling replaced. */
export interface Replaced {
  /** The new model, not compiled; its weights are copies. */
  readonly model: LayersModel;
  /** The account: every pooling layer that was found, in the order of the model. */
  readonly decisions: readonly PoolingDecision[];
}

type Config = Record<string, unknown>;

const KINDS: Record<string, PoolingKind> = {
  MaxPooling: "maximum",
  AveragePooling: "average",
  GlobalMaxPooling: "global-maximum",
  GlobalAveragePooling: "global-average",
};

const CLASSES = [SoftPooling1D, SoftPooling2D, SoftPooling3D];

/** The parts of a layer's configuration that its replacement takes over. */
const KEPT = ["name", "trainable", "batchInputShape", "dtype", "poolSize", "strides", "padding"];

const NAME = "replacePooling";
const KNOWN = ["from", "only", "except", "beta", "gradient"];

function names(parameter: string, value: unknown): readonly string[] {
  if (!Array.isArray(value) || !value.every((name) => typeof name === "string")) {
    fail(NAME, parameter, "an array of names", show(value));
  }
  return value;
}

/** Whether a name fits one of several patterns. */
function fits(name: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) => {
    const text = pattern.replace(/[.+^${}()|[\]\\]/g, "\\$&");
    return new RegExp(`^${text.replace(/\*/g, ".*").replace(/\?/g, ".")}$`, "s").test(name);
  });
}

function checkOptions(options: unknown): Required<ReplaceOptions> {
  if (typeof options !== "object" || options === null) {
    fail(NAME, "options", "an object", show(options));
  }
  for (const key of Object.keys(options)) {
    if (!KNOWN.includes(key)) fail(NAME, "options", KNOWN.join(", "), key);
  }
  const o = options as ReplaceOptions;
  const from = o.from ?? ["maximum", "average"];
  const kinds: unknown[] = ["maximum", "average"];
  if (!Array.isArray(from) || !from.every((kind) => kinds.includes(kind))) {
    const cure = "global poolings stay as they are";
    fail(NAME, "from", 'an array of "maximum" and "average"', show(o.from), cure);
  }
  const beta = o.beta ?? 1;
  if (typeof beta !== "number") fail(NAME, "beta", "a number", show(beta));
  checkBeta(NAME, beta);
  return {
    from,
    beta,
    only: names("only", o.only ?? ["*"]),
    except: names("except", o.except ?? []),
    gradient: checkGradient(NAME, o.gradient ?? "exact"),
  };
}

/** Rebuilds configurations, and keeps the account. */
class Rewriter {
  readonly decisions: PoolingDecision[] = [];
  readonly #options: Required<ReplaceOptions>;

  constructor(options: Required<ReplaceOptions>) {
    this.#options = options;
  }

  /** A copy of any part of a configuration, with poolings replaced. */
  rewrite(value: unknown, path: string): unknown {
    if (Array.isArray(value)) return value.map((entry) => this.rewrite(entry, path));
    if (typeof value !== "object" || value === null) return value;
    const { className, config } = value as Config;
    if (typeof className === "string" && typeof config === "object" && config !== null) {
      const name = `${path}${(config as Config).name ?? (value as Config).name ?? className}`;
      const pool = /^(\w+Pooling)([123])D$/.exec(className);
      if (pool !== null && pool[1] in KINDS) {
        return this.#pooling(value as Config, name, KINDS[pool[1]], Number(pool[2]));
      }
      const rest = Object.entries(value).map(([key, entry]) => {
        return [key, this.rewrite(entry, key === "config" ? `${name}/` : path)];
      });
      return Object.fromEntries(rest);
    }
    const copy = Object.entries(value).map(([key, entry]) => [key, this.rewrite(entry, path)]);
    return Object.fromEntries(copy);
  }

  #pooling(layer: Config, name: string, kind: PoolingKind, rank: number): Config {
    const config = layer.config as Config;
    const reason = this.#reason(config, name, kind);
    if (reason !== undefined) {
      this.decisions.push({ layer: name, kind, action: "keep", reason });
      return layer;
    }
    this.decisions.push({ layer: name, kind, action: "replace" });
    const { beta, gradient } = this.#options;
    const kept = KEPT.filter((key) => config[key] !== undefined).map((key) => [key, config[key]]);
    const { dataFormat } = config;
    const window = { ...Object.fromEntries(kept), ...(dataFormat ? { dataFormat } : {}) };
    const made = new CLASSES[rank - 1]({ ...window, beta, gradient });
    return { ...layer, className: CLASSES[rank - 1].className, config: made.getConfig() };
  }

  /** Why a layer is kept, or undefined. */
  #reason(config: Config, name: string, kind: PoolingKind): string | undefined {
    const { from, only, except } = this.#options;
    if (kind.startsWith("global")) return "global poolings stay as they are";
    if (!from.includes(kind as "maximum")) return "not in from";
    if (!fits(name, only)) return "not in only";
    if (fits(name, except)) return "in except";
    const dtype = config.dtype ?? "float32";
    return dtype === "float32" ? undefined : `pools ${dtype}`;
  }
}

/** What a model and its layers have in common here. */
interface Weighted {
  readonly name: string;
  readonly weights: LayerVariable[];
  trainable: boolean;
  readonly layers?: Weighted[];
}

/** Copies weights, and which of them are trained, from a layer to its likeness. */
function copyWeights(from: Weighted, to: Weighted): void {
  // Setting this of a model sets it of all its weights: theirs come after.
  to.trainable = from.trainable;
  if (from.layers !== undefined && to.layers !== undefined) {
    from.layers.forEach((layer, i) => {
      copyWeights(layer, (to.layers as Weighted[])[i]);
    });
    return;
  }
  // What is trained and what is not stand in an order that depends on it: take them by name.
  const byName = new Map(to.weights.map((weight) => [weight.originalName, weight]));
  const unique = byName.size === from.weights.length;
  from.weights.forEach((weight, i) => {
    const target = unique ? byName.get(weight.originalName) : to.weights[i];
    if (target === undefined) {
      fail(NAME, "model", `weight ${weight.originalName} of ${from.name} again`, "none");
    }
    target.write(weight.read());
    target.trainable = weight.trainable;
  });
}

/**
 * Makes the same model with SoftPool in place of its pooling layers.
 *
 * All MaxPooling and AveragePooling layers in 1D to 3D are found: in Sequential and functional models, in models
 * within models, in wrappers such as TimeDistributed, shared ones once. Global poolings are kept. Custom layers
 * need to be registered, as for loading. Compile the new model before training it.
 * @param model a model that was built or loaded with `tf.loadLayersModel`
 * @param options which layers, and the SoftPool that replaces them
 * @returns the new model and an account of every pooling layer
 * @throws RangeError for an argument that is not as documented
 */
export function replacePooling(model: LayersModel, options: ReplaceOptions = {}): Replaced {
  const layers = (model as Partial<LayersModel> | undefined)?.layers;
  if (!Array.isArray(layers) || typeof model.getConfig !== "function") {
    const cure =
      "load Keras models with tf.loadLayersModel; graph models have no layers to replace";
    const received = (model as object | undefined)?.constructor?.name ?? show(model);
    fail(NAME, "model", "a LayersModel", received, cure);
  }
  const checked = checkOptions(options);
  const rewriter = new Rewriter(checked);
  const config = rewriter.rewrite(model.getConfig(), "") as serialization.ConfigDict;
  const { decisions } = rewriter;
  for (const parameter of ["only", "except"] as const) {
    for (const pattern of options[parameter] ?? []) {
      if (decisions.some(({ layer }) => fits(layer, [pattern]))) continue;
      const found = decisions.map(({ layer }) => layer).join(", ") || "none";
      fail(NAME, parameter, "names of pooling layers", pattern, `the model has ${found}`);
    }
  }
  const Class = model.constructor as unknown as {
    fromConfig(cls: unknown, config: object, custom: object, fast: boolean): LayersModel;
  };
  const replaced = Class.fromConfig(Class, config, {}, true);
  if (model.built && !replaced.built) replaced.build(model.inputs.map(({ shape }) => shape));
  copyWeights(model as unknown as Weighted, replaced as unknown as Weighted);
  return { model: replaced, decisions };
}
