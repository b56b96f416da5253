/**
 * Models as text, for reading and for snapshots: a stable form in the style of ONNX's own textual
 * syntax, one node a line, `y = Conv <strides = [2, 2]> (x, w)`. Subgraphs are indented; names that are
 * no identifiers stand in quotes; tensors of at most 8 elements are shown with their values. The text
 * cannot be read back.
 *
 * The style: https://onnx.ai/onnx/repo-docs/Syntax.html
 */
import type {
  FunctionProto,
  GraphProto,
  ModelProto,
  NodeProto,
  OperatorSetIdProto,
  ValueInfoProto,
} from "onnx-buf";
import { subgraphs } from "./attributes.ts";
import { OnnxError, quoted } from "./error.ts";
import type { Types } from "./infer.ts";
import type { Inferred } from "./ops/operator.ts";
import {
  attributeText,
  entriesText,
  inferredText,
  nameText,
  sparseText,
  tensorType,
  tensorValues,
  typeText,
} from "./print-values.ts";

/** How a model is printed. */
export interface PrintOptions {
  /** Types that were inferred: stand before the results of nodes. Default: none do. */
  readonly types?: Types;
  /** Whether the names of nodes are shown, `[name] y = ...`; default false. */
  readonly nodeNames?: boolean;
  /** Nodes and stored tensors of each graph or function that are shown; default all. */
  readonly max?: number;
}

/** Lines with their indentation. */
class Lines {
  readonly #lines: string[] = [];
  #indent = "";

  add(text: string): void {
    this.#lines.push(this.#indent + text);
  }

  /** Adds what `body` adds, indented, between two lines. */
  block(open: string, close: string, body: () => void): void {
    this.add(open);
    const before = this.#indent;
    this.#indent += "  ";
    body();
    this.#indent = before;
    this.add(close);
  }

  toString(): string {
    try {
      return this.#lines.join("\n");
    } catch {
      // Beyond half a gigabyte.
      throw new OnnxError("the printed model is longer than a text can be; print fewer nodes: max");
    }
  }
}

/**
 * A model as text: versions and metadata, the graph, the functions, graphs for training.
 * @throws OnnxError when the text is longer than a text can be
 */
export function printModel(model: ModelProto, options: PrintOptions = {}): string {
  const lines = new Lines();
  lines.block("<", ">", () => {
    lines.add(`ir_version: ${model.irVersion}`);
    lines.add(`opset_import: ${opsetsText(model.opsetImport)}`);
    if (model.producerName !== "") {
      const version = model.producerVersion === "" ? "" : ` ${quoted(model.producerVersion)}`;
      lines.add(`producer: ${quoted(model.producerName)}${version}`);
    }
    if (model.domain !== "") lines.add(`domain: ${quoted(model.domain)}`);
    if (model.modelVersion !== 0n) lines.add(`model_version: ${model.modelVersion}`);
    if (model.metadataProps.length > 0) lines.add(`metadata: ${entriesText(model.metadataProps)}`);
  });
  if (model.graph !== undefined) printBody(lines, model.graph, "", options);
  for (const f of model.functions) printFunction(lines, f, options);
  for (const { initialization, algorithm } of model.trainingInfo) {
    if (initialization) printBody(lines, initialization, "initialization = ", options);
    if (algorithm) printBody(lines, algorithm, "algorithm = ", options);
  }
  return lines.toString();
}

/**
 * A graph as text.
 * @throws OnnxError when the text is longer than a text can be
 */
export function printGraph(graph: GraphProto, options: PrintOptions = {}): string {
  const lines = new Lines();
  printBody(lines, graph, "", options);
  return lines.toString();
}

function opsetsText(opsets: readonly OperatorSetIdProto[]): string {
  const entries = opsets.map(({ domain, version }) => `${quoted(domain)}: ${version}`);
  return `[${entries.join(", ")}]`;
}

function printFunction(lines: Lines, f: FunctionProto, options: PrintOptions): void {
  const domain = f.domain === "" ? "" : `${nameText(f.domain)}.`;
  const overload = f.overload === "" ? "" : `:${nameText(f.overload)}`;
  const attributes = [...f.attribute.map(nameText), ...f.attributeProto.map(attributeText)];
  const shown = attributes.length === 0 ? "" : ` <${attributes.join(", ")}>`;
  const names = (list: readonly string[]) => list.map(nameText).join(", ");
  lines.add(`function <opset_import: ${opsetsText(f.opsetImport)}>`);
  lines.block(
    `${domain}${nameText(f.name)}${overload}${shown} (${names(f.input)}) => (${names(f.output)}) {`,
    "}",
    () => printNodes(lines, f, options),
  );
}

function printBody(lines: Lines, graph: GraphProto, prefix: string, options: PrintOptions): void {
  const values = (list: readonly ValueInfoProto[]) =>
    list.map(({ name, type }) => `${typeText(type)} ${nameText(name)}`).join(", ");
  const head = `${nameText(graph.name)} (${values(graph.input)}) => (${values(graph.output)})`;
  lines.block(`${prefix}${head} {`, "}", () => {
    const max = options.max ?? Infinity;
    for (const tensor of graph.initializer.slice(0, max)) {
      const shown = tensorValues(tensor);
      lines.add(
        `${tensorType(tensor)} ${nameText(tensor.name)}${shown === "" ? "" : ` = ${shown}`}`,
      );
    }
    printRest(lines, graph.initializer.length - max, "tensors");
    for (const tensor of graph.sparseInitializer.slice(0, max)) lines.add(sparseText(tensor));
    printRest(lines, graph.sparseInitializer.length - max, "sparse tensors");
    printNodes(lines, graph, options);
  });
}

function printRest(lines: Lines, count: number, what: string): void {
  if (count > 0) lines.add(`... ${count} more ${what}`);
}

function printNodes(lines: Lines, body: GraphProto | FunctionProto, options: PrintOptions): void {
  const types = options.types?.of(body);
  const max = options.max ?? Infinity;
  for (const node of body.node.slice(0, max)) printNode(lines, node, types, options);
  printRest(lines, body.node.length - max, "nodes");
}

function printNode(
  lines: Lines,
  node: NodeProto,
  types: ReadonlyMap<string, Inferred> | undefined,
  options: PrintOptions,
): void {
  const name = options.nodeNames && node.name !== "" ? `[${nameText(node.name)}] ` : "";
  const outputs = node.output.map((output) => {
    const type = types === undefined || output === "" ? "" : `${inferredText(types.get(output))} `;
    return type + nameText(output);
  });
  const domain = node.domain === "" ? "" : `${nameText(node.domain)}.`;
  const overload = node.overload === "" ? "" : `:${nameText(node.overload)}`;
  const graphs = subgraphs(node);
  const attributes = node.attribute
    .filter(({ g, graphs }) => g === undefined && graphs.length === 0)
    .map(attributeText);
  const operator = `${domain}${nameText(node.opType)}${overload}`;
  const shown = attributes.length === 0 ? "" : ` <${attributes.join(", ")}>`;
  const text = `${name}${outputs.join(", ")} = ${operator}${shown} (${node.input.map(nameText).join(", ")})`;
  if (graphs.length === 0) {
    lines.add(text);
    return;
  }
  lines.block(`${text} <`, ">", () => {
    for (const [key, graph] of graphs) printBody(lines, graph, `${nameText(key)} = `, options);
  });
}
