/**
 * From a call to an engine: checks the arguments, allocates the result where the input lives, and
 * hands the described problem to the engine. One function per public signature; the operators in
 * `ops/` only give it their name.
 */
import {
  checkDisjoint,
  checkLike,
  checkTensor,
  describe,
  fail,
  type Operator,
  type PoolOptions,
  type Problem,
  type SoftPoolBackwardOptions,
  type SoftPoolGradients,
  show,
} from "./options.ts";
import { referenceBackward, referenceForward } from "./reference.ts";
import { arrayLike, elements, type FloatArray, type Tensor } from "./types.ts";
import { wasmBackward, wasmBackwardAsync, wasmForward, wasmForwardAsync } from "./wasm/engine.ts";
import { isResident } from "./wasm/memory.ts";
import { allocateTensor, type WasmTensor } from "./wasm/tensor.ts";

/** The tensor a pooling returns: in WebAssembly memory where its input is, else a plain one. */
export type Result<T extends Tensor> =
  T extends WasmTensor<infer A> ? WasmTensor<A> : Tensor<T["data"]>;

/** A pooling: input and options to output. */
export type Pool<O> = <T extends Tensor>(x: T, options: O) => Result<T>;

/** A pooling that does not block: input and options to a promise of the output. */
export type PoolAsync<O> = <T extends Tensor>(x: T, options: O) => Promise<Result<T>>;

/** The gradient of a pooling: gradient of the output, input and options to gradient of the input. */
export type PoolBackward<O> = <T extends Tensor>(gradOutput: Tensor, x: T, options: O) => Result<T>;

/** The gradient of a pooling, not blocking. */
export type PoolBackwardAsync<O> = <T extends Tensor>(
  gradOutput: Tensor,
  x: T,
  options: O,
) => Promise<Result<T>>;

/** Options that ask for the gradient of beta too. */
export type WithBetaGradient<O> = O & { betaGradient: true };

/** The gradient of SoftPool: of the input, or with `betaGradient: true` of the input and of beta. */
export interface SoftPoolBackward<O> {
  /** Both gradients. */
  <T extends Tensor>(
    gradOutput: Tensor,
    x: T,
    options: WithBetaGradient<O>,
  ): SoftPoolGradients<Result<T>>;
  /** Gradient of the input. */
  <T extends Tensor>(gradOutput: Tensor, x: T, options: O): Result<T>;
}

/** The gradient of SoftPool, not blocking. */
export interface SoftPoolBackwardAsync<O> {
  /** Both gradients. */
  <T extends Tensor>(
    gradOutput: Tensor,
    x: T,
    options: WithBetaGradient<O>,
  ): Promise<SoftPoolGradients<Result<T>>>;
  /** Gradient of the input. */
  <T extends Tensor>(gradOutput: Tensor, x: T, options: O): Promise<Result<T>>;
}

/** A call with its arguments checked and its result allocated. */
interface Call {
  problem: Problem;
  out: Tensor;
  reference: boolean;
}

/** Turns the options of one operator into those of {@link describe}; `shape` is that of x. */
export type Adapt = (operator: Operator, shape: readonly number[], options: unknown) => unknown;

/** Names an operator for an input: all but the global ones have a fixed rank. */
export type NameOperator = Operator | ((x: unknown) => Operator);

function prepare(
  naming: NameOperator,
  adapt: Adapt | undefined,
  x: Tensor,
  options: unknown,
  resultShape: (problem: Problem) => readonly number[],
  inputs: (problem: Problem) => [string, Tensor][],
): Call {
  const operator = typeof naming === "function" ? naming(x) : naming;
  const { name, rank } = operator;
  const dtype = checkTensor(name, "x", x, rank + 2);
  const described = adapt ? adapt(operator, x.shape, options) : options;
  const problem = describe(operator, x.shape, dtype, described);
  const shape = [...resultShape(problem)];
  const { out: given, engine } = described as PoolOptions;
  const all: [string, Tensor][] = [["x", x], ...inputs(problem)];
  let out: Tensor;
  if (given === undefined) {
    out = isResident(x.data)
      ? allocateTensor(name, shape, dtype)
      : { data: allocateHeap(name, x.data, shape), shape };
  } else {
    checkLike(name, "out", given, shape, dtype);
    for (const [parameter, tensor] of all) checkDisjoint(name, given, parameter, tensor);
    out = given;
  }
  return { problem, out, reference: engine === "reference" };
}

function allocateHeap(name: string, like: FloatArray, shape: readonly number[]): FloatArray {
  try {
    return arrayLike(like, elements(shape));
  } catch {
    fail(name, "x", "a result that memory can hold", `one of shape ${show([...shape])}`);
  }
}

/** What a backward returns. */
function gradients(
  out: Tensor,
  beta: Float64Array | undefined,
): Tensor | SoftPoolGradients<Tensor> {
  return beta === undefined ? out : { input: out, beta };
}

/** Checks a forward call. */
function prepareForward(naming: NameOperator, adapt: Adapt | undefined, x: Tensor, o: unknown) {
  return prepare(
    naming,
    adapt,
    x,
    o,
    (problem) => problem.outShape,
    () => [],
  );
}

/** Checks a backward call. */
function prepareBackward(
  naming: NameOperator,
  adapt: Adapt | undefined,
  gradOutput: Tensor,
  x: Tensor,
  options: unknown,
): Call & { gradBeta: Float64Array | undefined } {
  const call = prepare(
    naming,
    adapt,
    x,
    options,
    () => x.shape,
    (problem) => {
      checkLike(problem.name, "gradOutput", gradOutput, problem.outShape, problem.dtype);
      return [["gradOutput", gradOutput]];
    },
  );
  const asked = (options as SoftPoolBackwardOptions | undefined)?.betaGradient;
  if (asked !== undefined && typeof asked !== "boolean") {
    fail(call.problem.name, "betaGradient", "true or false", show(asked));
  }
  const gradBeta = asked ? new Float64Array(call.problem.beta.length) : undefined;
  return { ...call, gradBeta };
}

/** Makes the synchronous forward of an operator. */
export function forwardOf<O>(naming: NameOperator, adapt?: Adapt): Pool<O> {
  const pool = (x: Tensor, options: unknown): Tensor => {
    const { problem, out, reference } = prepareForward(naming, adapt, x, options);
    if (reference) referenceForward(problem, x.data, out.data);
    else wasmForward(problem, x.data, out.data);
    return out;
  };
  return pool as unknown as Pool<O>;
}

/** Makes the asynchronous forward of an operator. */
export function forwardAsyncOf<O>(naming: NameOperator, adapt?: Adapt): PoolAsync<O> {
  const pool = async (x: Tensor, options: unknown): Promise<Tensor> => {
    const { problem, out, reference } = prepareForward(naming, adapt, x, options);
    if (reference) referenceForward(problem, x.data, out.data);
    else await wasmForwardAsync(problem, x, out);
    return out;
  };
  return pool as unknown as PoolAsync<O>;
}

function backward(naming: NameOperator, adapt?: Adapt) {
  return (gradOutput: Tensor, x: Tensor, options: unknown) => {
    const call = prepareBackward(naming, adapt, gradOutput, x, options);
    const { problem, out, reference, gradBeta } = call;
    const run = reference ? referenceBackward : wasmBackward;
    run(problem, gradOutput.data, x.data, out.data, gradBeta);
    return gradients(out, gradBeta);
  };
}

function backwardAsync(naming: NameOperator, adapt?: Adapt) {
  return async (gradOutput: Tensor, x: Tensor, options: unknown) => {
    const call = prepareBackward(naming, adapt, gradOutput, x, options);
    const { problem, out, reference, gradBeta } = call;
    if (reference) referenceBackward(problem, gradOutput.data, x.data, out.data, gradBeta);
    else await wasmBackwardAsync(problem, gradOutput, x, out, gradBeta);
    return gradients(out, gradBeta);
  };
}

/** Makes the synchronous backward of an operator without parameters. */
export function backwardOf<O>(naming: NameOperator, adapt?: Adapt): PoolBackward<O> {
  return backward(naming, adapt) as unknown as PoolBackward<O>;
}

/** Makes the asynchronous backward of an operator without parameters. */
export function backwardAsyncOf<O>(naming: NameOperator, adapt?: Adapt): PoolBackwardAsync<O> {
  return backwardAsync(naming, adapt) as unknown as PoolBackwardAsync<O>;
}

/** Makes the synchronous backward of SoftPool. */
export function softBackwardOf<O>(naming: NameOperator, adapt?: Adapt): SoftPoolBackward<O> {
  return backward(naming, adapt) as unknown as SoftPoolBackward<O>;
}

/** Makes the asynchronous backward of SoftPool. */
export function softBackwardAsyncOf<O>(
  naming: NameOperator,
  adapt?: Adapt,
): SoftPoolBackwardAsync<O> {
  return backwardAsync(naming, adapt) as unknown as SoftPoolBackwardAsync<O>;
}
