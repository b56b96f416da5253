/** WebAssembly memory and threads: what lives there, what is given back, and that all ways agree. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import {
  empty,
  engineInfo,
  maxPool2d,
  softPool2d,
  softPool2dAsync,
  softPool2dBackward,
  softPool2dBackwardAsync,
} from "./index.ts";

const built = new URL("../dist/index.js", import.meta.url).href;

/** Runs code as a process of its own on the built package. */
function child(code: string, flags: string[] = []): { out: string; status: number | null } {
  const result = spawnSync(
    process.execPath,
    [...flags, "--input-type=module", "-e", code.replaceAll("PACKAGE", JSON.stringify(built))],
    { encoding: "utf8", timeout: 60_000, cwd: fileURLToPath(new URL("..", import.meta.url)) },
  );
  return { out: result.stdout + result.stderr, status: result.status };
}

const wave = (count: number) =>
  Float32Array.from({ length: count }, (_, i) => Math.sin(i * 0.7) * 3);

test("resident tensors, out, threads, pieces and async calls give the same", async () => {
  const windows = [
    { shape: [2, 3, 301, 203], o: { kernelSize: 2 } },
    { shape: [1, 3, 301, 203], o: { kernelSize: 2, ceilMode: true } },
    { shape: [2, 4, 200, 151], o: { kernelSize: 3, stride: 2, padding: 1 } },
    { shape: [1, 151, 200, 8], o: { kernelSize: 2, layout: "NHWC" as const } },
    {
      shape: [1, 151, 200, 5],
      o: { kernelSize: 3, stride: 1, padding: 1, layout: "NHWC" as const },
    },
    // Larger than a piece of 16 MiB: cut between planes, and inside one plane.
    { shape: [3, 2, 1201, 1003], o: { kernelSize: 2 } },
    { shape: [1, 1, 6001, 1501], o: { kernelSize: 5, stride: 3, padding: 2 } },
    { shape: [1, 1, 6001, 1501], o: { kernelSize: 2, stride: 3, padding: 1, ceilMode: true } },
  ];
  for (const { shape, o } of windows) {
    const data = wave(shape.reduce((a, b) => a * b));
    const x = { data, shape };
    const resident = empty(shape);
    resident.data.set(data);
    const wanted = softPool2d(resident, { ...o, threads: 1 });
    const gradient = softPool2dBackward(wanted, resident, { ...o, threads: 1 });
    const out = { data: new Float32Array(wanted.data.length), shape: wanted.shape };
    const label = `${JSON.stringify(o)} of [${shape}]`;
    for (const got of [
      softPool2d(x, o),
      softPool2d(x, { ...o, out }),
      softPool2d(resident, { ...o, threads: 2 }),
      softPool2d(resident, { ...o, threads: 4 }),
      await softPool2dAsync(x, o),
      ...(await Promise.all([1, 2, 3].map(() => softPool2dAsync(resident, { ...o, threads: 3 })))),
    ]) {
      expect(Buffer.compare(bytes(got.data), bytes(wanted.data)), label).toBe(0);
    }
    const g = { data: wanted.data.slice(), shape: wanted.shape };
    for (const got of [
      softPool2dBackward(g, x, o),
      softPool2dBackward(wanted, resident, { ...o, threads: 4 }),
      await softPool2dBackwardAsync(wanted, x, o),
    ]) {
      expect(Buffer.compare(bytes(got.data), bytes(gradient.data)), label).toBe(0);
    }
    resident.dispose();
  }
});

function bytes(data: Float32Array): Buffer {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}

test("memory is given back, and data stays valid when it grows", () => {
  const first = empty([1, 1, 64, 64]);
  first.data.fill(3);
  const before = engineInfo();
  for (let i = 0; i < 1000; i++) {
    const x = empty([1, 4, 64, 64]);
    x.data.fill(i);
    const y = softPool2d(x, { kernelSize: 2 });
    expect(y.data[5]).toBe(i);
    x.dispose();
    y.dispose();
  }
  const after = engineInfo();
  expect(after.usedBytes).toBe(before.usedBytes);
  expect(after.memoryBytes - before.memoryBytes).toBeLessThan(4 * 2 ** 20);
  const large = empty([1, 1, 4096, 4096 + Math.ceil(after.memoryBytes / 2 ** 14)]);
  expect(engineInfo().memoryBytes).toBeGreaterThan(after.memoryBytes);
  expect(first.data[4095]).toBe(3);
  expect(maxPool2d(first, { kernelSize: 64 }).data[0]).toBe(3);
  large.dispose();
  large.dispose();
  expect(large.data.length).toBe(0);
  expect(() => softPool2d(large, { kernelSize: 2 })).toThrow("disposed or detached?");
});

test("forgotten tensors are collected", () => {
  const { out, status } = child(
    `import { empty, engineInfo } from PACKAGE;
     empty([1]);
     for (let round = 0; round < 20; round++) {
       for (let i = 0; i < 20; i++) empty([1, 1, 512, 512]).data[0] = 1;
       await new Promise((resolve) => setTimeout(resolve, 5));
       gc();
       await new Promise((resolve) => setTimeout(resolve, 5));
     }
     console.log(engineInfo().memoryBytes / 2 ** 20 < 200);`,
    ["--expose-gc"],
  );
  expect(out).toBe("true\n");
  expect(status).toBe(0);
});

test("a process ends by itself, workers or not, and exit works", () => {
  const work = `import { softPool2d, softPool2dAsync, engineInfo } from PACKAGE;
     const x = { data: new Float32Array(4 * 512 * 512).fill(2), shape: [1, 4, 512, 512] };
     for (let i = 0; i < 20; i++) softPool2d(x, { kernelSize: 2, threads: 3 });`;
  const quiet = child(`${work} console.log(engineInfo().workers);`);
  expect(quiet).toEqual({ out: "2\n", status: 0 });
  const waiting = child(
    `${work} const y = await softPool2dAsync(x, { kernelSize: 2, threads: 3 }); console.log(y.data[7]);`,
  );
  expect(waiting).toEqual({ out: "2\n", status: 0 });
  expect(child(`${work} process.exit(7);`).status).toBe(7);
  const inside = child(
    `import { Worker } from "node:worker_threads";
     const code = 'import(' + JSON.stringify(PACKAGE) + ').then((s) => {' +
       'const x = { data: new Float32Array(1 << 20).fill(1), shape: [1, 1, 1024, 1024] };' +
       'for (let i = 0; i < 9; i++) s.softPool2d(x, { kernelSize: 2, threads: 2 });' +
       'console.log(s.softPool2d(x, { kernelSize: 2, threads: 2 }).data[9]); })';
     new Worker(code, { eval: true });`,
  );
  expect(inside).toEqual({ out: "1\n", status: 0 });
});

test("without shared memory", () => {
  const { out, status } = child(
    `delete globalThis.SharedArrayBuffer;
     const { empty, engineInfo, softPool2d, softPool2dAsync } = await import(PACKAGE);
     const x = empty([1, 2, 256, 256]);
     x.data.fill(2);
     const y = softPool2d(x, { kernelSize: 2 });
     const z = empty([1, 8, 1024, 1024]);
     const { sharedMemory, threads } = engineInfo();
     const later = await softPool2dAsync({ data: new Float32Array(1 << 20), shape: [1, 1, 1024, 1024] }, { kernelSize: 2 });
     console.log(sharedMemory, threads, x.data[9], y.data[9], z.data.length, later.data.length);`,
  );
  expect(out).toBe(`false 1 2 2 ${8 * 2 ** 20} ${2 ** 18}\n`);
  expect(status).toBe(0);
});
