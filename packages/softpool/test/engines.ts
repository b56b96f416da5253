/**
 * The engines as the suite knows them: one way of calling for all, asynchronous since one of them is.
 * Which types an engine has, how exact it is, and how much of the large products it takes stands here.
 */
import { afterAll } from "vitest";
import * as api from "../src/index.ts";
import { createWebGPU, type WebGPUEngine } from "../src/webgpu/index.ts";
import { type DType, type Tolerances, tolerances } from "./oracle.ts";
import { callPage, closePage, skipPage } from "./page.ts";
import { skipWebGPU, softwareDevice } from "./webgpu.ts";

/** A result of any function: a tensor, or both gradients. */
export interface Result {
  data: Float64Array;
  shape: number[];
  input: { data: Float64Array };
  beta: Float64Array;
}

/** An engine. */
export interface Engine {
  /** Its name, as in the option `engine`. */
  readonly name: string;
  /** Its element types. */
  readonly dtypes: readonly DType[];
  /** Of the largest products it takes every `every`-th combination. */
  readonly every: number;
  /** Largest allowed differences from the float64 result. */
  readonly tolerances: Tolerances;
  /** Calls a function by name; options are the last argument. */
  call(name: string, ...values: unknown[]): Promise<Result>;
}

type Call = (...values: unknown[]) => Result;

/** An engine of the main entry. */
function synchronous(engine: string): Engine {
  return {
    name: engine,
    dtypes: ["float32", "float64", "float16"],
    every: 1,
    tolerances: tolerances[engine as keyof typeof tolerances],
    async call(name, ...values) {
      const options = values.pop() as object;
      return (api as unknown as Record<string, Call>)[name](...values, { ...options, engine });
    },
  };
}

let made: Promise<WebGPUEngine> | undefined;

/** The WebGPU engine on the software adapter. */
export function webgpuEngine(): Promise<WebGPUEngine> {
  made ??= softwareDevice().then((device) => createWebGPU(device));
  return made;
}

const webgpu: Engine = {
  name: "webgpu",
  dtypes: ["float32", "float16"],
  every: 13,
  tolerances: tolerances.webgpu,
  async call(name, ...values) {
    const engine = (await webgpuEngine()) as unknown as Record<string, Call>;
    return engine[name](...values);
  },
};

/** The same engine in a real browser, on the built package. */
const chromium: Engine = {
  ...webgpu,
  name: "webgpu in Chromium",
  every: 97,
  call: (name, ...values) => callPage(name, values) as Promise<Result>,
};

afterAll(closePage);

/** The engines in browsers that can run here; slower to reach, so that few files ask for them. */
export const browsers: readonly Engine[] = skipPage ? [] : [chromium];

/** All engines that can run here. */
export const engines: readonly Engine[] = [
  synchronous("wasm"),
  synchronous("reference"),
  ...(skipWebGPU ? [] : [webgpu]),
];
