/**
 * The graphs that ONNX Runtime is timed with.
 *
 * - forward: the inference form, parameters stored, `x` in and `y` out
 * - backward: the gradients of the training form, from `x`, the gradient `gy` of the output, the parameters
 *   and the uniform noise of random methods to `gx` and the gradients of the parameters. Nothing is kept
 *   from a forward run: what it needs of it, it computes.
 */
import { Graph, gradients, type ModelProto, tensor, type Value, writeModel } from "@softpool/onnx";
import { applyMethod, methodOf, settingsOf, uniformStream } from "@softpool/poolings";
import { latencySite, outputShape, type Subject } from "./place.ts";

/** The version of the standard operators. */
const OPSET = 18;

/** A tensor that goes in or comes out. */
export interface Port {
  /** Its name. */
  readonly name: string;
  /** Its shape. */
  readonly shape: readonly number[];
  /** Numbers it is fed with; default those of the study. */
  readonly values?: Float32Array;
}

/** A model with what it takes and gives. */
export interface TimedModel {
  /** Its bytes. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** What is fed: `x` first. */
  readonly inputs: readonly Port[];
  /** What comes out: `y`, or `gx` first. */
  readonly outputs: readonly Port[];
}

/** The model of a subject. */
export function timedModel(subject: Subject): TimedModel {
  return subject.direction === "forward" ? forwardModel(subject) : backwardModel(subject);
}

function parts({ method: name, ...place }: Subject) {
  const method = methodOf(name);
  const settings = settingsOf(method);
  const site = latencySite(place);
  const uniform = uniformStream({ seed: 0 });
  const parameters = (method.parameters?.(site, settings) ?? []).map((parameter) => ({
    ...parameter,
    value: tensor("float32", parameter.shape, parameter.initial(uniform)),
  }));
  return { method, site, parameters, settings, pooled: outputShape(place) };
}

/** Gives a value a name of its own as an output. */
function named(g: Graph, value: Value, name: string): void {
  const [output] = g.node("Identity", [value], {}, { outputNames: [name] });
  g.output(output);
}

function bytesOf(g: Graph): Uint8Array<ArrayBuffer> {
  const model: ModelProto = g.toModel("pooling");
  return writeModel(model);
}

function forwardModel(subject: Subject): TimedModel {
  const { method, site, parameters, pooled } = parts(subject);
  const g = new Graph(OPSET);
  const x = g.input("x", "float32", [...subject.shape]);
  const stored = Object.fromEntries(
    parameters.map(({ name, value }) => [name, g.initializer(`parameter/${name}`, value)]),
  );
  named(g, applyMethod(g, method, x, site.window, { parameters: stored }), "y");
  return {
    bytes: bytesOf(g),
    inputs: [{ name: "x", shape: subject.shape }],
    outputs: [{ name: "y", shape: pooled }],
  };
}

function backwardModel(subject: Subject): TimedModel {
  const { method, site, parameters, settings, pooled } = parts(subject);
  const { shape } = subject;
  const g = new Graph(OPSET);
  const x = g.input("x", "float32", [...shape]);
  const gy = g.input("gy", "float32", pooled);
  const learned = parameters.map(({ name, value }) => ({
    name,
    port: {
      name: `parameter/${name}`,
      shape: value.shape,
      values: Float32Array.from(value.data as ArrayLike<number>),
    },
    value: g.input(`parameter/${name}`, "float32", value.shape),
  }));
  const drawn = (method.noise?.(site, settings) ?? []).map((noise) => {
    const port: Port = { name: `noise/${noise.name}`, shape: noise.shape(shape, pooled) };
    return { name: noise.name, port, value: g.input(port.name, "float32", port.shape) };
  });
  const y = applyMethod(g, method, x, site.window, {
    parameters: Object.fromEntries(learned.map(({ name, value }) => [name, value])),
    noise: Object.fromEntries(drawn.map(({ name, value }) => [name, value])),
    training: true,
  });
  const wanted = [x, ...learned.map(({ value }) => value)];
  const names = ["gx", ...learned.map(({ name }) => `gradient/${name}`)];
  for (const [i, gradient] of gradients(g, y, wanted, gy).entries()) named(g, gradient, names[i]);
  return {
    bytes: bytesOf(g),
    inputs: [
      { name: "x", shape },
      { name: "gy", shape: pooled },
      ...learned.map(({ port }) => port),
      ...drawn.map(({ port }) => port),
    ],
    outputs: names.map((name, i) => ({
      name,
      shape: i === 0 ? shape : learned[i - 1].port.shape,
    })),
  };
}
