/**
 * The swap in a real browser: a page reads a network, swaps its pooling and runs it on onnxruntime-web.
 * Uses the built packages. Skipped where there is no Chromium; with CI_FULL=1 a skip is a failure.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  evaluate,
  Graph,
  globalAveragePool,
  maxPool,
  poolWindow,
  readModel,
  writeModel,
} from "@softpool/onnx";
import { chromium } from "playwright-core";
import { build } from "vite";
import { expect, test } from "vitest";
import { swapPooling } from "../src/swap.ts";
import { numbers } from "./run.ts";

const executable = ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find((path) =>
  existsSync(path),
);
const full = process.env.CI_FULL === "1";
const packages = fileURLToPath(new URL("../..", import.meta.url));

const page = `
import { readModel, writeModel } from "${packages}onnx/dist/index.js";
import { createSession } from "${packages}onnx/dist/session-web.js";
import { swapPooling } from "${packages}poolings/dist/index.js";
window.run = async (values, shape, provider) => {
  const bytes = new Uint8Array(await (await fetch("/net.onnx")).arrayBuffer());
  const results = [];
  for (const inline of [false, true]) {
    const { model, decisions } = swapPooling(readModel(bytes), { inline });
    const session = await createSession(writeModel(model), { provider, log: () => {} });
    const x = { dtype: "float32", shape, data: Float32Array.from(values) };
    const { y } = await session.run({ x });
    results.push({ y: Array.from(y.data), shape: y.shape, runs: session.provider, decisions: decisions.length });
    await session.dispose();
  }
  return results;
};
`;

const types: Record<string, string> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

test.skipIf(executable === undefined && !full)("a page swaps a network and runs it", async () => {
  expect(executable, "Chromium is needed here").toBeDefined();
  const g = new Graph(17);
  const x = g.input("x", "float32", ["n", 4, "h", "w"]);
  const pooled = maxPool(g, x, poolWindow([3, 3], { strides: [2, 2], pads: [1, 1, 1, 1] }));
  const y = globalAveragePool(g, pooled);
  g.output(g.op("Identity", [y], {}, { outputNames: ["y"] }));
  const bytes = writeModel(g.toModel());
  const input = numbers([2, 4, 11, 8], 7);
  const right = evaluate(readModel(writeModel(swapPooling(readModel(bytes)).model)), {
    x: input,
  }).y;

  const folder = mkdtempSync(join(tmpdir(), "softpool-swap-page-"));
  writeFileSync(join(folder, "page.js"), page);
  writeFileSync(
    join(folder, "index.html"),
    '<!doctype html><link rel="icon" href="data:,"><script type="module" src="/page.js"></script>',
  );
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    const path = join(folder, "out", pathname === "/" ? "index.html" : pathname);
    const content = pathname === "/net.onnx" ? bytes : existsSync(path) && readFileSync(path);
    if (content === false) response.writeHead(404).end();
    else response.writeHead(200, { "content-type": types[extname(path)] ?? "" }).end(content);
  });
  const browser = await chromium.launch({
    executablePath: executable,
    args: [
      "--no-sandbox",
      "--enable-unsafe-webgpu",
      "--use-webgpu-adapter=swiftshader",
      "--enable-features=Vulkan",
    ],
  });
  try {
    await build({
      root: folder,
      configFile: false,
      logLevel: "silent",
      build: { outDir: "out", minify: false, target: "es2022" },
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const tab = await browser.newPage();
    const problems: string[] = [];
    tab.on("pageerror", (error) => problems.push(error.message));
    await tab.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    await tab.waitForFunction(() => "run" in window);
    for (const provider of ["cpu", "webgpu"]) {
      const results = await tab.evaluate(
        ([values, shape, name]) =>
          (
            window as unknown as {
              run(
                ...args: unknown[]
              ): Promise<{ y: number[]; shape: number[]; runs: string; decisions: number }[]>;
            }
          ).run(values, shape, name),
        [Array.from(input.data), [...input.shape], provider] as const,
      );
      for (const result of results) {
        expect([result.runs, result.decisions]).toEqual([provider, 2]);
        expect(result.shape).toEqual(right.shape);
        for (const [i, value] of result.y.entries()) expect(value).toBeCloseTo(right.data[i], 5);
      }
    }
    expect(problems).toEqual([]);
  } finally {
    await browser.close();
    server.close();
    rmSync(folder, { recursive: true, force: true });
  }
});
