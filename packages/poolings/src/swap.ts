/**
 * The swap: replaces pooling layers of a model and leaves everything else as it is. Every replacement
 * keeps its layer's kernel, stride, padding, dilation and ceil mode, so that all shapes stay.
 */
import {
  type ModelProto,
  type NodeProto,
  type PoolWindow,
  subgraphs,
  type Tensor,
  tensor,
} from "@softpool/onnx";
import { settingsOf } from "./apply.ts";
import { methodOf } from "./catalogue.ts";
import { copyModel } from "./copy.ts";
import { Emitter, type Replacement } from "./emit.ts";
import { DOMAIN, type PoolingLayer } from "./layers.ts";
import type { Context, Method } from "./method.ts";
import { type Decision, planOf, type SwapOptions, siteOf } from "./plan.ts";
import { addRecord, isRecorded, type SwapRequest } from "./record.ts";
import { specialise } from "./specialise.ts";

/** What a swap gives. */
export interface SwapResult {
  /** The new model; the given one is not changed. Stored tensors are shared by both. */
  readonly model: ModelProto;
  /** What happened to every layer. */
  readonly decisions: readonly Decision[];
  /** Whether anything was replaced; if not, `model` has the content of the given one. */
  readonly changed: boolean;
  /** Whether nothing was replaced because what is asked for is there already. */
  readonly already: boolean;
}

/**
 * Replaces pooling layers.
 * @param model a checked model; it is not changed
 * @param options what is swapped, for what, and how
 * @returns the new model and what happened to every layer
 * @throws OnnxError for a method, kind or setting that does not exist, or a pattern that fits no layer
 */
export function swapPooling(model: ModelProto, options: SwapOptions = {}): SwapResult {
  const method = methodOf(options.to ?? "soft");
  const given = settingsOf(method, options.settings);
  const inline = options.inline === true;
  const hasForm = method.settings?.some(({ name }) => name === "form");
  // ONNX Runtime 1.30 moves a DequantizeLinear along its readers and ends the process at an `If`.
  const plain = inline || hasDequantization(model);
  const settings = hasForm && plain ? { ...given, form: "exact" } : given;
  const request: SwapRequest = {
    to: method.name,
    settings: given,
    kernel: options.kernel ?? "same",
    paddingMode: options.paddingMode ?? "ignore",
    inline,
  };
  const { copy, decisions } = prepared(model, options);
  const chosen = decisions.filter(({ action }) => action === "replace");
  if (chosen.length === 0) {
    const already =
      decisions.some(({ reason }) => reason.endsWith("already")) || isRecorded(model, request);
    return { model: copyModel(model), decisions, changed: false, already };
  }
  const emitter = new Emitter(copy);
  for (const { layer, window } of chosen) {
    const replacement: Replacement = {
      method,
      settings,
      window,
      paddingMode: request.paddingMode,
      inline,
      parameters: initialParameters(method, settings, layer, window, options.uniform),
    };
    const nodes = emitter.replace(layer, replacement);
    putInPlace(layer, nodes);
  }
  removeUnusedFunctions(copy);
  addRecord(copy, {
    ...request,
    layers: chosen.map(({ layer }) => ({ name: layer.name, from: layer.kind })),
  });
  return { model: copy, decisions, changed: true, already: false };
}

/** Whether a model has a DequantizeLinear anywhere. */
function hasDequantization(model: ModelProto): boolean {
  const found = (nodes: readonly NodeProto[]): boolean =>
    nodes.some(
      (node) =>
        node.opType === "DequantizeLinear" ||
        subgraphs(node).some(([, graph]) => found(graph.node)),
    );
  return found(model.graph?.node ?? []) || model.functions.some((f) => found(f.node));
}

/**
 * A copy to edit and what is done to it. Functions whose windows are attributes of their calls get them
 * written in, but only those in which a layer is replaced.
 */
function prepared(
  model: ModelProto,
  options: SwapOptions,
): { copy: ModelProto; decisions: Decision[] } {
  const all = copyModel(model);
  const origins = specialise(all);
  const decisions = planOf(all, options);
  const wanted = new Set<string>();
  for (const { action, layer } of decisions) {
    const origin = layer.within && origins.get(layer.within);
    if (action === "replace" && origin !== undefined) wanted.add(origin);
  }
  if (origins.size === 0) return { copy: all, decisions };
  const copy = copyModel(model);
  specialise(copy, wanted);
  return { copy, decisions: planOf(copy, options) };
}

/** The values that learned parameters begin with. */
function initialParameters(
  method: Method,
  settings: Context["settings"],
  layer: PoolingLayer,
  window: PoolWindow | undefined,
  uniform: (() => number) | undefined,
): Record<string, Tensor> {
  const site = siteOf(layer, window);
  if (method.parameters === undefined || typeof site === "string") return {};
  const dtype = layer.dtype === "float64" ? "float64" : "float32";
  return Object.fromEntries(
    method
      .parameters(site, settings)
      .map(({ name, shape, initial }) => [
        name,
        tensor(dtype, shape, initial(uniform ?? (() => 0.5))),
      ]),
  );
}

/** Puts nodes where a layer's node was; a Pad that belonged to it goes. */
function putInPlace(layer: PoolingLayer, nodes: readonly NodeProto[]): void {
  const { owner, node, padNode } = layer;
  owner.node = owner.node.flatMap((own) => {
    if (own === node) return nodes;
    return own === padNode ? [] : [own];
  });
  const gone = padNode?.output[0];
  if (gone !== undefined) owner.valueInfo = owner.valueInfo.filter(({ name }) => name !== gone);
}

/** Functions of earlier swaps that nothing calls any more. */
function removeUnusedFunctions(model: ModelProto): void {
  const called = new Set<string>();
  const note = (nodes: readonly NodeProto[]): void => {
    for (const node of nodes) {
      if (node.domain === DOMAIN) called.add(`${node.opType}:${node.overload}`);
      for (const item of node.attribute) {
        if (item.g !== undefined) note(item.g.node);
        for (const graph of item.graphs) note(graph.node);
      }
    }
  };
  note(model.graph?.node ?? []);
  for (const f of model.functions) note(f.node);
  model.functions = model.functions.filter(
    (f) => f.domain !== DOMAIN || called.has(`${f.name}:${f.overload}`),
  );
  if (called.size > 0) return;
  for (const owner of [model, ...model.functions]) {
    owner.opsetImport = owner.opsetImport.filter(({ domain }) => domain !== DOMAIN);
  }
}
