/**
 * The fresh process of one cell: `node worker.js TASK`, TASK as JSON. Opens the method, sees what memory its
 * first calls take beyond what a little input took, then opens average pooling beside it and times both in turns. Prints an {@link Answer}
 * as the last line of standard output.
 */
import { OnnxError } from "@softpool/onnx";
import { plain } from "../errors.ts";
import { openGpu } from "./gpu.ts";
import { runRounds, warmUp } from "./measure.ts";
import { watchMemory } from "./memory.ts";
import { isSound } from "./numbers.ts";
import { openOperator } from "./operator.ts";
import { isOwn } from "./place.ts";
import { probeEngine } from "./probe.ts";
import type { Times } from "./result.ts";
import { openRuntime } from "./runtime.ts";
import type { Answer, LatencyTask, TimeTask } from "./task.ts";
import type { Opener, Timed } from "./timed.ts";

/** Calls before the rounds whose times are kept. */
const KEPT = 10;

async function opener({ engine, threads, ...subject }: TimeTask): Promise<Opener> {
  if (engine === "softpool-webgpu") return openGpu(subject);
  return isOwn(engine) ? openOperator(engine, threads, subject) : openRuntime(engine, threads);
}

/**
 * Runs the method on a little input: code that is read from disk when it is first used is there afterwards,
 * and does not count as memory of the calls.
 */
async function rehearse(task: TimeTask): Promise<void> {
  const shape = task.shape.map((size, i) => (i < 2 ? Math.min(i + 1, size) : 2 * task.kernel));
  const little = { ...task, shape };
  try {
    const timed = await (await opener(little))(little);
    await warmUp(timed, 0);
  } catch {
    // What is wrong shows with the true input.
  }
}

/** Opens the method; what its graph refuses is a property of the method, not a failure. */
async function opened(open: Opener, task: TimeTask): Promise<Timed | string> {
  try {
    return await open(task);
  } catch (error) {
    if (error instanceof OnnxError) return plain(error.message);
    throw error;
  }
}

async function memoryOf(own: Timed, seen: number | undefined): Promise<Times["memory"]> {
  if (own.held === null) return null;
  if (own.held !== undefined) return { bytes: await own.held(), how: "allocator" };
  return seen === undefined ? null : { bytes: seen, how: "resident" };
}

async function measure(task: TimeTask): Promise<Answer> {
  await rehearse(task);
  const open = await opener(task);
  const own = await opened(open, task);
  if (typeof own === "string") return { kind: "absent", reason: own };
  const { effort } = task;
  const peak = watchMemory();
  const warm = await warmUp(own, 0);
  const seen = peak();
  if (!isSound(await own.result())) {
    return { kind: "failed", error: `its result is not a number, or zero everywhere` };
  }
  const memory = await memoryOf(own, seen);
  const average = await open({ ...task, method: "average" });
  const other = await warmUp(average, effort.warmup);
  warm.push(...(await warmUp(own, effort.warmup)));
  const rounds = await runRounds(own, average, [warm, other], effort);
  const rounded = (values: readonly number[]) =>
    values.map((value) => Number(value.toPrecision(5)));
  return {
    kind: "times",
    own: rounded(rounds.own),
    average: rounded(rounds.average),
    processor: [rounded(rounds.processor[0]), rounded(rounds.processor[1])],
    calls: rounds.calls,
    warm: rounded(warm.slice(0, KEPT)),
    memory,
    busy: Math.round(rounds.busy * 1000) / 1000,
    notes: own.notes,
  };
}

async function answer(task: LatencyTask): Promise<Answer> {
  try {
    return task.kind === "probe" ? await probeEngine(task.engine) : await measure(task);
  } catch (error) {
    return { kind: "failed", error: plain(String((error as Error)?.message ?? error)) };
  }
}

const line = JSON.stringify(await answer(JSON.parse(process.argv[2]) as LatencyTask));
// Sessions, threads and devices are not waited for.
process.stdout.write(`\n${line}\n`, () => process.exit(0));
