/**
 * What of the paper's claims about cost holds on a machine. The claims: SoftPool is second only to average
 * pooling in latency; its cost, like average pooling's, does not depend on the kernel, while maximum pooling's
 * grows with it; its time is about 3.4 (forward) and 3.2 (backward) times that of average pooling on a CPU.
 */
import { type Direction, directions, engineTitle } from "./place.ts";
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
  /** The same without the smallest kernel, for which engines may have code of its own; NaN with two kernels. */
  readonly rest: number;
}

/** Median milliseconds of a cell by what its block is judged by, `undefined` without. */
export function medianOf(
  block: Block,
  method: string,
  kernel: number,
  direction: Direction,
): number | undefined {
  return block.judged(method, kernel, direction)?.time.value;
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
  const spanOf = (some: readonly number[]) => Math.max(...some) / Math.min(...some);
  return {
    from: first.kernel,
    to: last.kernel,
    change: last.time / first.time,
    span: spanOf(times),
    rest: times.length > 2 ? spanOf(times.slice(1)) : Number.NaN,
  };
}

/** The paper's methods by time, fastest first, by the ratio to average pooling in the same rounds. */
export function ranking(block: Block, kernel: number, direction: Direction): string[] {
  return publishedTimes
    .flatMap(({ method }) => {
      const ratio = block.judged(method, kernel, direction)?.ratio.value;
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

/** SoftPool's ratio to average pooling beside the paper's. */
function ratioSentence(blocks: readonly Block[], direction: Direction): string | undefined {
  const ratios = blocks.flatMap((block) =>
    block.kernels.flatMap((kernel) => {
      const ratio = block.judged("soft", kernel, direction)?.ratio.value;
      return ratio === undefined ? [] : [ratio];
    }),
  );
  if (ratios.length === 0) return undefined;
  const [cpu, cuda] = (["cpu", "cuda"] as const).map((column) =>
    number(publishedRatio("soft", direction, column) ?? Number.NaN, 1),
  );
  return (
    `SoftPool takes ${between(ratios, 1)} times as long as average pooling ${direction} ` +
    `(the paper: ${cpu} on a CPU, ${cuda} with CUDA).`
  );
}

/** Whether SoftPool is second only to average pooling. */
function rankSentence(blocks: readonly Block[], direction: Direction): string | undefined {
  const { places, second, faster } = standing(blocks, direction);
  if (places === 0) return undefined;
  const verdict =
    second === places
      ? `It is second only to average pooling ${direction}, or faster, in all ${places} places`
      : `It is second only to average pooling ${direction}, or faster, in ${second} of ${places} places`;
  const names = [...faster].sort((a, b) => b[1] - a[1]);
  const rest = names.map(([method, times]) => `${method} in ${times}`).join(", ");
  return rest === "" ? `${verdict}.` : `${verdict}; of the paper's methods, faster are ${rest}.`;
}

/** Up to this factor between kernels, a time is said not to depend on them. */
const EQUAL = 1.25;

/** How times depend on the kernel. */
function kernelSentence(blocks: readonly Block[], direction: Direction): string | undefined {
  const parts = ["soft", "average", "maximum"].flatMap((method) => {
    const ranges = blocks.flatMap((block) => kernelRange(block, method, direction) ?? []);
    return ranges.length === 0 ? [] : [{ method, ranges }];
  });
  const soft = parts.find(({ method }) => method === "soft");
  if (soft === undefined) return undefined;
  const spans = soft.ranges.map(({ span }) => span);
  const [least, most] = [Math.min(...spans), Math.max(...spans)];
  const verdict =
    most <= EQUAL
      ? "does not depend on the kernel"
      : least > EQUAL
        ? "depends on the kernel"
        : "depends on the kernel in some places";
  const [{ from, to }] = soft.ranges;
  const rests = soft.ranges.map(({ rest }) => rest).filter((rest) => !Number.isNaN(rest));
  const without = rests.length > 0 ? `, without kernel ${from} by up to ${between(rests)}` : "";
  const words = parts.map(
    ({ method, ranges }) => `${between(ranges.map(({ change }) => change))} for ${method}`,
  );
  return (
    `Its time ${direction} ${verdict}: from kernel to kernel by a factor of up to ${between(spans)}${without}. ` +
    `Time at kernel ${to} over that at kernel ${from}: ${words.join(", ")}.`
  );
}

/** Blocks of one engine. */
export interface EngineBlocks {
  /** What computed, in words. */
  readonly title: string;
  /** Its blocks: all shapes and numbers of threads. */
  readonly blocks: readonly Block[];
}

/** Blocks by engine, without those in which nothing was measured. */
export function byEngine(blocks: readonly Block[]): EngineBlocks[] {
  const some = blocks.filter(({ measured }) => measured.length > 0);
  const engines = [...new Set(some.map(({ engine }) => engine))];
  return engines.map((engine) => ({
    title: engineTitle(engine),
    blocks: some.filter((block) => block.engine === engine),
  }));
}

/** What of the claims holds for an engine, a sentence each; a place is a shape, a kernel, a number of threads. */
export function findings({ blocks: all }: EngineBlocks): string[] {
  const blocks = all.filter(({ trusted }) => trusted);
  const sentences = directions.flatMap((direction) => [
    ratioSentence(blocks, direction),
    rankSentence(blocks, direction),
    kernelSentence(blocks, direction),
  ]);
  const busy =
    blocks.length < all.length || blocks.some(({ basis }) => basis === "processor")
      ? ["Judged by processor time and one thread: others kept the processors too busy for more."]
      : [];
  return [...busy, ...sentences.filter((sentence) => sentence !== undefined)];
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
