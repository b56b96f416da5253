/**
 * WebGPU in Node for the tests: Dawn on the software adapter of Debian's `chromium`, so that it tells
 * what is right and never what is fast. Where there is none these tests are skipped; with CI_FULL=1
 * that is a failure.
 */
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join } from "node:path";

const driver = process.env.VK_ICD_FILENAMES ?? "/usr/lib/chromium/vk_swiftshader_icd.json";
const full = process.env.CI_FULL === "1";

/** Whether there is an adapter here. */
export const hasWebGPU: boolean = existsSync(driver);

/** For `skipIf`: there is no adapter, and that is no failure. */
export const skipWebGPU: boolean = !hasWebGPU && !full;

if (skipWebGPU) console.warn(`SKIPPED: no ${driver}, the WebGPU engine is not tested here`);

/** Keeps a library loaded, though it is no module of Node: RTLD_NODELETE of Linux. */
const KEEP = 0x1000;

/** Instances must outlive their devices. */
const instances: GPU[] = [];

/**
 * WebGPU as browsers have it; `backend` is `null` for Dawn's that knows every feature and computes
 * nothing.
 */
export async function nodeGPU(backend?: "null"): Promise<GPU> {
  if (!hasWebGPU)
    throw new Error(`CI_FULL=1: expected a WebGPU adapter, but there is no ${driver}`);
  process.env.VK_ICD_FILENAMES = driver;
  try {
    // The Vulkan loader lies beside the driver, where the system does not look for it.
    const loader = join(dirname(driver), "libvulkan.so.1");
    process.dlopen({ exports: {} }, loader, KEEP | constants.dlopen.RTLD_NOW);
  } catch {
    // As expected: it is loaded, but no module.
  }
  const { create } = await import("webgpu");
  const gpu = create(backend ? [`backend=${backend}`] : []) as GPU;
  instances.push(gpu);
  return gpu;
}

async function adapter(backend?: "null"): Promise<GPUAdapter> {
  const found = await (await nodeGPU(backend)).requestAdapter();
  if (found === null) throw new Error(`no WebGPU adapter with ${driver}`);
  return found;
}

/** A new device of the software adapter. */
export async function softwareDevice(): Promise<GPUDevice> {
  const found = await adapter();
  const { maxStorageBufferBindingSize, maxBufferSize } = found.limits;
  return found.requestDevice({ requiredLimits: { maxStorageBufferBindingSize, maxBufferSize } });
}

/** A device that compiles shaders with `shader-f16`, but computes nothing. */
export async function compilingDevice(): Promise<GPUDevice> {
  return (await adapter("null")).requestDevice({ requiredFeatures: ["shader-f16"] });
}
