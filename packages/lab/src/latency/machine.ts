/** The machine as results name it: processor, cores, memory, system and the versions of what takes part. */
import { availableParallelism, cpus, totalmem } from "node:os";
import type { Config } from "../study/cell.ts";
import { onnxRuntimeVersion } from "../study/origin.ts";
import { version } from "../version.ts";

/** A machine: numbers of different ones are never put into one figure. */
export interface Machine {
  /** Model of the processor. */
  readonly processor: string;
  /** Processors that a program may use. */
  readonly processors: number;
  /** Memory that a program may use, in GiB, rounded. */
  readonly memory: number;
  /** Operating system and architecture. */
  readonly system: string;
  /** Version of Node. */
  readonly node: string;
  /** Version of ONNX Runtime; empty without. */
  readonly onnxruntime: string;
  /** Version of this software. */
  readonly softpool: string;
}

/** Bytes of memory that this process may use at most: the machine's, or what it is allowed of it. */
export function memoryBytes(): number {
  const allowed = process.constrainedMemory?.() ?? 0;
  const all = totalmem();
  return allowed > 0 && allowed < all ? allowed : all;
}

/** This machine. */
export function thisMachine(): Machine {
  return {
    processor: cpus()[0]?.model.trim() || "unknown processor",
    processors: availableParallelism(),
    memory: Math.round(memoryBytes() / 2 ** 30),
    system: `${process.platform} ${process.arch}`,
    node: process.versions.node,
    onnxruntime: onnxRuntimeVersion() ?? "",
    softpool: version(),
  };
}

/** The machine in a configuration, or `undefined` where there is none. */
export function machineOf(config: Config): Machine | undefined {
  const machine = config.machine as unknown as Partial<Machine> | undefined;
  const { processor, processors, memory, system } = machine ?? {};
  const whole =
    typeof processor === "string" &&
    typeof system === "string" &&
    typeof processors === "number" &&
    typeof memory === "number";
  return whole ? (machine as Machine) : undefined;
}

/** A machine in words: its hardware. */
export function machineTitle({ processor, processors, memory, system }: Machine): string {
  return `${processor}, ${processors} processors, ${memory} GiB, ${system}`;
}

/** The versions that took part. */
export function machineVersions({ softpool, node, onnxruntime }: Machine): string {
  const runtime = onnxruntime === "" ? [] : [`onnxruntime-node ${onnxruntime}`];
  return [`softpool ${softpool}`, `node ${node}`, ...runtime].join(", ");
}
