/**
 * The kernels in the WebAssembly memory of another program on this thread, so that its tensors are pooled where
 * they lie. The kernels want some constants at fixed addresses, where that program may have bytes of its own: for
 * the time of a call they change places.
 */
import type { Problem } from "../options.ts";
import { bytesPerElement, elements } from "../types.ts";
import { blocksOf, jobBytes, type Piece, planFor, writeJob } from "./job.ts";
import { createInstance, SLACK } from "./memory.ts";

/** The constants lie below this address. */
const CONSTANTS = 2048;
/** Where the job and the scratch memory begin. */
const ALIGN = 64;

/** The other program. */
export interface Host {
  /** Its memory, with a maximum and not shared. */
  readonly memory: WebAssembly.Memory;
  /** Allocates bytes and returns their address, 0 where there are none left. */
  allocate(bytes: number): number;
  /** Frees what was allocated. */
  release(address: number): void;
}

/** Addresses of the tensors of a pooling in the memory of a {@link Host}. */
export interface HostTensors {
  /** The input. */
  readonly x: number;
  /** The output, or its gradient where that of the input is computed. */
  readonly y: number;
  /** The gradient of the input, where it is computed. */
  readonly gx?: number;
}

/**
 * Computes a pooling, or with `gx` its gradient, between tensors in the memory of a {@link Host}; false, and nothing
 * done, where there is no memory left for the work.
 */
export type HostPooling = (problem: Problem, tensors: HostTensors) => boolean;

/**
 * Puts the kernels into the memory of a host.
 * @returns undefined where its memory is shared or does not fit otherwise
 */
export function poolingOn(host: Host): HostPooling | undefined {
  const { memory } = host;
  const low = () => new Uint8Array(memory.buffer, 0, CONSTANTS);
  if (!(memory.buffer instanceof ArrayBuffer)) return undefined;
  const theirs = low().slice();
  let work: (job: number, thread: number) => void;
  let ours: Uint8Array;
  try {
    // Of the constants, zeros are not written.
    low().fill(0);
    work = createInstance(memory).work;
    ours = low().slice();
  } catch {
    return undefined;
  } finally {
    low().set(theirs);
  }

  return (problem, { x, y, gx }) => {
    const plan = planFor(problem, gx === undefined ? "forward" : "backward");
    const { axes, outer, planes } = plan;
    if (planes * plan.inner === 0) return true;
    const length = gx === undefined ? axes[outer].out : axes[outer].size;
    const piece: Piece = { plane: 0, planes, axes, own: [0, length], firstOut: 0 };
    const blocks = blocksOf(plan, piece);
    const job = Math.ceil(jobBytes(plan, piece) / ALIGN) * ALIGN;
    const room = host.allocate(ALIGN + job + blocks.scratchBytes) >>> 0;
    if (room === 0) return false;
    try {
      const bytes = bytesPerElement(problem.dtype);
      const inner = planes * plan.inner * bytes;
      const size = inner * elements(axes.map((axis) => axis.size));
      const result = inner * elements(axes.map((axis) => axis.out));
      // Vectors are loaded whole, also at the end of a tensor.
      const end = SLACK + Math.max(x + size, y + result, (gx ?? 0) + size);
      if (end > memory.buffer.byteLength) return false;
      const address = Math.ceil(room / ALIGN) * ALIGN;
      const to = { x, y, gx: gx ?? 0 };
      writeJob(memory.buffer, address, plan, piece, blocks, to, address + job);
      const kept = low().slice();
      low().set(ours);
      try {
        work(address, 0);
      } finally {
        low().set(kept);
      }
    } finally {
      host.release(room);
    }
    return true;
  };
}
