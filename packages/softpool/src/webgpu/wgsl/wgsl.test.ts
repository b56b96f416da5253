/**
 * The generated WGSL, without a GPU: the bodies of the fast kernels of common windows as snapshots, and
 * every variant through a compiler, with `shader-f16` too.
 */
import { beforeAll, expect, test } from "vitest";
import { compilingDevice, skipWebGPU } from "../../../test/webgpu.ts";
import type { Method } from "../../options.ts";
import type { Storage } from "./elements.ts";
import { fastKernel, type Variant } from "./fast.ts";
import { clearKernel, fusedKernel } from "./fused.ts";
import { genericKernel } from "./generic.ts";
import { spreadKernel } from "./spread.ts";

const base: Variant = {
  kind: "forward",
  method: "soft",
  storage: "float32",
  channelsLast: false,
  outputs: 2,
  phase: 0,
  kernel: [1, 2, 2],
  stride: [1, 2, 2],
  dilation: [1, 1, 1],
  padded: [false, false, false],
  zero: false,
  perChannel: false,
  weights: false,
};
const three: Partial<Variant> = {
  kernel: [1, 3, 3],
  padded: [false, true, true],
  phase: 3,
};

/** What stands in a shader's entry point. */
const body = (code: string) => code.slice(code.indexOf("@compute"));

test("2x2 of SoftPool with channels first: four columns at once, two outputs a thread", () => {
  expect(body(fastKernel(base))).toMatchSnapshot();
});

test("2x2 of SoftPool with channels last: vectors of four channels", () => {
  expect(body(fastKernel({ ...base, channelsLast: true, outputs: 1 }))).toMatchSnapshot();
});

test("3x3 of the average with padding, float16 packed", () => {
  expect(
    body(fastKernel({ ...base, ...three, method: "average", storage: "packed" })),
  ).toMatchSnapshot();
});

test("2x2 of the backward of SoftPool: each input read and written once", () => {
  expect(
    body(fusedKernel({ ...base, kind: "backward", channelsLast: true, outputs: 1 })),
  ).toMatchSnapshot();
});

test("the careful gather of the maximum", () => {
  const code = genericKernel("gather", "maximum", "float32");
  expect(code.slice(code.indexOf("struct Sum"))).toMatchSnapshot();
});

/** Reads of x in a shader's body. */
const reads = (code: string) => body(code).match(/xQuad\(/g)?.length;

test("a thread reads each vector of its windows once", () => {
  // Two rows of one vector of four columns; four taps of four channels.
  expect(reads(fastKernel(base))).toBe(2);
  expect(reads(fastKernel({ ...base, channelsLast: true, outputs: 1 }))).toBe(4);
  // 3x3 at stride 2: five columns from the last of a vector on; at stride 1, six.
  expect(reads(fastKernel({ ...base, ...three }))).toBe(3 * 2);
  expect(reads(fastKernel({ ...base, ...three, stride: [1, 1, 1], outputs: 4 }))).toBe(3 * 3);
  expect(reads(fusedKernel({ ...base, kind: "backward" }))).toBe(2);
});

const methods: Method[] = ["soft", "average", "maximum", "sum", "power-average"];
const storages: Storage[] = ["float32", "packed", "native"];

/** All shaders worth telling apart. */
function* shaders(): Generator<[string, string]> {
  for (const storage of storages) {
    yield [`clear ${storage}`, clearKernel(storage)];
    for (const shared of [false, true]) {
      yield [`variance ${storage}`, genericKernel("variance", "soft", storage, shared)];
      for (const method of methods) {
        const code = genericKernel("forward", method, storage, shared);
        yield [`forward ${method} ${storage} ${shared}`, code];
      }
    }
    yield [`keep soft shared ${storage}`, genericKernel("keep", "soft", storage, true)];
    for (const method of methods) {
      yield [`gather ${method} ${storage}`, genericKernel("gather", method, storage)];
      const linear = method === "average" || method === "sum";
      if (!linear) yield [`keep ${method} ${storage}`, genericKernel("keep", method, storage)];
      if (method === "power-average") continue;
      for (const window of [{}, three, { ...three, zero: true, perChannel: true, weights: true }])
        for (const channelsLast of [false, true]) {
          const outputs = channelsLast ? 1 : 2;
          const v = { ...base, ...window, method, storage, channelsLast, outputs };
          const label = `${method} ${storage} ${JSON.stringify(window)} ${channelsLast}`;
          yield [`fast ${label}`, fastKernel(v)];
          yield [`spread ${label}`, spreadKernel(v)];
          if (linear) continue;
          yield [`fast keep ${label}`, fastKernel({ ...v, kind: "keep" })];
          // Windows of the backward are apart, and along W without padding before.
          const apart = { ...v, kind: "backward", phase: 0, stride: [1, 4, 4] } as const;
          const padded = channelsLast ? v.padded : ([false, true, false] as const);
          yield [`fused ${label}`, fusedKernel({ ...apart, padded })];
        }
    }
  }
}

let device: GPUDevice;
beforeAll(async () => {
  if (!skipWebGPU) device = await compilingDevice();
});

test.skipIf(skipWebGPU)("every shader compiles", async () => {
  const failures: string[] = [];
  let compiled = 0;
  for (const [label, code] of shaders()) {
    device.pushErrorScope("validation");
    const module = device.createShaderModule({ code });
    device.createComputePipeline({ layout: "auto", compute: { module, entryPoint: "main" } });
    const error = await device.popErrorScope();
    if (error) failures.push(`${label}: ${error.message}`);
    compiled++;
  }
  expect(failures.slice(0, 3), `${failures.length} of ${compiled}`).toEqual([]);
  expect(compiled).toBeGreaterThan(150);
});
