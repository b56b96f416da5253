/** The kernels in the memory of another program: the same bits, and nothing of that program's is touched. */
import { expect, test } from "vitest";
import { random } from "../../test/oracle.ts";
import { describeWindow, poolingOn } from "../adapter.ts";
import { softPool2d, softPool2dBackward } from "../index.ts";

const next = random(31);

/** A program whose memory is full of its own bytes, with tensors at its very end where asked. */
function program(pages: number) {
  const memory = new WebAssembly.Memory({ initial: pages, maximum: 65536 });
  const bytes = new Uint8Array(memory.buffer);
  for (let i = 0; i < bytes.length; i++) bytes[i] = (i * 7 + (i >> 8)) & 255;
  let top = 4096;
  const live = new Map<number, number>();
  return {
    memory,
    bytes,
    live,
    allocate(size: number) {
      const at = top + 8;
      if (at + size > bytes.length) return 0;
      top = at + size + 8;
      live.set(at, size);
      return at;
    },
    release: (at: number) => void live.delete(at),
  };
}

test("a host's tensors are pooled in place, bit for bit as elsewhere", () => {
  for (const [shape, o] of [
    [[2, 30, 31, 5], { kernelSize: 3, layout: "NHWC" }],
    [[1, 20, 20, 64], { kernelSize: 2, layout: "NHWC", beta: 2 }],
    [[2, 3, 33, 17], { kernelSize: 3, stride: 2, padding: 1, gradient: "weights" }],
    [[1, 4, 60, 60], { kernelSize: 7, stride: 3, paddingMode: "zero", beta: [1, 2, 3, -1] }],
    [[0, 4, 6, 6], { kernelSize: 2 }],
  ] as [number[], object][])
    for (const scale of [3, 1e30]) {
      const data = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => {
        return (next() - 0.5) * scale;
      });
      const { gradient = "exact", ...window } = o as { gradient?: "exact"; kernelSize: number };
      const y = softPool2d({ data, shape }, window);
      const g = { data: y.data.map(() => next()), shape: y.shape };
      const gx = softPool2dBackward(g, { data, shape }, { ...window, gradient }).data;

      const host = program(40);
      const pool = poolingOn(host);
      const [x, to, slope, back] = [data, y.data, g.data, gx].map((a) =>
        host.allocate(a.byteLength),
      );
      const view = (at: number, n: number) => new Float32Array(host.memory.buffer, at, n);
      view(x, data.length).set(data);
      view(slope, g.data.length).set(g.data);
      const kept = host.bytes.slice();
      const problem = describeWindow("f", 2, shape, { ...window, gradient });
      expect(pool?.(problem, { x, y: to })).toBe(true);
      expect(view(to, y.data.length)).toEqual(y.data);
      expect(pool?.(problem, { x, y: slope, gx: back })).toBe(true);
      expect(view(back, gx.length)).toEqual(gx);
      // All that is the host's: everything but the results and what was allocated for the work.
      expect(host.live.size).toBe(4);
      const end = Math.max(...[...host.live].map(([at, size]) => at + size));
      kept.set(host.bytes.subarray(to, to + y.data.byteLength), to);
      kept.set(host.bytes.subarray(back, back + gx.byteLength), back);
      expect(Buffer.compare(host.bytes.subarray(0, end), kept.subarray(0, end))).toBe(0);
    }
});

test("where there is no memory for the work nothing is done; shared memory is refused", () => {
  const problem = describeWindow("f", 2, [1, 1, 64, 64], { kernelSize: 2 });
  const host = program(1);
  const kept = host.bytes.slice();
  const pool = poolingOn({ ...host, allocate: () => 0 });
  expect(pool?.(problem, { x: 8192, y: 40000 })).toBe(false);
  // A tensor that ends where the memory does: a vector at its end would reach beyond.
  const room = program(40);
  const last = room.bytes.length - 64 * 64 * 4;
  expect(poolingOn(room)?.(problem, { x: last, y: 40000 })).toBe(false);
  expect(room.live.size).toBe(0);
  expect(Buffer.compare(host.bytes, kept)).toBe(0);
  const shared = new WebAssembly.Memory({ initial: 2, maximum: 65536, shared: true });
  expect(poolingOn({ ...host, memory: shared })).toBe(undefined);
  const boundless = new WebAssembly.Memory({ initial: 2 });
  expect(poolingOn({ ...host, memory: boundless })).toBe(undefined);
});
