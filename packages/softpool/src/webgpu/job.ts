/**
 * A plan on a device: its pipelines, parameters and tables, ready to be encoded again and again. Steps
 * with more items than a dispatch may have are dispatched in parts.
 */
import { type Device, Usage } from "./device.ts";
import { PARAM_BYTES, writeParams } from "./params.ts";
import type { Plan, Step } from "./plan.ts";
import { BINDINGS, type BindingName } from "./wgsl/elements.ts";

/** Threads of a workgroup. */
const GROUP = 64;

/** The buffers of a call: what is not needed is absent. */
export type Buffers = Readonly<Partial<Record<"x" | "y" | "g", GPUBuffer>>>;

/** One dispatch: its step, its block of parameters, and its groups. */
interface Dispatch {
  step: Step;
  pipeline: GPUComputePipeline;
  block: number;
  groups: [number, number];
}

/**
 * Parts of a step that a dispatch may have: first item and groups in two dimensions.
 * @param items all items
 * @param most most groups along one dimension
 * @param size items of a group
 */
export function dispatches(
  items: number,
  most: number,
  size: number = GROUP,
): { first: number; groups: [number, number] }[] {
  const parts: { first: number; groups: [number, number] }[] = [];
  for (let first = 0; first < items; ) {
    const groups = Math.ceil((items - first) / size);
    const rows = Math.min(most, Math.ceil(groups / most));
    const row = Math.min(most, Math.ceil(groups / rows));
    parts.push({ first, groups: [row, rows] });
    first += row * rows * size;
  }
  return parts;
}

/** A plan, compiled. */
export class Job {
  readonly #device: Device;
  readonly #dispatches: Dispatch[];
  readonly #params: GPUBuffer;
  readonly #own: Partial<Record<BindingName | "betas", GPUBuffer>>;
  #bound: { buffers: Buffers; groups: GPUBindGroup[] } | undefined;

  private constructor(
    device: Device,
    list: Dispatch[],
    params: GPUBuffer,
    own: Partial<Record<BindingName | "betas", GPUBuffer>>,
  ) {
    this.#device = device;
    this.#dispatches = list;
    this.#params = params;
    this.#own = own;
  }

  /** Compiles the shaders of a plan. */
  static compile(device: Device, name: string, plan: Plan): Promise<GPUComputePipeline[]> {
    return Promise.all(plan.steps.map(({ code }) => device.pipeline(name, code)));
  }

  /** Allocates what a plan needs besides its tensors; to be called in a scope of the device. */
  static create(
    device: Device,
    name: string,
    plan: Plan,
    pipelines: readonly GPUComputePipeline[],
  ): Job {
    const list: Dispatch[] = [];
    const blocks: { step: Step; first: number }[] = [];
    plan.steps.forEach((step, i) => {
      for (const { first, groups } of dispatches(
        step.items,
        device.workgroups,
        step.shared ? 1 : GROUP,
      )) {
        list.push({ step, pipeline: pipelines[i], block: blocks.length, groups });
        blocks.push({ step, first });
      }
    });
    const bytes = new ArrayBuffer(Math.max(1, blocks.length) * PARAM_BYTES);
    blocks.forEach(({ step, first }, i) => {
      writeParams(bytes, i * PARAM_BYTES, { ...step.params, first, items: step.items });
    });
    const usage = Usage.uniform | Usage.copyTo;
    const params = device.gpu.createBuffer({ size: bytes.byteLength, usage });
    device.gpu.queue.writeBuffer(params, 0, bytes);
    const own: Partial<Record<BindingName | "betas", GPUBuffer>> = {};
    if (plan.steps.some(({ betas }) => betas)) {
      const size = plan.betas.byteLength;
      own.betas = device.buffer(name, size, Usage.storage | Usage.copyTo);
      device.gpu.queue.writeBuffer(own.betas, 0, plan.betas);
    }
    for (const table of ["s0", "s1", "s2"] as const) {
      if (!plan.steps.some(({ slices }) => slices[table])) continue;
      own[table] = device.buffer(name, plan.keptBytes, Usage.storage | Usage.copyFrom);
    }
    return new Job(device, list, params, own);
  }

  /** The tables that variances are written to: mantissas and exponents; absent without outputs. */
  get variances(): [GPUBuffer, GPUBuffer] | undefined {
    const { s0, s1 } = this.#own;
    return s0 && s1 ? [s0, s1] : undefined;
  }

  #bind(buffers: Buffers): GPUBindGroup[] {
    const old = this.#bound;
    if (old && old.buffers.x === buffers.x && old.buffers.y === buffers.y) {
      if (old.buffers.g === buffers.g) return old.groups;
    }
    const groups = this.#dispatches.map(({ step, pipeline, block }) => {
      const params = { buffer: this.#params, offset: block * PARAM_BYTES, size: PARAM_BYTES };
      const entries: GPUBindGroupEntry[] = [{ binding: 0, resource: params }];
      if (step.betas) {
        entries.push({ binding: 1, resource: { buffer: this.#own.betas as GPUBuffer } });
      }
      for (const [role, slice] of Object.entries(step.slices)) {
        const buffer = this.#own[role as BindingName] ?? buffers[role as keyof Buffers];
        entries.push({
          binding: BINDINGS[role as BindingName],
          resource: { buffer: buffer as GPUBuffer, ...slice },
        });
      }
      return this.#device.gpu.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
    });
    this.#bound = { buffers, groups };
    return groups;
  }

  /** Adds the dispatches to an encoder. */
  encode(encoder: GPUCommandEncoder, buffers: Buffers): void {
    if (this.#dispatches.length === 0) return;
    const groups = this.#bind(buffers);
    const pass = encoder.beginComputePass();
    this.#dispatches.forEach(({ pipeline, groups: size }, i) => {
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, groups[i]);
      pass.dispatchWorkgroups(...size);
    });
    pass.end();
  }

  /** Encodes and submits. */
  submit(buffers: Buffers): void {
    const encoder = this.#device.gpu.createCommandEncoder();
    this.encode(encoder, buffers);
    this.#device.gpu.queue.submit([encoder.finish()]);
  }

  /** Gives back what was allocated; what was submitted before still completes. */
  dispose(): void {
    this.#params.destroy();
    for (const buffer of Object.values(this.#own)) buffer.destroy();
    this.#bound = undefined;
  }
}
