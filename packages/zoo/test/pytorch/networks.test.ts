/**
 * Gradients of whole networks against PyTorch's: the step that trains them, with every kind of pooling
 * and the statistics of the batch. `networks.py` made `networks.json` in float64. Small networks are
 * evaluated in float64 here, where they agree to rounding; others run on ONNX Runtime in float32, with
 * Softplus for ReLU: signs of small numbers differ there (PyTorch's own float32 gradients of ResNeXt-50
 * with ReLU are 3 % from those in float64, with Softplus 0.002 %).
 */
import { readFileSync } from "node:fs";
import { evaluate, type Tensor, writeModel } from "@softpool/onnx";
import { createSession, fromRun, toRun } from "@softpool/onnx/session-node";
import { buildNetwork } from "@softpool/zoo";
import { expect, test } from "vitest";
import { trainingStep } from "../../../lab/src/training/step.ts";
import { between, countOf, errorOf, parameter, summary, uniforms } from "./formula.ts";

interface Case {
  readonly network: string;
  readonly pool: string;
  readonly gradient: string;
  readonly batch: number;
  readonly size: number;
  readonly smooth: boolean;
  readonly loss: number;
  readonly gradients: Readonly<Record<string, string>>;
}

const file = new URL("networks.json", import.meta.url);
const { classes, cases }: { classes: number; cases: readonly Case[] } = JSON.parse(
  readFileSync(file, "utf8"),
);

test.each(cases)("$network $pool $gradient", async (wanted) => {
  const { network: name, batch, size } = wanted;
  const pool = wanted.pool.replace(/soft/g, `soft:gradient=${wanted.gradient}`) || undefined;
  const auxiliary = name.startsWith("inception");
  const options = { training: true, values: false, pool, classes, batch, size, auxiliary };
  const network = buildNetwork(name, options);
  const relus = network.model.graph?.node.filter(({ opType }) => opType === "Relu") ?? [];
  expect(relus.length).toBeGreaterThan(5);
  if (wanted.smooth) for (const node of relus) node.opType = "Softplus";
  const step = trainingStep(network);
  const float = (shape: readonly number[], data: Float64Array): Tensor => ({
    dtype: "float32",
    shape,
    data,
  });
  const pictures = [batch, 3, size, size];
  const labels = uniforms("labels", batch).map((u) => Math.floor(u * classes));
  const feeds: Record<string, Tensor> = {
    input: float(pictures, between("input", pictures, -1.5, 1.5)),
    labels: { dtype: "int64", shape: [batch], data: labels },
    rate: float([], Float64Array.of(0)),
  };
  for (const { name, shape } of step.weights) feeds[name] = float(shape, parameter(name, shape));
  for (const { name, shape } of step.velocities) {
    feeds[name] = float(shape, new Float64Array(countOf(shape)));
  }
  for (const { name, shape } of network.noise) {
    feeds[name] = float(shape as number[], between(name, shape, 0, 1));
  }
  const run = async () => {
    if (!wanted.smooth) return evaluate(step.model, feeds);
    const session = await createSession(writeModel(step.model));
    const given = Object.entries(feeds).map(([key, value]) => [key, toRun(value)]);
    const outputs = await session.run(Object.fromEntries(given));
    await session.dispose();
    return Object.fromEntries(Object.entries(outputs).map(([key, y]) => [key, fromRun(y)]));
  };
  const outputs = await run();
  const loss = outputs.loss.data[0];
  expect(Math.abs(loss - wanted.loss), "loss").toBeLessThan(wanted.smooth ? 1e-4 : 1e-9);
  // From velocities of 0 without decay the next ones are the gradients.
  const names = step.velocities.map((velocity) => velocity.name.replace("velocity/", ""));
  expect(names.sort()).toEqual(Object.keys(wanted.gradients).sort());
  const errors = names.map((name): [number, string] => {
    const { data } = outputs[`next/velocity/${name}`];
    return [errorOf(summary(name, data), wanted.gradients[name], data.length), name];
  });
  const [worst, where] = errors.reduce((a, b) => (b[0] > a[0] ? b : a));
  expect(worst, `maxdiff ${worst} in the gradient of ${where}`).toBeLessThan(
    wanted.smooth ? 5e-4 : 1e-7,
  );
});
