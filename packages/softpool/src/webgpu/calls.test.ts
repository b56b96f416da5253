/**
 * Every way of calling the WebGPU engine gives the same: arrays, tensors in buffers, prepared handles,
 * tensors larger than a binding, a buffer or a dispatch; and what is wrong is said in one sentence.
 */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { engines, webgpuEngine } from "../../test/engines.ts";
import { type DType, fromHalf, random, toHalf, tolerances } from "../../test/oracle.ts";
import { nodeGPU, skipWebGPU, softwareDevice } from "../../test/webgpu.ts";
import { softPool2d } from "../index.ts";
import { createWebGPU, type GPUTensor, type WebGPUEngine } from "./index.ts";

type Any = { data: Float32Array | Uint16Array; shape: number[] };
type Call = (...values: unknown[]) => Promise<Any>;
const [wasm] = engines;
const webgpuTest = test.skipIf(skipWebGPU);
const product = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
const functions = (engine: WebGPUEngine) => engine as unknown as Record<string, Call>;

function values(dtype: DType, shape: readonly number[], seed: number): Any {
  const next = random(seed);
  const list = Array.from({ length: product(shape) }, () => Math.round(next() * 512 - 256) / 64);
  const data = dtype === "float16" ? Uint16Array.from(list, toHalf) : Float32Array.from(list);
  return { data, shape: [...shape] };
}

/** Where two results differ, in words. */
function difference(got: Any, wanted: Any, dtype: DType): string | undefined {
  if (`${got.shape}` !== `${wanted.shape}`) return `shape [${got.shape}], not [${wanted.shape}]`;
  const decode = (v: number) => (dtype === "float16" ? fromHalf(v) : v);
  const i = got.data.findIndex((v, k) => {
    const exact = decode(wanted.data[k]);
    return !(Math.abs(decode(v) - exact) <= 2 * tolerances.webgpu[dtype](exact));
  });
  return i < 0 ? undefined : `[${i}]: ${got.data[i]}, not ${wanted.data[i]}`;
}

webgpuTest("tensors in buffers and handles agree with arrays", async () => {
  const engine = await webgpuEngine();
  const call = functions(engine);
  for (const [name, dtype, shape, options] of [
    ["softPool2d", "float32", [2, 3, 9, 11], { kernelSize: 3, stride: 2, padding: 1 }],
    ["softPool2d", "float32", [2, 3, 64, 64], { kernelSize: 2 }],
    ["avgPool1d", "float16", [1, 3, 11], { kernelSize: 2 }],
    ["globalSoftPool", "float16", [1, 5, 7, 3], { layout: "NHWC" }],
  ] as const) {
    const x = values(dtype, shape, 1);
    const wanted = await call[name](x, options);
    const g = values(dtype, wanted.shape, 2);
    const slopes = await call[`${name}Backward`](g, x, options);
    const [inX, inG] = [engine.upload(x), engine.upload(g)];
    expect(await engine.download(inX)).toEqual(x);
    const y = (await call[name](inX, options)) as unknown as GPUTensor & { dispose(): void };
    expect(y.dtype).toBe(dtype);
    expect(await engine.download(y)).toEqual(wanted);
    const out = engine.empty(shape, dtype);
    expect(await call[`${name}Backward`](inG, inX, { ...options, out })).toBe(out);
    expect(await engine.download(out)).toEqual(slopes);

    const handle = await engine.prepare(name, { shape, dtype }, options);
    expect(handle.resultShape).toEqual(wanted.shape);
    const pipelines = engine.info().pipelines;
    const first = await handle.run(inX);
    expect(await engine.download(first)).toEqual(wanted);
    expect(await handle.run(inX)).toBe(first);
    const encoder = engine.device.createCommandEncoder();
    const again = handle.encode(encoder, engine.empty(shape, dtype));
    handle.encode(encoder, inX);
    engine.device.queue.submit([encoder.finish()]);
    expect(await engine.download(again)).toEqual(wanted);
    // Several at once, on arrays: each its own result.
    const negative = { data: x.data.map((v) => (dtype === "float16" ? v ^ 0x8000 : -v)), shape };
    const [a, b, c] = await Promise.all([x, negative, x].map((t) => handle.run(t as Any)));
    expect(a).toEqual(wanted);
    expect(b).toEqual(await call[name](negative, options));
    expect(c).toEqual(wanted);
    const back = await engine.prepare(`${name}Backward`, x, options);
    expect(await back.run(g, x)).toEqual(slopes);
    expect(engine.info().pipelines).toBe(pipelines);
    await expect(handle.run({ data: new Float32Array(2), shape: [1, 1, 1, 2] })).rejects.toThrow(
      `${name}: x.shape: expected [${shape.join(", ")}], as prepared, received [1, 1, 1, 2]`,
    );
    handle.dispose();
    back.dispose();
    back.dispose();
    await expect(handle.run(x)).rejects.toThrow(
      `${name}: run: expected a handle in use, received a disposed one (prepare it again)`,
    );
    for (const tensor of [inX, inG, y, out]) tensor.dispose();
  }
});

webgpuTest("both gradients of SoftPool, in arrays and in buffers", async () => {
  const engine = await webgpuEngine();
  const x = values("float32", [2, 3, 8, 9], 3);
  for (const beta of [[1, -0.5, 2], 0.7]) {
    const o = { kernelSize: 3, stride: 2, beta, betaGradient: true as const };
    const y = await engine.softPool2d(x, { kernelSize: 3, stride: 2, beta });
    const wanted = await wasm.call("softPool2dBackward", y, x, o);
    const inX = engine.upload(x);
    const inY = engine.upload(y);
    const array = await engine.softPool2dBackward(y, x, o);
    const buffer = await engine.softPool2dBackward(inY, inX, o);
    expect(await engine.download(buffer.input)).toEqual(array.input);
    for (const { beta: got } of [array, buffer]) {
      expect(got.length).toBe(wanted.beta.length);
      got.forEach((slope, c) => {
        expect(Math.abs(slope - wanted.beta[c])).toBeLessThan(1e-4);
      });
    }
    for (const tensor of [inX, inY, buffer.input]) tensor.dispose();
  }
});

webgpuTest("tensors beyond a binding, a buffer or a dispatch are cut", async () => {
  const device = await softwareDevice();
  const whole = functions(await createWebGPU(device));
  const failures: string[] = [];
  const running: Promise<void>[] = [];
  for (const limits of [
    { bindingBytes: 2048, workgroups: 2 },
    { bindingBytes: 65536, workgroups: 1 },
    { bindingBytes: 2048, bufferBytes: 4096, workgroups: 3 },
  ]) {
    const cut = await createWebGPU(device, limits);
    for (const [name, dtype, shape, options] of [
      ["softPool1d", "float32", [1, 1, 3001], { kernelSize: 5, stride: 2, padding: [[1, 2]] }],
      ["softPool1d", "float16", [3, 5, 333], { kernelSize: 3, beta: [1, 2, -1, 0, Infinity] }],
      ["maxPool2d", "float16", [1, 1, 45, 31], { kernelSize: 3, stride: 1, padding: 1 }],
      ["softPool2d", "float32", [1, 41, 13, 5], { kernelSize: 2, stride: [3, 2], layout: "NHWC" }],
      [
        "avgPool2d",
        "float32",
        [2, 3, 33, 12],
        { kernelSize: 3, stride: 2, padding: 1, paddingMode: "zero", ceilMode: true },
      ],
      [
        "softPool2d",
        "float32",
        [2, 3, 40, 36],
        { kernelSize: [3, 1], stride: [1, 2], dilation: [2, 1] },
      ],
      ["powerAvgPool3d", "float16", [1, 2, 9, 6, 7], { kernelSize: 2, stride: 1 }],
      ["softPool2d", "float32", [2, 17, 48, 48], { kernelSize: 2 }],
    ] as const) {
      // Fast kernels in one piece, and in several.
      if (product(shape) > 20_000 && limits.bindingBytes === 2048) continue;
      const check = async () => {
        const x = values(dtype, shape, 5);
        const label = `${name} ${dtype} ${JSON.stringify(options)} with ${JSON.stringify(limits)}`;
        const wanted = await whole[name](x, options);
        const g = values(dtype, wanted.shape, 6);
        const slopes = await whole[`${name}Backward`](g, x, options);
        const got = await functions(cut)[name](x, options);
        const gotSlopes = await functions(cut)[`${name}Backward`](g, x, options);
        for (const message of [
          difference(got, wanted, dtype),
          difference(gotSlopes, slopes, dtype),
        ]) {
          if (message !== undefined) failures.push(`${label} ${message}`);
        }
      };
      running.push(check());
    }
  }
  await Promise.all(running);
  expect(failures).toEqual([]);
  const small = await createWebGPU(device, { bindingBytes: 1024 });
  const wide = { data: new Float32Array(4000), shape: [1, 1, 2, 2000] };
  await expect(small.softPool2d(wide, { kernelSize: 2 })).rejects.toThrow(
    "softPool2d: x: expected at most 192 elements for one step of its outermost axis, received",
  );
  device.destroy();
});

webgpuTest("wrong arguments and lost devices, in one sentence each", async () => {
  const engine = await webgpuEngine();
  const x = values("float32", [1, 1, 4, 4], 1);
  const o = { kernelSize: 2 };
  const buffer = engine.upload(x);
  const gone = engine.empty([1, 1, 4, 4]);
  gone.dispose();
  const any = functions(engine);
  for (const [action, message] of [
    [() => any.softPool2d(x, {}), "softPool2d: kernelSize: expected an integer of at least 1"],
    [
      () => any.softPool2d({ ...x, data: new Float64Array(16) }, o),
      'softPool2d: x.data: expected float32 or float16, received float64 (the engine "wasm" computes in float64)',
    ],
    [
      () => any.softPool2d(x, { ...o, engine: "wasm" }),
      'softPool2d: engine: expected "webgpu", this one, received "wasm" (import the others from softpool)',
    ],
    [
      () => any.softPool2d(gone, o),
      "softPool2d: x.buffer: expected a buffer that is in use, received a disposed one",
    ],
    [
      () => any.softPool2d({ ...buffer, buffer: buffer.buffer, shape: [1, 1, 8, 8] }, o),
      "softPool2d: x.buffer: expected a buffer of at least 256 bytes, received 64 bytes",
    ],
    [
      () => any.softPool2d(buffer, { ...o, out: buffer }),
      "softPool2d: out.shape: expected [1, 1, 2, 2], received [1, 1, 4, 4]",
    ],
    [
      () => any.softPool2d(buffer, { kernelSize: 1, out: buffer }),
      "softPool2d: out: expected memory apart from x, received the same buffer",
    ],
    [
      () => any.softPool2dBackward(x, buffer, o),
      "softPool2dBackward: gradOutput: expected a tensor { buffer, shape, dtype }, as x, received an object",
    ],
    [
      () => engine.prepare("softPool" as never, x, o),
      "prepare: name: expected softPool1d, softPool1dBackward,",
    ],
    [
      () => createWebGPU({} as GPUDevice),
      "createWebGPU: device: expected a GPUDevice, received an object",
    ],
    [
      () => createWebGPU(engine.device, { bindingBytes: 7 }),
      "createWebGPU: bindingBytes: expected an integer of at least 1024, received 7",
    ],
  ] as const) {
    await expect(action(), message).rejects.toThrow(message);
  }
  expect(() => softPool2d(x, { ...o, engine: "webgpu" as never })).toThrow(
    'softPool2d: engine: expected "wasm" or "reference", received "webgpu" (webgpu: createWebGPU of softpool/webgpu)',
  );

  const lost = await createWebGPU(await softwareDevice());
  const handle = await lost.prepare("softPool2d", x, o);
  await handle.run(x);
  const running = lost.softPool2d(x, o).then(
    () => "done",
    (error: Error) => error.message,
  );
  lost.device.destroy();
  expect((await lost.lost).reason).toBe("destroyed");
  const sentence =
    /: device: expected a working device, received one that was lost \(destroyed.*; create the engine again with createWebGPU\)$/;
  expect(await running).toMatch(new RegExp(`${sentence.source}|^done$`));
  await expect(lost.softPool2d(x, o)).rejects.toThrow(sentence);
  await expect(handle.run(x)).rejects.toThrow(sentence);
  expect(() => lost.upload(x)).toThrow(sentence);
  // Recovered: another engine.
  const again = await createWebGPU(await softwareDevice());
  expect((await again.softPool2d(x, o)).shape).toEqual([1, 1, 2, 2]);
  again.dispose();
  await expect(again.softPool2d(x, o)).rejects.toThrow("(destroyed: the engine was disposed;");
  again.device.destroy();
  buffer.dispose();
});

webgpuTest(
  "the snippet of the README prints what it says, with the device of the page",
  async () => {
    const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
    const snippet = readme.match(/```ts\n(import \{ createWebGPU \}[\s\S]*?)```/)?.[1] ?? "";
    const wanted = [...snippet.matchAll(/console\.log.* \/\/ (.*)/g)].map(([, text]) => text);
    expect(wanted.length).toBe(2);
    const gpu = await nodeGPU();
    const before = Object.getOwnPropertyDescriptor(globalThis, "navigator");
    Object.defineProperty(globalThis, "navigator", { value: { gpu }, configurable: true });
    const printed: string[] = [];
    try {
      const code = snippet.replace(/import .*/, "");
      const body = `return (async () => {${code}\n return gpu; })()`;
      const run = new Function("createWebGPU", "console", body);
      const engine = await run(createWebGPU, { log: (text: string) => printed.push(text) });
      expect(engine.info().software).toBe(true);
      const { lost } = engine;
      engine.dispose();
      expect((await lost).reason).toBe("destroyed");
    } finally {
      Object.defineProperty(
        globalThis,
        "navigator",
        before ?? { value: undefined, configurable: true },
      );
    }
    expect(printed).toEqual(wanted);
    if (before === undefined) {
      await expect(createWebGPU()).rejects.toThrow(
        "createWebGPU: device: expected a GPUDevice, or an environment with WebGPU and an adapter, received no navigator.gpu (in Node give a device of the package webgpu)",
      );
    }
  },
);
