/**
 * The operator's WebGPU engine as it is timed, in Node through the optional package `webgpu`: tensors stay on
 * the device, a call is one prepared pooling from its submission until the device is done.
 */
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { createWebGPU, type DeviceTensor, type WebGPUEngine } from "softpool/webgpu";
import { Failure, plain } from "../errors.ts";
import { fillUniform } from "./numbers.ts";
import { outputShape, type Subject } from "./place.ts";
import type { Opener } from "./timed.ts";

/** The functions by method. */
const functions: Readonly<Record<string, string>> = {
  soft: "softPool",
  average: "avgPool",
  maximum: "maxPool",
  sum: "sumPool",
  "power-average": "powerAvgPool",
};

/** Dawn's instance: it must outlive its devices. */
const instances: GPU[] = [];

/** Symbols of a library that was loaded are there for those that look for them (glibc's RTLD_NOLOAD is 4). */
const KEEP = 0x1000;

/** The Vulkan loader that lies beside a driver that was named, where the system may have none. */
function loadVulkan(): void {
  const driver = (process.env.VK_DRIVER_FILES ?? process.env.VK_ICD_FILENAMES)?.split(":")[0];
  if (process.platform !== "linux" || driver === undefined || driver === "") return;
  try {
    const loader = join(dirname(driver), "libvulkan.so.1");
    process.dlopen({ exports: {} }, loader, KEEP | constants.dlopen.RTLD_NOW);
  } catch {
    // It is no module of Node's, but it is loaded; or there is none, and the system's is taken.
  }
}

/**
 * Opens the engine.
 * @throws Failure with a clear word where there is no package or no adapter
 */
export async function openWebGPU(): Promise<WebGPUEngine> {
  let create: (flags: string[]) => unknown;
  try {
    ({ create } = await import("webgpu"));
  } catch (error) {
    const reason = plain(String((error as Error)?.message ?? error));
    throw new Failure(
      `the optional package webgpu cannot be loaded, npm install webgpu adds it: ${reason}`,
    );
  }
  loadVulkan();
  const gpu = create([]) as GPU;
  instances.push(gpu);
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  if (adapter === null) {
    throw new Failure("no WebGPU adapter: a driver for Vulkan, Metal or D3D12 is needed");
  }
  const { maxStorageBufferBindingSize, maxBufferSize } = adapter.limits;
  const requiredLimits = { maxStorageBufferBindingSize, maxBufferSize };
  return createWebGPU(await adapter.requestDevice({ requiredLimits }));
}

/** What a reader should know of the adapter. */
export function adapterWords(engine: WebGPUEngine): string {
  const { adapter, software } = engine.info();
  if (!software) return adapter;
  return `a software adapter (${adapter}): the processor computes, no graphics hardware takes part`;
}

/** Opens the engine with tensors for a shape, a kernel and a direction. */
export async function openGpu({ shape, kernel, direction }: Subject): Promise<Opener> {
  const engine = await openWebGPU();
  const pooled = outputShape({ shape, kernel });
  const uniform = (size: readonly number[], seed: number): DeviceTensor => {
    const data = new Float32Array(size.reduce((product, n) => product * n, 1));
    fillUniform(data, seed);
    return engine.upload({ data, shape: [...size] });
  };
  const x = uniform(shape, 1);
  const inputs = direction === "forward" ? [x] : [uniform(pooled, 2), x];
  const suffix = `${shape.length - 2}d${direction === "forward" ? "" : "Backward"}`;
  const { device } = engine;
  return async ({ method }) => {
    const name = `${functions[method]}${suffix}` as Parameters<WebGPUEngine["prepare"]>[0];
    const handle = await engine.prepare(name, x, { kernelSize: kernel });
    let output: DeviceTensor | undefined;
    const call = async () => {
      const encoder = device.createCommandEncoder();
      output = handle.encode(encoder, ...inputs);
      device.queue.submit([encoder.finish()]);
      await device.queue.onSubmittedWorkDone();
    };
    return {
      call,
      result: async () => {
        if (output === undefined) await call();
        const { data } = await engine.download(output as DeviceTensor);
        return data as Float32Array;
      },
      held: null,
      notes: [adapterWords(engine)],
    };
  };
}
