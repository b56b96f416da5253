/**
 * Pools the picture of the page: holds it in the memory of the operator, and in that of the graphics card
 * where that is asked for. Answers one call after the other.
 */
import { createPicture, type Light, toSrgb } from "@softpool/pictures";
import { empty, engineInfo, ready } from "softpool";
import type { DeviceTensor, WebGPUEngine } from "softpool/webgpu";
import { Handover, serve, turns } from "../rpc.ts";
import { type MethodName, type Planes, pool, refusal } from "./methods.ts";
import { hasAlpha, overWhite, toPixels, toPlanes } from "./pixels.ts";
import { outputs, type Window } from "./window.ts";

/** Which engine pools. */
export type Engine = "wasm" | "webgpu";

/** A picture as the page has it. */
export interface Pixels {
  /** Columns. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** RGBA, 8 bit. */
  readonly rgba: Uint8ClampedArray<ArrayBuffer>;
}

/** What is asked of {@link Handlers.pool}. */
export interface PoolRequest extends Window {
  /** The method. */
  readonly method: MethodName;
  /** Temperature of SoftPool. */
  readonly beta: number;
  /** What is pooled. */
  readonly light: Light;
  /** Where. */
  readonly engine: Engine;
  /** Whether the values are wanted too, for measures. */
  readonly values: boolean;
}

/** A pooled picture. */
export interface PoolReply extends Pixels {
  /** Three planes of sRGB values, over white where there was alpha; empty unless asked for. */
  readonly values: Float32Array<ArrayBuffer>;
  /** Milliseconds of the pooling. */
  readonly operator: number;
  /** Milliseconds of the rounding to pixels. */
  readonly conversion: number;
}

interface Held {
  readonly light: Light;
  readonly planes: Planes;
  device?: DeviceTensor;
  /** The values less 1/2. */
  centred?: Planes;
}

/**
 * SoftPool of values less 1/2 is that of the values, less 1/2. The operator adds up e^(beta x) in float32
 * while |beta x| is at most 60, and in float64, which takes ten times as long, beyond: between -1/2 and 1/2
 * that is twice as far.
 */
const CENTRED = { from: 60, to: 120 } as const;

function isCentred({ method, beta }: PoolRequest): boolean {
  const size = Math.abs(beta);
  return method === "soft" && size > CENTRED.from && size <= CENTRED.to;
}

function centredOf(input: Held): Planes {
  if (input.centred === undefined) {
    const { data, shape } = input.planes;
    input.centred = empty(shape) as Planes;
    const to = input.centred.data;
    for (let i = 0; i < to.length; i++) to[i] = data[i] - 0.5;
  }
  return input.centred;
}

let pixels: Pixels | undefined;
let alpha = false;
let held: Held | undefined;
let gpu: Promise<WebGPUEngine> | undefined;

function release(): void {
  held?.planes.dispose();
  held?.device?.dispose();
  held?.centred?.dispose();
  held = undefined;
}

function hold(light: Light): Held {
  if (pixels === undefined) throw new Error("there is no picture yet");
  if (held?.light === light) return held;
  release();
  const { width, height, rgba } = pixels;
  const planes = empty([1, alpha ? 4 : 3, height, width]) as Planes;
  toPlanes(rgba, light, planes.data);
  held = { light, planes };
  return held;
}

const operators = {
  soft: "softPool2d",
  average: "avgPool2d",
  maximum: "maxPool2d",
  sum: "sumPool2d",
  "power-average": "powerAvgPool2d",
} as const;

async function poolOnGPU(input: Held, request: PoolRequest): Promise<[Float32Array, number]> {
  const { method, kernel, stride, beta } = request;
  if (!(method in operators)) throw new Error(`${method} runs in WebAssembly only`);
  gpu ??= import("softpool/webgpu").then(({ createWebGPU }) => createWebGPU());
  let engine: WebGPUEngine;
  try {
    engine = await gpu;
  } catch (error) {
    gpu = undefined;
    throw error;
  }
  // A lost device is asked for again by the next call.
  void engine.lost.then(() => {
    gpu = undefined;
    if (held !== undefined) held.device = undefined;
  });
  input.device ??= engine.upload(input.planes);
  const options = {
    kernelSize: kernel,
    stride,
    ceilMode: true,
    ...(method === "soft" ? { beta } : {}),
  };
  const x = input.device;
  const start = performance.now();
  const y = await engine[operators[method as keyof typeof operators]](x, options);
  await engine.device.queue.onSubmittedWorkDone();
  const operator = performance.now() - start;
  const { data } = await engine.download(y);
  y.dispose();
  return [data as Float32Array, operator];
}

async function pooled(request: PoolRequest): Promise<Handover<PoolReply>> {
  const { method, kernel, stride, beta, light, engine } = request;
  const input = hold(light);
  const { width, height } = pixels as Pixels;
  const size = { width: outputs(width, request), height: outputs(height, request) };
  if (size.width === 0 || size.height === 0) {
    throw new Error(
      `the kernel of ${kernel} x ${kernel} is larger than the picture of ${width} x ${height} pixels`,
    );
  }
  const reason = refusal(method, { kernel, stride });
  if (reason !== undefined) throw new Error(reason);
  let operator: number;
  let planes: Float32Array;
  let owner: Planes | undefined;
  if (engine === "webgpu") [planes, operator] = await poolOnGPU(input, request);
  else {
    const centred = isCentred(request);
    const from = centred ? centredOf(input) : input.planes;
    const start = performance.now();
    owner = pool(method, from, { kernel, stride }, beta);
    planes = owner.data;
    if (centred) for (let i = 0; i < planes.length; i++) planes[i] += 0.5;
    operator = performance.now() - start;
  }
  try {
    const count = size.width * size.height;
    const rgba = new Uint8ClampedArray(4 * count);
    const start = performance.now();
    toPixels(planes, light, rgba);
    const conversion = performance.now() - start;
    const values = request.values ? srgbOf(planes, light, size) : new Float32Array();
    return new Handover({ ...size, rgba, values, operator, conversion }, [
      rgba.buffer,
      values.buffer as ArrayBuffer,
    ]);
  } finally {
    owner?.dispose();
  }
}

function srgbOf(
  planes: Float32Array,
  light: Light,
  { width, height }: { width: number; height: number },
): Float32Array<ArrayBuffer> {
  const flat = overWhite(planes, width * height);
  const { data } =
    light === "linear" ? toSrgb(createPicture(width, height, 3, flat)) : { data: flat };
  return data as Float32Array<ArrayBuffer>;
}

const inTurn = turns();

/** What this worker can be asked. */
const handlers = {
  /** Takes another picture. Returns its values, sRGB over white, for the measures. */
  load: inTurn((next: Pixels) => {
    release();
    pixels = undefined;
    const count = next.width * next.height;
    alpha = hasAlpha(next.rgba);
    pixels = next;
    const { planes } = hold("srgb");
    const values = overWhite(planes.data, count) as Float32Array<ArrayBuffer>;
    return new Handover({ values }, [values.buffer]);
  }),
  /** Pools the picture. */
  pool: inTurn(pooled),
  /** What the operator runs on. */
  info: inTurn(async () => {
    await ready();
    return engineInfo();
  }),
};

/** What the page can ask. */
export type Handlers = typeof handlers;

serve(handlers);
