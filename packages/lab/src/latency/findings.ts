/**
 * What of the paper's claims about cost holds on a machine. The claims: SoftPool is second only to average
 * pooling in latency; its cost, like average pooling's, does not depend on the kernel, while maximum pooling's
 * grows with it; its time is about 3.4 (forward) and 3.2 (backward) times that of average pooling on a CPU.
 */
import type { Direction } from "./place.ts";
import { publishedRatio, publishedTimes } from "./published.ts";
import type { Block } from "./rows.ts";

/** How much a time changes from kernel to kernel. */
export interface KernelRange {
  /** Smallest kernel. */
  readonly from: number;
  /** Largest kernel. */
  readonly to: number;
  /** Time at the largest over that at the smallest. */
  readonly change: number;
  /** The longest of all over the shortest of all. */
  readonly span: number;
}

/** Median milliseconds of a cell, `undefined` without. */
export function medianOf(
  block: Block,
  method: string,
  kernel: number,
  direction: Direction,
): number | undefined {
  return block.row(method, kernel, direction)?.figures?.time.value;
}

/** How a method's time depends on the kernel; `undefined` with fewer than two kernels. */
export function kernelRange(
  block: Block,
  method: string,
  direction: Direction,
): KernelRange | undefined {
  const points = block.kernels.flatMap((kernel) => {
    const time = medianOf(block, method, kernel, direction);
    return time === undefined ? [] : [{ kernel, time }];
  });
  if (points.length < 2) return undefined;
  const times = points.map(({ time }) => time);
  const [first, last] = [points[0], points[points.length - 1]];
  return {
    from: first.kernel,
    to: last.kernel,
    change: last.time / first.time,
    span: Math.max(...times) / Math.min(...times),
  };
}

/** The paper's methods by time, fastest first, by the ratio to average pooling in the same rounds. */
export function ranking(block: Block, kernel: number, direction: Direction): string[] {
  return publishedTimes
    .flatMap(({ method }) => {
      const ratio = block.row(method, kernel, direction)?.figures?.ratio.value;
      return ratio === undefined ? [] : [{ method, ratio: method === "average" ? 1 : ratio }];
    })
    .sort((a, b) => a.ratio - b.ratio)
    .map(({ method }) => method);
}

/** Where SoftPool stands. */
export interface Standing {
  /** Places that were looked at: a block with a kernel. */
  readonly places: number;
  /** Those in which no method of the paper but average pooling is faster. */
  readonly second: number;
  /** Methods that are faster, and in how many places. */
  readonly faster: ReadonlyMap<string, number>;
}

/** Where SoftPool stands over all blocks and kernels. */
export function standing(blocks: readonly Block[], direction: Direction): Standing {
  let [places, second] = [0, 0];
  const faster = new Map<string, number>();
  for (const block of blocks) {
    for (const kernel of block.kernels) {
      const order = ranking(block, kernel, direction);
      const at = order.indexOf("soft");
      if (at < 0 || order.length < 3) continue;
      places++;
      const before = order.slice(0, at).filter((method) => method !== "average");
      if (before.length === 0) second++;
      for (const method of before) faster.set(method, (faster.get(method) ?? 0) + 1);
    }
  }
  return { places, second, faster };
}

const number = (value: number, digits = 2): string => value.toFixed(digits);

/** The range of numbers in words. */
function between(values: readonly number[], digits = 2): string {
  const [low, high] = [Math.min(...values), Math.max(...values)].map((v) => number(v, digits));
  return low === high ? low : `${low} to ${high}`;
}

/** Whether SoftPool is second only to average pooling. */
function rankSentence(blocks: readonly Block[], direction: Direction): string | undefined {
  const { places, second, faster } = standing(blocks, direction);
  if (places === 0) return undefined;
  const names = [...faster]
    .sort((a, b) => b[1] - a[1])
    .map(([method, times]) => `${method} in ${times}`);
  const rest = names.length === 0 ? "" : `; faster were ${names.join(", ")}`;
  return `${direction}, no method of the paper but average pooling is faster than SoftPool in ${second} of ${places} places${rest}`;
}

/** How times depend on the kernel. */
function kernelSentence(blocks: readonly Block[], direction: Direction): string | undefined {
  const parts = ["soft", "average", "maximum"].flatMap((method) => {
    const ranges = blocks.flatMap((block) => kernelRange(block, method, direction) ?? []);
    return ranges.length === 0
      ? []
      : [{ method, changes: ranges.map(({ change }) => change), range: ranges[0] }];
  });
  if (parts.length === 0) return undefined;
  const [{ range }] = parts;
  const words = parts.map(({ method, changes }) => `${between(changes)} for ${method}`);
  return `${direction}, time at kernel ${range.to} over that at kernel ${range.from}: ${words.join(", ")}`;
}

/** SoftPool's ratio to average pooling beside the paper's. */
function ratioSentence(blocks: readonly Block[], direction: Direction): string | undefined {
  const ratios = blocks.flatMap((block) =>
    block.kernels.flatMap((kernel) => {
      const ratio = block.row("soft", kernel, direction)?.figures?.ratio.value;
      return ratio === undefined ? [] : [ratio];
    }),
  );
  if (ratios.length === 0) return undefined;
  const [cpu, cuda] = (["cpu", "cuda"] as const).map((column) =>
    number(publishedRatio("soft", direction, column) ?? Number.NaN, 1),
  );
  return `${direction}, SoftPool takes ${between(ratios, 1)} times as long as average pooling; the paper has ${cpu} on a CPU, ${cuda} with CUDA`;
}

/** Blocks of one engine. */
export interface EngineBlocks {
  /** What computed, in words. */
  readonly title: string;
  /** Its blocks. */
  readonly blocks: readonly Block[];
}

/** What holds, a sentence each, for blocks of one engine and number of threads. */
export function findings({ title, blocks }: EngineBlocks): string[] {
  const sentences = (["forward", "backward"] as const).flatMap((direction) => [
    ratioSentence(blocks, direction),
    rankSentence(blocks, direction),
    kernelSentence(blocks, direction),
  ]);
  return sentences.flatMap((sentence) =>
    sentence === undefined ? [] : [`${title}: ${sentence}.`],
  );
}

/** What the paper's own table says of its claim. */
export function publishedFinding(): string {
  const order = (column: "cpu" | "cuda", at: 0 | 1) =>
    [...publishedTimes]
      .sort((a, b) => a[column][at] - b[column][at])
      .map(({ method }) => method)
      .indexOf("soft") + 1;
  const places = [order("cpu", 0), order("cpu", 1), order("cuda", 0), order("cuda", 1)];
  return (
    `In the paper's own Table 3 SoftPool is number ${places[0]} forward and ${places[1]} backward on the CPU ` +
    `and number ${places[2]} and ${places[3]} with CUDA, where 2 would be second only to average pooling.`
  );
}
