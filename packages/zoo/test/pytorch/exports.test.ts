/**
 * Gradients of files that PyTorch exported against PyTorch's own: of every parameter and of the input, in
 * float64 with the reference evaluator, and on ONNX Runtime in float32. Files whose maxima were swapped for
 * SoftPool are differentiated in their form for training, with either gradient, and as they are for
 * inference, through the `If` of their local functions. `exports.py` made the files.
 */
import { readdirSync, readFileSync } from "node:fs";
import {
  evaluate,
  type Graph,
  gradients,
  graphOf,
  type ModelProto,
  mul,
  readModel,
  reduce,
  type Tensor,
  writeModel,
} from "@softpool/onnx";
import { createSession, fromRun, toRun } from "@softpool/onnx/session-node";
import { swapPooling, trainingForm } from "@softpool/poolings";
import { expect, test } from "vitest";
import { between, errorOf, summary } from "./formula.ts";

interface Case {
  readonly name: string;
  readonly input: string;
  readonly pool: string;
  readonly gradient: "exact" | "weights";
  readonly loss: number;
  readonly gradients: Readonly<Record<string, string>>;
}

const here = new URL(".", import.meta.url);
const { cases }: { cases: readonly Case[] } = JSON.parse(
  readFileSync(new URL("exports.json", here), "utf8"),
);

/** Adds sum(y * seed) and its gradients; gives the model. */
function withGradients(g: Graph, names: readonly string[]): ModelProto {
  const [y] = g.outputs;
  const seed = g.input("seed", "float32", y.shape);
  const loss = reduce(g, "ReduceSum", mul(g, y, seed), undefined, false);
  const wrt = names.map((name) => g.value(name));
  const found = gradients(g, loss, wrt);
  g.outputs.splice(0);
  for (const [i, value] of [loss, ...found].entries()) {
    const name = i === 0 ? "the loss" : `gradient/${names[i - 1]}`;
    g.output(g.op("Identity", [value], {}, { outputNames: [name] }));
  }
  return g.toModel();
}

/** The model as it is differentiated; for the exact gradient of a swapped one there are two ways. */
function formsOf({ name, pool, gradient }: Case): Graph[] {
  const model = readModel(readFileSync(new URL(`exports/${name}.onnx`, here)));
  if (pool === "") return [graphOf(model)];
  const { model: swapped, decisions } = swapPooling(model, { to: pool, from: ["maximum"] });
  expect(decisions.some(({ action }) => action === "replace")).toBe(true);
  const forTraining = graphOf(trainingForm(swapped, { gradient }).model);
  return gradient === "exact" ? [forTraining, graphOf(swapped)] : [forTraining];
}

test("every file is used", () => {
  const files = readdirSync(new URL("exports", here)).map((file) => file.replace(".onnx", ""));
  expect(new Set(cases.map(({ name }) => name))).toEqual(new Set(files));
});

test.each(cases)("$name $pool $gradient", async (wanted) => {
  const names = Object.keys(wanted.gradients);
  const sizes = wanted.input.split("x").map(Number);
  for (const [form, g] of formsOf(wanted).entries()) {
    const shape = g.outputs[0].shape as readonly number[];
    const float = (shape: readonly number[], data: Float64Array): Tensor => ({
      dtype: "float32",
      shape,
      data,
    });
    const feeds = {
      input: float(sizes, between("input", sizes, -1.5, 1.5)),
      seed: float(shape, between("seed", shape, -1, 1)),
    };
    const model = readModel(writeModel(withGradients(g, names)));
    const session = await createSession(writeModel(model));
    const single = await session.run({ input: toRun(feeds.input), seed: toRun(feeds.seed) });
    await session.dispose();
    const results: [Record<string, Tensor>, number][] = [
      [evaluate(model, feeds), 1e-6],
      [Object.fromEntries(Object.entries(single).map(([key, y]) => [key, fromRun(y)])), 1e-4],
    ];
    for (const [outputs, tolerance] of results) {
      const where = `form ${form}, ${tolerance === 1e-6 ? "float64" : "ONNX Runtime"}`;
      const loss = Math.abs(outputs["the loss"].data[0] - wanted.loss);
      expect(loss, `${where}: loss`).toBeLessThan(tolerance * Math.max(1, Math.abs(wanted.loss)));
      for (const name of names) {
        const { data } = outputs[`gradient/${name}`];
        const error = errorOf(summary(name, data), wanted.gradients[name], data.length);
        expect(error, `${where}: gradient of ${name}: maxdiff ${error}`).toBeLessThan(tolerance);
      }
    }
  }
});
