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
  flag,
  type Method,
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

/** Names the operator for its input. */
type NameOperator = (x: unknown) => Operator;

function prepare(
  naming: NameOperator,
  adapt: Adapt | undefined,
  x: Tensor,
  options: unknown,
  resultShape: (problem: Problem) => readonly number[],
  inputs: (problem: Problem) => [string, Tensor][],
): Call {
  const operator = naming(x);
  const { name, rank } = operator;
  const dtype = checkTensor(name, "x", x, rank + 2);
  const described = adapt ? adapt(operator, x.shape, options) : options;
  const problem = describe(operator, x.shape, dtype, described);
  const shape = [...resultShape(problem)];
  const { out: given, engine } = described as PoolOptions;
  const all: [string, Tensor][] = [["x", x], ...inputs(problem)];
  // Their addresses must be known before the result's memory is allocated.
  for (const [, tensor] of all) isResident(tensor.data);
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
    fail(name, "x", "a result that fits in memory", show([...shape]));
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
  const { betaGradient = false } = (options ?? {}) as SoftPoolBackwardOptions;
  const asked = flag(call.problem.name, "betaGradient", betaGradient);
  const gradBeta = asked ? new Float64Array(call.problem.beta.length) : undefined;
  return { ...call, gradBeta };
}

/** The four functions of an operator; the types are those of its exports. */
export interface Family<O, B, BA> {
  /** Input and options to output. */
  readonly forward: Pool<O>;
  /** The same without blocking. */
  readonly forwardAsync: PoolAsync<O>;
  /** Gradient of the output, input and options to gradient of the input. */
  readonly backward: B;
  /** The same without blocking. */
  readonly backwardAsync: BA;
}

/**
 * Makes the functions of an operator.
 * @param name name of the forward; the others add `Async`, `Backward` and `BackwardAsync`
 * @param method the pooling method
 * @param rank number of spatial axes, or 0 where the input tells
 * @param adapt turns the options into those of a window
 */
export function family<O, B = PoolBackward<O>, BA = PoolBackwardAsync<O>>(
  name: string,
  method: Method,
  rank: 0 | 1 | 2 | 3,
  adapt?: Adapt,
): Family<O, B, BA> {
  const naming = (suffix: string) => (x: unknown) => operatorOf(name + suffix, method, rank, x);
  const functions = {
    forward(x: Tensor, options: unknown) {
      const { problem, out, reference } = prepareForward(naming(""), adapt, x, options);
      (reference ? referenceForward : wasmForward)(problem, x.data, out.data);
      return out;
    },
    async forwardAsync(x: Tensor, options: unknown) {
      const { problem, out, reference } = prepareForward(naming("Async"), adapt, x, options);
      if (reference) referenceForward(problem, x.data, out.data);
      else await wasmForwardAsync(problem, x.data, out.data);
      return out;
    },
    backward(gradOutput: Tensor, x: Tensor, options: unknown) {
      const call = prepareBackward(naming("Backward"), adapt, gradOutput, x, options);
      const { problem, out, reference, gradBeta } = call;
      const run = reference ? referenceBackward : wasmBackward;
      run(problem, gradOutput.data, x.data, out.data, gradBeta);
      return gradients(out, gradBeta);
    },
    async backwardAsync(gradOutput: Tensor, x: Tensor, options: unknown) {
      const call = prepareBackward(naming("BackwardAsync"), adapt, gradOutput, x, options);
      const { problem, out, reference, gradBeta } = call;
      if (reference) referenceBackward(problem, gradOutput.data, x.data, out.data, gradBeta);
      else await wasmBackwardAsync(problem, gradOutput.data, x.data, out.data, gradBeta);
      return gradients(out, gradBeta);
    },
  };
  return functions as unknown as Family<O, B, BA>;
}

/** The operator of a call; global poolings have the rank of their input. */
function operatorOf(name: string, method: Method, rank: number, x: unknown): Operator {
  if (rank > 0) return { name, method, rank: rank as Operator["rank"] };
  checkTensor(name, "x", x);
  const axes = (x as Tensor).shape.length - 2;
  if (axes !== 1 && axes !== 2 && axes !== 3) {
    fail(name, "x.shape", "3 to 5 sizes", show([...(x as Tensor).shape]));
  }
  return { name, method, rank: axes };
}
