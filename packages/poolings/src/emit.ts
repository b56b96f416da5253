/**
 * Writes the replacement of one pooling layer: a call of a local function of the domain `softpool`, or
 * its nodes in place.
 */
import {
  type AttributeValues,
  type FunctionProto,
  float,
  Graph,
  importOpset,
  type ModelProto,
  Names,
  type NodeProto,
  OnnxError,
  opsetOf,
  type PoolWindow,
  quote,
  type Tensor,
  tensorToProto,
  type Value,
  windowAttributes,
} from "@softpool/onnx";
import { type ApplyOptions, applyMethod, type PaddingMode, type settingsOf } from "./apply.ts";
import { composeGlobal } from "./global.ts";
import { DOMAIN, NODE_PREFIX, type PoolingLayer } from "./layers.ts";
import type { Method } from "./method.ts";

/** What comes in a layer's place. */
export interface Replacement {
  /** The method. */
  readonly method: Method;
  /** Its settings, defaults filled in. */
  readonly settings: ReturnType<typeof settingsOf>;
  /** The window; `undefined` pools everything. */
  readonly window: PoolWindow | undefined;
  /** Padded taps. */
  readonly paddingMode: PaddingMode;
  /** Standard operators in place instead of a function. */
  readonly inline: boolean;
  /** The parameters' values by name. */
  readonly parameters: Readonly<Record<string, Tensor>>;
}

/** Puts replacements into one model. */
export class Emitter {
  readonly #model: ModelProto;
  readonly #names: Names;
  readonly #functions: Map<string, FunctionProto> = new Map();

  /** @param model the model that is edited in place */
  constructor(model: ModelProto) {
    this.#model = model;
    this.#names = new Names(model);
    for (const f of model.functions) {
      if (f.domain === DOMAIN) this.#functions.set(`${f.name}:${f.overload}`, f);
    }
  }

  /** The nodes that replace a layer's; the last one makes the layer's output and has its notes. */
  replace(layer: PoolingLayer, replacement: Replacement): NodeProto[] {
    const nodes = this.#nodes(layer, replacement);
    const last = nodes.at(-1);
    if (last !== undefined) {
      last.docString = layer.node.docString;
      last.metadataProps = [...layer.node.metadataProps];
    }
    return nodes;
  }

  #nodes(layer: PoolingLayer, replacement: Replacement): NodeProto[] {
    const opset = opsetOf(layer.within ?? this.#model);
    if (opset === undefined) {
      throw new OnnxError(`${quote(layer.name)}: its function imports no standard operators`);
    }
    const g = new Graph(opset, { names: this.#names, prefix: `${NODE_PREFIX}/${layer.name}` });
    const from = layer.padNode ?? layer.node;
    const x: Value = { name: from.input[0], dtype: layer.dtype, shape: layer.declared };
    const parameters = Object.fromEntries(
      Object.entries(replacement.parameters).map(([name, value]) => [
        name,
        this.#parameter(g, layer, name, value),
      ]),
    );
    const output = layer.node.output[0];
    if (replacement.inline || isOneNode(replacement)) {
      const y = compose(g, x, replacement, parameters);
      return renameOutput(g.nodes, y.name, output, replacement, layer);
    }
    const f = this.#function(opset, x, replacement, parameters, layer.within !== undefined);
    const { window, method, settings, paddingMode } = replacement;
    g.node(
      f.name,
      [x, ...Object.values(parameters)],
      callAttributes(window, method, settings, paddingMode),
      {
        name: layer.node.name || undefined,
        outputNames: [output],
        domain: DOMAIN,
        overload: f.overload,
      },
    );
    importOpset(layer.within ?? this.#model, DOMAIN, 1);
    importOpset(this.#model, DOMAIN, 1);
    // Overloads came with version 10 of the file format.
    if (this.#model.irVersion < 10n) this.#model.irVersion = 10n;
    return g.nodes;
  }

  /** A parameter: a stored tensor of the model, or a constant where those cannot be seen. */
  #parameter(g: Graph, layer: PoolingLayer, name: string, value: Tensor): Value {
    if (layer.within !== undefined) return g.constant(value);
    const full = this.#names.unique(`${layer.name}.${name}`);
    this.#model.graph?.initializer.push(tensorToProto(value, full));
    return { name: full, dtype: value.dtype, shape: value.shape };
  }

  /** The local function of a replacement: one for every configuration. */
  #function(
    opset: number,
    x: Value,
    replacement: Replacement,
    parameters: Readonly<Record<string, Value>>,
    nested: boolean,
  ): FunctionProto {
    const { method } = replacement;
    const plain = `${pascal(method.name)}Pool`;
    const configuration = overloadOf(opset, x, replacement, parameters);
    // ONNX Runtime 1.30 does not find overloads that functions call: there the name tells them apart.
    const name = nested ? `${plain}_${configuration}` : plain;
    const overload = nested ? "" : configuration;
    const key = `${name}:${overload}`;
    const known = this.#functions.get(key);
    if (known !== undefined) return known;
    const g = new Graph(opset);
    // Without the input's sizes, so that it serves every call of its configuration.
    const rank = replacement.window?.kernel.length ?? (x.shape?.length ?? 4) - 2;
    const inner = g.input("x", x.dtype, new Array(rank + 2).fill(null));
    const given = Object.fromEntries(
      Object.entries(parameters).map(([parameter, value]) => [
        parameter,
        g.input(parameter, value.dtype, value.shape),
      ]),
    );
    g.output(compose(g, inner, replacement, given));
    const f = g.toFunction({
      domain: DOMAIN,
      name,
      overload,
      attributes: Object.keys(
        callAttributes(replacement.window, method, replacement.settings, replacement.paddingMode),
      ),
      doc: `${method.summary}. ${method.source}.`,
    });
    this.#functions.set(key, f);
    this.#model.functions.push(f);
    return f;
  }
}

/** Composes a replacement. */
function compose(
  g: Graph,
  x: Value,
  { method, settings, window, paddingMode }: Replacement,
  parameters: ApplyOptions["parameters"],
): Value {
  if (window === undefined) return composeGlobal(g, method, x, settings, parameters);
  return applyMethod(g, method, x, window, { settings, paddingMode, parameters });
}

/** Whether a method is one standard node by itself, which needs no function. */
function isOneNode({ method, paddingMode, window }: Replacement): boolean {
  const dilated = window?.dilations.some((d) => d !== 1) === true;
  const plain = method.name === "maximum" || (method.name === "average" && !dilated);
  return plain && paddingMode === "ignore";
}

/** Gives a value among nodes the name that the rest of the model knows it by. */
function renameOutput(
  nodes: readonly NodeProto[],
  from: string,
  to: string,
  replacement: Replacement,
  layer: PoolingLayer,
): NodeProto[] {
  for (const node of nodes) {
    node.output = node.output.map((name) => (name === from ? to : name));
    node.input = node.input.map((name) => (name === from ? to : name));
  }
  // A single node keeps the name of the one that it replaces.
  if (isOneNode(replacement) && nodes.length === 1) nodes[0].name = layer.node.name;
  return [...nodes];
}

/** What a call shows of its configuration. */
function callAttributes(
  window: PoolWindow | undefined,
  method: Method,
  settings: Replacement["settings"],
  paddingMode: PaddingMode,
): AttributeValues {
  const shown = Object.entries(settings).filter(([name]) => !isHidden(method, name));
  return {
    method: method.name,
    ...(window === undefined
      ? { global: 1 }
      : { ...windowAttributes(window), padding_mode: paddingMode }),
    ...Object.fromEntries(
      shown.map(([name, value]) => [name, typeof value === "number" ? float(value) : value]),
    ),
  };
}

function isHidden(method: Method, name: string): boolean {
  return method.settings?.some((setting) => setting.name === name && setting.hidden) === true;
}

/** The overload name of a configuration: what tells its function from others, readable. */
function overloadOf(
  opset: number,
  x: Value,
  { method, window, settings, paddingMode }: Replacement,
  parameters: Readonly<Record<string, Value>>,
): string {
  const list = (values: readonly number[]) => values.join("x");
  const parts = [`opset${opset}`, x.dtype ?? "any"];
  if (window === undefined) parts.push(`global${(x.shape?.length ?? 4) - 2}d`);
  else {
    parts.push(`k${list(window.kernel)}`, `s${list(window.strides)}`);
    if (window.pads.some((p) => p !== 0)) parts.push(`p${list(window.pads)}`);
    if (window.dilations.some((d) => d !== 1)) parts.push(`d${list(window.dilations)}`);
    if (window.ceilMode) parts.push("ceil");
    if (window.autoPad !== undefined && window.autoPad !== "NOTSET") {
      parts.push(window.autoPad.toLowerCase());
    }
    if (paddingMode !== "ignore") parts.push(paddingMode);
  }
  for (const [name, value] of Object.entries(settings)) {
    if (!isHidden(method, name)) parts.push(`${name}${value}`);
  }
  if (settings.form === "exact") parts.push("exact");
  for (const value of Object.values(parameters)) parts.push(list(value.shape as number[]) || "1");
  return parts.join("_");
}

/** `power-average` as `PowerAverage`. */
function pascal(name: string): string {
  return name.replace(/(^|-)([a-z0-9])/g, (_, _dash, letter: string) => letter.toUpperCase());
}
