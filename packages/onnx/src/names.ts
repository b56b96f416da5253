/** Names that do not collide, over all scopes of a model. */
import type { FunctionProto, GraphProto, ModelProto } from "onnx-buf";
import { subgraphs } from "./attributes.ts";

/** A set of taken names. */
export class Names {
  readonly #taken: Set<string> = new Set();
  readonly #next: Map<string, number> = new Map();

  /**
   * @param model its names of values and nodes are taken from the start
   */
  constructor(model?: ModelProto) {
    if (model?.graph !== undefined) this.#takeGraph(model.graph);
    for (const { initialization, algorithm } of model?.trainingInfo ?? []) {
      for (const graph of [initialization, algorithm]) if (graph) this.#takeGraph(graph);
    }
    for (const f of model?.functions ?? []) this.#takeBody(f, [...f.input, ...f.output]);
  }

  #takeGraph(graph: GraphProto): void {
    const values = [
      ...graph.input,
      ...graph.output,
      ...graph.initializer,
      ...graph.valueInfo,
      ...graph.sparseInitializer.map(({ values }) => ({ name: values?.name ?? "" })),
    ];
    this.#takeBody(
      graph,
      values.map(({ name }) => name),
    );
  }

  #takeBody(body: GraphProto | FunctionProto, values: readonly string[]): void {
    for (const name of values) this.#taken.add(name);
    for (const node of body.node) {
      if (node.name !== "") this.#taken.add(node.name);
      for (const name of node.output) this.#taken.add(name);
      for (const [, graph] of subgraphs(node)) this.#takeGraph(graph);
    }
  }

  /** Whether a name is taken. */
  has(name: string): boolean {
    return this.#taken.has(name);
  }

  /** A name that nobody has, made from `hint`, and takes it: `hint`, `hint_1`, `hint_2` ... */
  unique(hint: string): string {
    let name = hint;
    let n = this.#next.get(hint) ?? 1;
    while (this.#taken.has(name)) name = `${hint}_${n++}`;
    this.#next.set(hint, n);
    this.#taken.add(name);
    return name;
  }
}
