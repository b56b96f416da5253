/** The page of networks: by clicks, and by what is then on the page and in the downloaded files. */
import {
  conv,
  Graph,
  globalAveragePool,
  type ModelProto,
  maxPool,
  poolWindow,
  readModel,
  relu,
  tensor,
  writeModel,
} from "@softpool/onnx";
import { createSession, fromRun, toRun } from "@softpool/onnx/session-node";
import { swapPooling } from "@softpool/poolings";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { chartRaster, pngOf } from "./pictures.ts";
import { openStudio, type PickedFile, type Studio, skipBrowser } from "./studio.ts";

const SIDE = 40;
let studio: Studio;

beforeAll(async () => {
  if (!skipBrowser) studio = await openStudio();
}, 120_000);
afterAll(() => studio?.close());

/** Two convolutions with a maximum pooling each, an average over everything: scores of six classes. */
function network(): ModelProto {
  const g = new Graph(17);
  const x = g.input("image", "float32", ["n", 3, SIDE, SIDE]);
  const weight = (name: string, shape: number[]) => {
    const count = shape.reduce((product, size) => product * size, 1);
    const data = Float64Array.from({ length: count }, (_, i) => Math.sin(1.7 * i + shape[0]) / 3);
    return g.initializer(name, tensor("float32", shape, data));
  };
  const pads = [1, 1, 1, 1];
  const a = relu(g, conv(g, x, weight("w1", [8, 3, 3, 3]), undefined, { pads }));
  const p = maxPool(g, a, poolWindow([3, 3], { strides: [2, 2], pads }));
  const b = relu(g, conv(g, p, weight("w2", [6, 8, 3, 3]), undefined, { pads }));
  const q = maxPool(g, b, poolWindow([2, 2], { strides: [2, 2] }));
  g.output(g.op("Flatten", [globalAveragePool(g, q)], {}, { outputNames: ["scores"] }));
  return g.toModel();
}

function file(name: string, bytes: Uint8Array): PickedFile {
  return { name, mimeType: "application/octet-stream", buffer: Buffer.from(bytes) };
}

/** Shares of 1 by a softmax. */
function softmax(values: ArrayLike<number>): number[] {
  const powers = Array.from(values, (value) => Math.exp(value));
  const sum = powers.reduce((total, value) => total + value, 0);
  return powers.map((value) => value / sum);
}

/** A swap. */
interface Case {
  to: string;
  only: string[];
  settings: Record<string, number>;
  inline: boolean;
}

describe.skipIf(skipBrowser)("the page of networks", () => {
  test("lists the layers, swaps the chosen ones, and downloads what the package makes", async () => {
    const tab = await studio.open({ tab: "network" });
    const { page } = tab;
    await page.getByText("filter bank").first().waitFor();
    await tab.pick("Open a network", [file("small net.onnx", writeModel(network()))]);
    await page.getByText("small net.onnx").waitFor();
    const rows = await page.locator(".layers tbody tr").allInnerTexts();
    expect(rows.length).toBe(3);
    expect(rows[0]).toMatch(/maxpool\s+maximum\s+3x3 s2 p1\s+n x 8 x 40 x 40\s+soft/);
    expect(rows[2]).toMatch(/global-average\s+everything\s+n x 6 x 10 x 10\s+stays/);

    const cases: Case[] = [
      { to: "soft", only: ["maxpool", "maxpool_1"], settings: { beta: 1 }, inline: false },
      { to: "average", only: ["maxpool_1"], settings: {}, inline: true },
      { to: "soft", only: ["maxpool"], settings: { beta: 2 }, inline: false },
    ];
    for (const { to, only, settings, inline } of cases) {
      await page.getByLabel("Method", { exact: true }).selectOption(to);
      for (const name of ["maxpool", "maxpool_1"]) {
        await page.getByLabel(`Swap ${name}`, { exact: true }).setChecked(only.includes(name));
      }
      await page.getByLabel(/Standard operators/).setChecked(inline);
      if (to === "soft") {
        const number = page.getByLabel("Temperature as a number, inf or -inf");
        await number.fill(String(settings.beta));
        await number.press("Enter");
      }
      await page.getByRole("button", { name: "Swap", exact: true }).click();
      await page.getByText(`${only.length} layer${only.length > 1 ? "s" : ""} replaced`).waitFor();
      const saved = await tab.download(() =>
        page.getByRole("button", { name: /^Download/ }).click(),
      );
      expect(saved.name).toBe(`small net-${to}.onnx`);
      const right = swapPooling(network(), { to, only, settings, inline });
      const bytes = writeModel(right.model);
      expect(Buffer.compare(saved.bytes, Buffer.from(bytes))).toBe(0);
      expect(readModel(saved.bytes).functions.length > 0).toBe(!inline);
    }
    expect([tab.problems, tab.foreign]).toEqual([[], []]);
    await tab.close();
  });

  test.each([
    { isolated: true, provider: "WebAssembly" },
    { isolated: false, provider: "WebAssembly" },
    { isolated: true, provider: "WebGPU" },
  ])("runs both networks on a picture: %o", async ({ isolated, provider }) => {
    const tab = await studio.open({ tab: "network", isolated });
    const { page } = tab;
    await page.getByText("filter bank").first().waitFor();
    const raster = chartRaster(SIDE * 2, SIDE * 2);
    // Squares of four equal pixels: scaling to the size of the input changes no value.
    for (let y = 0; y < 2 * SIDE; y++) {
      for (let x = 0; x < 2 * SIDE; x++) {
        for (let c = 0; c < 3; c++) {
          const from = ((y & ~1) * 2 * SIDE + (x & ~1)) * 3 + c;
          raster.data[(y * 2 * SIDE + x) * 3 + c] = raster.data[from];
        }
      }
    }
    await tab.drop([file("small.onnx", writeModel(network())), await pngOf("squares.png", raster)]);
    await page.getByText("squares.png").waitFor();
    await page.getByLabel("Values").selectOption("0 to 1");
    await page.getByLabel(provider, { exact: true }).check();
    await page.getByRole("button", { name: "Run both on the picture" }).click();
    await page.locator(".outcomes").waitFor({ timeout: 60_000 });

    const data = Float64Array.from({ length: 3 * SIDE * SIDE }, (_, i) => {
      const [c, y, x] = [Math.floor(i / SIDE / SIDE), Math.floor(i / SIDE) % SIDE, i % SIDE];
      return raster.data[(2 * y * 2 * SIDE + 2 * x) * 3 + c] / 255;
    });
    const feeds = { image: toRun({ dtype: "float32", shape: [1, 3, SIDE, SIDE], data }) };
    for (const [i, model] of [network(), swapPooling(network()).model].entries()) {
      const session = await createSession(writeModel(model));
      const shares = softmax(fromRun((await session.run(feeds)).scores).data);
      await session.dispose();
      const bars = await page.locator(".two-bars figure").nth(i).locator("li").allInnerTexts();
      expect(bars.length).toBe(5);
      for (const bar of bars) {
        const [, index, percent] = /class (\d+)\s+([\d.]+) %/.exec(bar) ?? [];
        expect(Math.abs(Number(percent) - 100 * shares[Number(index)]), bar).toBeLessThan(0.3);
      }
    }
    expect(await page.locator(".timing").innerText()).toMatch(
      new RegExp(`×[\\s\\S]*medians of 5 on ${provider === "WebGPU" ? "webgpu" : "cpu"}`),
    );
    // The maps behind the first layer, of both networks.
    expect(await page.locator(".outcomes canvas").count()).toBe(16);
    expect([tab.problems, tab.foreign]).toEqual([[], []]);
    await tab.close();
  });

  test("weights in another file are asked for; what is wrong is said", async () => {
    const tab = await studio.open({ tab: "network" });
    const { page } = tab;
    await page.getByText("filter bank").first().waitFor();
    const model = network();
    const stored = model.graph?.initializer.find(({ name }) => name === "w2");
    if (stored === undefined) throw new Error("no w2");
    const weights = stored.rawData;
    stored.rawData = new Uint8Array();
    stored.dataLocation = 1;
    const place = { location: "net.data", offset: "0", length: String(weights.length) };
    stored.externalData = Object.entries(place).map(([key, value]) => ({
      $typeName: "onnx.StringStringEntryProto",
      key,
      value,
    })) as typeof stored.externalData;
    const bytes = writeModel(model);
    const wrong: [PickedFile[], RegExp][] = [
      [[file("net.onnx", bytes)], /weights of this network lie in "net.data"/],
      [
        [file("net.onnx", bytes), file("net.data", weights.subarray(9))],
        /"net.data" has .* truncated/,
      ],
      [
        [file("noise.onnx", Buffer.from("not a network"))],
        /"noise.onnx": the bytes are no ONNX model|"noise.onnx"/,
      ],
      [[file("empty.onnx", Buffer.alloc(0))], /"empty.onnx"/],
    ];
    for (const [files, words] of wrong) {
      await tab.drop(files);
      await page.getByRole("alert").filter({ hasText: words }).waitFor();
    }
    await tab.drop([file("net.onnx", bytes), file("net.data", weights)]);
    await page.getByText("net.onnx").waitFor();
    await page.getByRole("button", { name: "Swap", exact: true }).click();
    await page.getByText("2 layers replaced").waitFor();
    const saved = await tab.download(() => page.getByRole("button", { name: /^Download/ }).click());
    expect(Buffer.compare(saved.bytes, Buffer.from(writeModel(swapPooling(network()).model)))).toBe(
      0,
    );
    expect(tab.problems).toEqual([]);
    await tab.close();
  });
});
