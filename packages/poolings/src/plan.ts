/**
 * Which pooling layers a swap replaces, refuses or keeps, and with what window. Nothing is changed here.
 */
import {
  elements,
  isStatic,
  type ModelProto,
  OnnxError,
  opsetOf,
  type PoolWindow,
  padsOf,
  pooledShape,
  poolWindow,
  quote,
  type Shape,
} from "@softpool/onnx";
import { type PaddingMode, settingsOf } from "./apply.ts";
import { methodOf } from "./catalogue.ts";
import { copyModel } from "./copy.ts";
import { isPattern, matches } from "./glob.ts";
import { isGlobal } from "./global.ts";
import { DOMAIN, findPooling, type Kind, type PoolingLayer } from "./layers.ts";
import type { Context, Method, Site } from "./method.ts";
import { swapRecord } from "./record.ts";
import { specialise } from "./specialise.ts";

/** What is swapped, for what, and how. */
export interface SwapOptions {
  /** The method that comes in, by name or alias; default `soft`. */
  readonly to?: string;
  /** Its settings, such as `{ beta: 2 }`. */
  readonly settings?: Context["settings"];
  /**
   * The kinds of layers that are replaced: `maximum`, `average`, `lp`, `global-maximum`,
   * `global-average`, or a method that was swapped in before; default `maximum` and `average`.
   */
  readonly from?: readonly string[];
  /** Names or patterns (`*`, `?`) of layers: only these; default all of the kinds in `from`. */
  readonly only?: readonly string[];
  /** Names or patterns of layers that stay. */
  readonly except?: readonly string[];
  /** `same` keeps the windows; `2x2` makes them 2 wide without padding; default `same`. */
  readonly kernel?: "same" | "2x2";
  /** Whether padded taps do not exist or are zeros; default `ignore`. */
  readonly paddingMode?: PaddingMode;
  /** Standard operators in place of every layer, without functions and `If`; default false. */
  readonly inline?: boolean;
  /** Shapes of inputs that the model leaves open. */
  readonly inputs?: Readonly<Record<string, Shape>>;
  /** Gives the numbers in [0, 1) from which learned parameters begin; default always 0.5. */
  readonly uniform?: () => number;
}

/** What happens to a layer. */
export interface Decision {
  /** The layer as it was found. */
  readonly layer: PoolingLayer;
  /** Replaced, refused although it was asked for, or left alone. */
  readonly action: "replace" | "refuse" | "keep";
  /** Why it is refused or kept, in one clause; empty where it is replaced. */
  readonly reason: string;
  /** The window of its replacement; `undefined` where there is none. */
  readonly window: PoolWindow | undefined;
}

/** Other names of kinds. */
const aliases: Readonly<Record<string, Kind>> = {
  max: "maximum",
  avg: "average",
  "global-max": "global-maximum",
  "global-avg": "global-average",
};

/** The kinds of layers that have a name of their own. */
export const kinds: readonly Kind[] = [
  "maximum",
  "average",
  "lp",
  "global-maximum",
  "global-average",
  "global-lp",
];

/** The kinds that are meant by names; every name must be a kind or a method. */
function kindsOf(names: readonly string[]): Set<Kind> {
  return new Set(
    names.map((name) => {
      const kind = aliases[name] ?? name;
      if (kinds.includes(kind)) return kind;
      try {
        return methodOf(kind).name;
      } catch {
        throw new OnnxError(
          `from: expected ${kinds.join(", ")} or a method, received ${JSON.stringify(name)}`,
        );
      }
    }),
  );
}

/**
 * What a swap would do with every pooling layer of a model.
 * @throws OnnxError for a method, kind or setting that does not exist, or a pattern that fits no layer
 */
export function planSwap(model: ModelProto, options: SwapOptions = {}): Decision[] {
  const copy = copyModel(model);
  specialise(copy);
  return planOf(copy, options);
}

/** The plan for a model whose functions have their attributes written in. */
export function planOf(model: ModelProto, options: SwapOptions): Decision[] {
  const method = methodOf(options.to ?? "soft");
  const settings = settingsOf(method, options.settings);
  const layers = findPooling(model, { inputs: options.inputs });
  const from = kindsOf(options.from ?? ["maximum", "average"]);
  const recorded = (pattern: string) =>
    swapRecord(model).some((entry) => entry.layers.some(({ name }) => matches(pattern, name)));
  for (const pattern of [...(options.only ?? []), ...(options.except ?? [])]) {
    if (!layers.some((layer) => fits(layer, [pattern])) && !recorded(pattern)) {
      const names = layers.map(({ name }) => quote(name)).join(", ") || "none";
      throw new OnnxError(`no pooling layer is called ${quote(pattern)}; there are: ${names}`);
    }
  }
  return layers.map((layer) => {
    const opset = opsetOf(layer.within ?? model) ?? 0;
    return decide(layer, opset, method, settings, from, options);
  });
}

/** Whether a layer fits one of several patterns, by its name or its output. */
function fits(layer: PoolingLayer, patterns: readonly string[]): boolean {
  const names = [layer.name, layer.node.name, ...layer.node.output].filter((name) => name !== "");
  return patterns.some((pattern) => names.some((name) => matches(pattern, name)));
}

function decide(
  layer: PoolingLayer,
  opset: number,
  method: Method,
  settings: Context["settings"],
  from: ReadonlySet<Kind>,
  options: SwapOptions,
): Decision {
  const keep = (reason: string): Decision => ({ layer, action: "keep", reason, window: undefined });
  const refuse = (reason: string): Decision => ({ ...keep(reason), action: "refuse" });
  const { only, except } = options;
  if (except !== undefined && fits(layer, except)) return keep("it is left out by name");
  if (only !== undefined && !fits(layer, only)) return keep("it is not named");
  if (isSameLayer(layer, method, settings, options)) return keep(`it is ${method.name} already`);
  // A layer that is named without a pattern is meant, whatever its kind.
  const named = only?.some((pattern) => !isPattern(pattern) && fits(layer, [pattern])) === true;
  const quantised = layer.kind === "quantised";
  if (!from.has(layer.kind) && !quantised && !(named && options.from === undefined)) {
    return keep(`its kind ${layer.kind} is not asked for`);
  }
  if (layer.refusal !== undefined) return refuse(layer.refusal);
  const replaced = newWindow(layer, opset, method, options);
  if (typeof replaced === "string") return refuse(replaced);
  const site = siteOf(layer, replaced);
  if (typeof site === "string") {
    if (method.parameters !== undefined) return refuse(site);
  } else {
    const wrong = whyNot(method, site, settings, layer);
    if (wrong !== undefined) return refuse(wrong);
  }
  return { layer, action: "replace", reason: "", window: replaced };
}

const hasPads = (layer: PoolingLayer) => layer.window?.pads.some((p) => p > 0) === true;

/** Whether a layer is what it would be replaced by. */
function isSameLayer(
  layer: PoolingLayer,
  method: Method,
  settings: Context["settings"],
  options: SwapOptions,
): boolean {
  const small = options.kernel === "2x2" && layer.window?.kernel.some((k) => k !== 2) === true;
  if (small) return false;
  if (layer.node.domain !== DOMAIN) {
    // Of the standard layers these are the methods of the same name; LpPool has no learned exponent.
    if (method.name !== "maximum" && method.name !== "average") return false;
    if (layer.kind === `global-${method.name}`) return true;
    const zeros = options.paddingMode === "zero" || layer.counted;
    return layer.kind === method.name && !(zeros && hasPads(layer));
  }
  if (layer.kind !== method.name || options.inline === true) return false;
  const shown = new Map(layer.node.attribute.map((item) => [item.name, item]));
  const mode = new TextDecoder().decode(shown.get("padding_mode")?.s ?? new Uint8Array());
  if (layer.window !== undefined && mode !== (options.paddingMode ?? "ignore")) return false;
  return (method.settings ?? []).every(({ name, hidden }) => {
    const item = shown.get(name);
    if (item === undefined) return hidden === true;
    const value = settings[name];
    return typeof value === "number"
      ? Math.fround(item.f) === Math.fround(value)
      : new TextDecoder().decode(item.s) === value;
  });
}

/**
 * A window with its padding in numbers, where the input's size says how much `SAME_*` is, or where there
 * is none.
 */
function explicitPads(window: PoolWindow, input: Shape | undefined): PoolWindow {
  const { autoPad = "NOTSET", kernel, strides, dilations } = window;
  if (autoPad === "NOTSET") return window;
  if (autoPad === "VALID") return poolWindow(kernel, { strides, dilations });
  const sizes = input?.slice(2);
  if (!isStatic(sizes)) return window;
  const pairs = (sizes as number[]).map((size, i) => padsOf(window, i, size));
  const pads = [...pairs.map(([begin]) => begin), ...pairs.map(([, end]) => end)];
  return poolWindow(kernel, { strides, dilations, pads });
}

/** Taps beyond which a window is not composed tap by tap: a graph of a hundred thousand nodes helps nobody. */
const MAX_TAPS = 1024;

/** Sizes of a kernel, added up, beyond which a window is not composed. */
const MAX_KERNEL = 512;

/** The window of a layer's replacement (`undefined` for everything), or why there is none. */
function newWindow(
  layer: PoolingLayer,
  opset: number,
  method: Method,
  options: SwapOptions,
): PoolWindow | undefined | string {
  if (layer.window === undefined) return globalWindow(layer, method);
  // What the model states itself: shapes that are only given for a look must not end up in the file.
  const window = explicitPads(layer.window, layer.declared);
  const { autoPad = "NOTSET", strides, dilations, kernel } = window;
  const taps = kernel.reduce((sum, k) => sum + k, 0);
  if (!["average", "maximum"].includes(method.name) && taps > MAX_KERNEL) {
    return `its kernel ${kernel.join("x")} is too large, expected at most ${MAX_KERNEL} over all axes`;
  }
  if (layer.window.autoPad?.startsWith("SAME") && dilations.some((d) => d !== 1)) {
    return `its padding ${layer.window.autoPad} with dilation means different things to runtimes`;
  }
  if (autoPad !== "NOTSET") {
    if (strides.some((s, i) => s > kernel[i])) {
      return `its padding ${autoPad} with a stride above the kernel depends on a size that the model does not state`;
    }
    if (opset < 10) {
      return `its padding ${autoPad} depends on a size that the model does not state, which needs operator set 10`;
    }
  }
  return options.kernel === "2x2" ? smallWindow(layer, window) : window;
}

/** The window of a global layer: none where the method needs no size. */
function globalWindow(layer: PoolingLayer, method: Method): PoolWindow | undefined | string {
  if (layer.declared === undefined) return "the number of its input's axes is unknown";
  if (isGlobal(method)) return undefined;
  const sizes: Shape = layer.declared.slice(2);
  if (!isStatic(sizes)) return `its input size is unknown, which ${method.name} needs`;
  const count = elements(sizes);
  return count <= MAX_TAPS
    ? poolWindow(sizes)
    : `a window of ${count} taps is too large for ${method.name}, expected at most ${MAX_TAPS}`;
}

/** A window of 2 along every axis, where it changes no shape. */
function smallWindow(layer: PoolingLayer, window: PoolWindow): PoolWindow | string {
  const { input } = layer;
  const { pads, dilations } = window;
  const plain = pads.every((p) => p === 0) && dilations.every((d) => d === 1);
  if (window.kernel.every((k) => k === 2) && plain) return window;
  const two = poolWindow(
    window.kernel.map(() => 2),
    { strides: window.strides },
  );
  if (!isStatic(input)) {
    return "its input size is unknown, so that a 2x2 kernel might change the output's; give the input's shape";
  }
  const [before, after] = [pooledShape(window, input), shapeOrNone(two, input)];
  if (String(before) !== String(after)) {
    return `a 2x2 kernel would change its output from ${before?.join("x")} to ${after?.join("x") ?? "nothing"}`;
  }
  return two;
}

function shapeOrNone(window: PoolWindow, shape: Shape): Shape | undefined {
  try {
    return pooledShape(window, shape);
  } catch {
    return undefined;
  }
}

/** What a method's parameters depend on, or why it is not known. */
export function siteOf(layer: PoolingLayer, window: PoolWindow | undefined): Site | string {
  const channels = layer.input?.[1];
  const shape = layer.input?.slice(2);
  const own = window ?? (isStatic(shape) ? poolWindow(shape) : undefined);
  if (typeof channels !== "number") return "its number of channels is unknown";
  if (own === undefined) return "its input size is unknown";
  return { window: own, channels };
}

/** Why a method cannot pool at a site. */
function whyNot(
  method: Method,
  site: Site,
  settings: Context["settings"],
  layer: PoolingLayer,
): string | undefined {
  const rank = site.window.kernel.length;
  if (!method.axes.includes(rank)) {
    return `${method.name} is defined for ${method.axes.join(" and ")} spatial axes, not ${rank}`;
  }
  if (layer.window === undefined && isGlobal(method)) return undefined;
  return method.refuse?.(site, settings);
}
