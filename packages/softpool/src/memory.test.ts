/** WebAssembly memory: what lives there stays valid, and what is not needed is given back. */
import { expect, test } from "vitest";
import { child } from "../test/child.ts";
import { empty, engineInfo, maxPool2d, softPool2d } from "./index.ts";

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
