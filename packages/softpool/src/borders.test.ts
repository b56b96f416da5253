/**
 * Large planes are computed in blocks, and the kernel of a block is chosen by the values it reads:
 * also by those in rows that only the windows at its border see.
 */
import { expect, test } from "vitest";
import * as api from "./index.ts";

type Call = (...args: unknown[]) => { data: Float32Array; shape: number[] };
const functions = api as unknown as Record<string, Call>;

interface Case {
  /** Dimensions of the pooling. */
  rank: number;
  shape: number[];
  /** Elements from one position of the outermost axis to the next. */
  step: number;
  positions: number[];
}

const range = (begin: number, end: number) =>
  Array.from({ length: end - begin }, (_, i) => begin + i);

const cases: Case[] = [
  { rank: 2, shape: [1, 1, 12, 16384], step: 16384, positions: range(5, 12) },
  { rank: 3, shape: [1, 1, 12, 128, 128], step: 16384, positions: range(5, 12) },
  { rank: 1, shape: [1, 1, 150_001], step: 1, positions: range(131_068, 131_076) },
];

/** The outputs whose windows see input position `t` of the outermost axis. */
function seeing(t: number, out: number, kernel: number, stride: number, padding: number): number[] {
  return range(0, out).filter((o) => {
    const tap = t - (o * stride - padding);
    return tap >= 0 && tap < kernel;
  });
}

test("a value at a block's border is seen by the windows of both blocks", () => {
  const failures: string[] = [];
  for (const { rank, shape, step, positions } of cases)
    for (const [kernelSize, stride, padding] of [
      [2, 2, 0],
      [3, 2, 1],
      [3, 1, 1],
    ])
      for (const [method, value] of [
        ["softPool", Number.NaN],
        ["softPool", 2 ** 100],
        ["maxPool", Number.NaN],
        ["avgPool", 2 ** 100],
      ] as const) {
        if (rank === 3 && stride === 2) continue;
        const count = shape.reduce((a, b) => a * b, 1);
        const x = { data: new Float32Array(count).fill(0.5), shape };
        const o = { kernelSize, stride, padding };
        const name = `${method}${rank}d`;
        const y = functions[name](x, o);
        const out = y.shape[2];
        const outStep = y.data.length / out;
        const g = { data: new Float32Array(y.data.length), shape: y.shape };
        for (const t of positions) {
          // The first element of its row, so that windows at index 0 of the other axes see it.
          x.data[t * step] = value;
          const got = functions[name](x, { ...o, out: y }).data;
          const outputs = seeing(t, out, kernelSize, stride, padding);
          const label = `${name} ${kernelSize} ${stride}, ${value} at ${t}`;
          const average = method === "avgPool";
          for (const near of range(-2, out > 1000 ? 3 : out)) {
            // All outputs of the axis, or those around where it is long.
            const oh = out > 1000 ? (outputs[0] ?? Math.floor(t / stride)) + near : near;
            if (oh < 0 || oh >= out) continue;
            const v = got[oh * outStep];
            let right = v === 0.5;
            if (outputs.includes(oh)) {
              right = Number.isNaN(value) ? Number.isNaN(v) : average ? v > 2 ** 90 : v === value;
            }
            if (!right) failures.push(`${label}: output ${oh} is ${v}`);
            // The gradient of this window alone.
            g.data[oh * outStep] = 1;
          }
          const gx = functions[`${name}Backward`](g, x, o).data;
          let touched = 0;
          for (const oh of outputs) {
            for (const tap of range(0, kernelSize)) {
              const at = oh * stride - padding + tap;
              if (at < 0 || at >= shape[2]) continue;
              const slope = gx[at * step];
              const own = at === t;
              touched++;
              if (average) {
                if (!(slope > 0 && slope < 9)) failures.push(`${label}: slope ${at} is ${slope}`);
              } else if (Number.isNaN(value)) {
                if (!Number.isNaN(slope)) failures.push(`${label}: slope ${at} is ${slope}`);
              } else if (own && Math.abs(slope - outputs.length) > 1e-5) {
                failures.push(`${label}: slope ${at} is ${slope}, not ${outputs.length}`);
              }
            }
          }
          if (outputs.length > 0 && touched === 0) failures.push(`${label}: nothing looked at`);
          x.data[t * step] = 0.5;
          g.data.fill(0);
        }
      }
  expect(failures.slice(0, 5), `${failures.length} failures`).toEqual([]);
});
