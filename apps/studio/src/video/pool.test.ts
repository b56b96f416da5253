import { srgbToLinear } from "@softpool/pictures";
import { avgPool3d, softPool3d } from "softpool";
import { expect, test } from "vitest";
import { FramePooler, type PooledFrame, type Settings } from "./pool.ts";

const [WIDTH, HEIGHT] = [7, 5];

/** Frames of noise, with durations that are not all alike. */
function frames(count: number) {
  let timestamp = 0;
  return Array.from({ length: count }, (_, t) => {
    const rgba = Uint8ClampedArray.from({ length: 4 * WIDTH * HEIGHT }, (_, i) =>
      i % 4 === 3 ? 255 : (t * 131 + i * 37 + ((i * i) % 101)) % 256,
    );
    const frame = { rgba, timestamp, duration: 0.04 + 0.01 * (t % 2) };
    timestamp += frame.duration;
    return frame;
  });
}

function run(settings: Settings, count: number): PooledFrame[] {
  const pooler = new FramePooler(WIDTH, HEIGHT, settings);
  const pooled = frames(count).map((frame) => pooler.push(frame));
  const all = [...pooled, pooler.flush(), pooler.flush()];
  pooler.dispose();
  return all.filter((frame) => frame !== undefined);
}

test("a stream is pooled as one tensor would be, for every window in time", () => {
  for (const light of ["srgb", "linear"] as const) {
    for (let span = 1; span <= 4; span++) {
      for (let step = 1; step <= 5; step++) {
        for (const count of [1, 2, 5, 8, 9]) {
          const what = `span ${span}, step ${step}, ${count} frames, ${light}`;
          const settings = {
            method: "soft",
            beta: 3,
            light,
            kernel: 3,
            stride: 2,
            span,
            step,
          } as const;
          const found = run(settings, count);
          const area = WIDTH * HEIGHT;
          const data = new Float64Array(3 * count * area);
          for (const [t, { rgba }] of frames(count).entries()) {
            for (let c = 0; c < 3; c++) {
              for (let i = 0; i < area; i++) {
                const v = rgba[4 * i + c] / 255;
                data[(c * count + t) * area + i] = light === "linear" ? srgbToLinear(v) : v;
              }
            }
          }
          // Fewer frames than a window: one window of all of them.
          const taps = Math.min(span, count);
          const whole = softPool3d(
            { data, shape: [1, 3, count, HEIGHT, WIDTH] },
            { kernelSize: [taps, 3, 3], stride: [step, 2, 2], beta: 3, ceilMode: true },
          );
          expect(found.length, what).toBe(whole.shape[2]);
          const [, , depth, h, w] = whole.shape;
          for (const [t, frame] of found.entries()) {
            expect([frame.width, frame.height], what).toEqual([w, h]);
            expect(frame.timestamp, what).toBeCloseTo(frames(count)[t * step].timestamp, 9);
            for (let c = 0; c < 3; c++) {
              for (let i = 0; i < h * w; i++) {
                const v = whole.data[(c * depth + t) * h * w + i];
                const exact = 255 * (light === "linear" ? toSrgb(v) : v);
                expect(Math.abs(frame.rgba[4 * i + c] - exact), what).toBeLessThan(0.501);
              }
            }
          }
        }
      }
    }
  }
});

function toSrgb(v: number): number {
  return v <= 0.0031308 ? 12.92 * v : 1.055 * v ** (1 / 2.4) - 0.055;
}

test("durations add up, other methods pool too, what cannot be is said", () => {
  const base = { method: "average", beta: 1, light: "srgb", kernel: 2, stride: 2 } as const;
  const found = run({ ...base, span: 3, step: 3 }, 8);
  const total = frames(8).reduce((sum, { duration }) => sum + duration, 0);
  expect(found.reduce((sum, { duration }) => sum + duration, 0)).toBeCloseTo(total, 9);
  for (let i = 1; i < found.length; i++) {
    expect(found[i].timestamp).toBeCloseTo(found[i - 1].timestamp + found[i - 1].duration, 9);
  }
  const one = run({ ...base, span: 1, step: 1 }, 1)[0];
  const [{ rgba }] = frames(1);
  const plane = Float64Array.from({ length: WIDTH * HEIGHT }, (_, i) => rgba[4 * i]);
  const right = avgPool3d(
    { data: plane, shape: [1, 1, 1, HEIGHT, WIDTH] },
    { kernelSize: [1, 2, 2], ceilMode: true },
  );
  right.data.forEach((value, i) => {
    expect(Math.abs(one.rgba[4 * i] - value)).toBeLessThan(0.501);
  });
  expect(() => run({ ...base, method: "s3", span: 1, step: 1 }, 1)).toThrow(
    "s3 does not pool in time",
  );
  expect(() => run({ ...base, kernel: 6, span: 1, step: 1 }, 1)).toThrow(
    "the kernel of 6 × 6 is larger than the frames of 7 × 5 pixels",
  );
});
