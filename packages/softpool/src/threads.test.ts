/** Threads and processes: workers never hold a process, a call or a result back. */
import { expect, test } from "vitest";
import { child } from "../test/child.ts";

/** 20 calls that are large enough for three threads. */
const work = `import { softPool2d, softPool2dAsync, engineInfo } from PACKAGE;
  const x = { data: new Float32Array(4 * 512 * 512).fill(2), shape: [1, 4, 512, 512] };
  for (let i = 0; i < 20; i++) softPool2d(x, { kernelSize: 2, threads: 3 });`;

test("a process ends by itself, workers or not, and exit works", () => {
  const quiet = child(`${work} console.log(engineInfo().workers);`);
  expect(quiet).toEqual({ out: "2\n", status: 0 });
  const waiting = child(
    `${work} const y = await softPool2dAsync(x, { kernelSize: 2, threads: 3 }); console.log(y.data[7]);`,
  );
  expect(waiting).toEqual({ out: "2\n", status: 0 });
  // Not awaited: the process still finishes the call.
  const late = child(
    `${work} softPool2dAsync(x, { kernelSize: 2, threads: 3 }).then((y) => console.log(y.data[7]));`,
  );
  expect(late).toEqual({ out: "2\n", status: 0 });
  expect(child(`${work} process.exit(7);`)).toEqual({ out: "", status: 7 });
  const failing = child(`${work} throw new Error("on purpose");`);
  expect(failing.status).toBe(1);
  expect(failing.out).toContain("on purpose");
});

test("inside a worker thread, which can have threads of its own", () => {
  const inside = child(
    `import { Worker } from "node:worker_threads";
     const code = 'import(' + JSON.stringify(PACKAGE) + ').then((s) => {' +
       'const x = { data: new Float32Array(1 << 20).fill(1), shape: [1, 1, 1024, 1024] };' +
       'for (let i = 0; i < 9; i++) s.softPool2d(x, { kernelSize: 2, threads: 2 });' +
       'console.log(s.softPool2d(x, { kernelSize: 2, threads: 2 }).data[9], s.engineInfo().workers); })';
     new Worker(code, { eval: true });`,
  );
  expect(inside).toEqual({ out: "1 1\n", status: 0 });
});

test("no call waits for a worker to start: all results come where none ever does", () => {
  for (const [worker, workers] of [
    // One that never runs, and a platform that refuses.
    ["class { on() {} unref() {} }", 3],
    ['class { constructor() { throw new Error("forbidden"); } }', 1],
  ]) {
    const { out, status } = child(
      `const threads = process.getBuiltinModule("node:worker_threads");
       threads.Worker = ${worker};
       const s = await import(PACKAGE);
       const data = Float32Array.from({ length: 1 << 20 }, (_, i) => Math.sin(i) * 3);
       const x = { data, shape: [1, 4, 512, 512] };
       const o = { kernelSize: 3, stride: 2, padding: 1 };
       const wanted = s.softPool2d(x, { ...o, threads: 1 }).data;
       const gradient = s.softPool2dBackward({ data: wanted, shape: [1, 4, 256, 256] }, x, { ...o, threads: 1 }).data;
       const equal = (a, b) => a.length > 0 && a.every((v, i) => v === b[i]);
       const y = s.softPool2d(x, { ...o, threads: 4 });
       const later = await s.softPool2dAsync(x, { ...o, threads: 3 });
       const gx = await s.softPool2dBackwardAsync(y, x, { ...o, threads: 3 });
       console.log(equal(y.data, wanted), equal(later.data, wanted), equal(gx.data, gradient), s.engineInfo().workers);`,
    );
    expect(out).toBe(`true true true ${workers}\n`);
    expect(status).toBe(0);
  }
});

test("without shared memory: one thread, ordinary memory, right results while it grows", () => {
  const { out, status } = child(
    `delete globalThis.SharedArrayBuffer;
     const s = await import(PACKAGE);
     const shape = [1, 2, 700, 600];
     const x = { data: Float32Array.from({ length: 840000 }, (_, i) => Math.sin(i * 0.7) * 3), shape };
     const o = { kernelSize: 3, stride: 2, padding: 1 };
     const wanted = s.softPool2d(x, { ...o, engine: "reference" });
     const slopes = s.softPool2dBackward(wanted, x, { ...o, engine: "reference" });
     const near = (a, b) => a.data.length === b.data.length && a.data.every((v, i) => Math.abs(v - b.data[i]) < 1e-5);
     const results = [];
     // Everything below makes the memory grow again and again, with tensors in it.
     const first = s.empty([4]);
     first.data.set([1, 2, 3, 4]);
     const resident = s.empty(shape);
     resident.data.set(x.data);
     const out = s.empty(wanted.shape);
     results.push(near(s.softPool2d(x, { ...o, out }), wanted));
     results.push(near(s.softPool2d(resident, o), wanted));
     results.push(near(s.softPool2dBackward(wanted, resident, o), slopes));
     const gradient = s.empty(shape);
     results.push(near(s.softPool2dBackward(out, x, { ...o, out: gradient }), slopes));
     results.push(near(await s.softPool2dAsync(resident, { ...o, threads: 4 }), wanted));
     const large = { data: new Float32Array(9e6).fill(3), shape: [3, 1, 2000, 1500] };
     const pieces = s.empty([3, 1, 1000, 750]);
     results.push(s.softPool2d(large, { kernelSize: 2, out: pieces }).data.every((v) => v === 3));
     results.push(near(resident, x), first.data.join() === "1,2,3,4");
     const { sharedMemory, threads, asyncThreads, workers } = s.engineInfo();
     console.log(results.join(), sharedMemory, threads, asyncThreads, workers);`,
  );
  expect(out).toBe("true,true,true,true,true,true,true,true false 1 1 0\n");
  expect(status).toBe(0);
});
