/** The page of videos: by clicks, and by the frames of what it writes. */
import { softPool3d } from "softpool";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Site } from "../../../test/browser.js";
import { type Decoded, openDecoder } from "./decoder.ts";
import { openStudio, type Studio, skipBrowser } from "./studio.ts";

const [WIDTH, HEIGHT, RATE] = [960, 540, 30];
let studio: Studio;
let decoder: Site;

beforeAll(async () => {
  if (!skipBrowser) [studio, decoder] = await Promise.all([openStudio(), openDecoder()]);
}, 120_000);
afterAll(async () => {
  await studio?.close();
  await decoder?.close();
});

async function decode(bytes: Uint8Array): Promise<Decoded> {
  const tab = await decoder.open("decode");
  const decoded = await tab.call<Decoded>("decode", Buffer.from(bytes).toString("base64"));
  await tab.close();
  return decoded;
}

/** Frames of the scene, pooled by the operator in float64: windows of `span` frames and `kernel` pixels. */
async function pooledScene(first: number, span: number, kernel: number, beta: number) {
  const tab = await decoder.open("scene");
  const frames = (await tab.call<string[]>("scene", first, span)).map((text) =>
    Buffer.from(text, "base64"),
  );
  await tab.close();
  const count = WIDTH * HEIGHT;
  const data = new Float64Array(3 * span * count);
  for (const [t, frame] of frames.entries()) {
    for (let c = 0; c < 3; c++) {
      for (let i = 0; i < count; i++) data[(c * span + t) * count + i] = frame[3 * i + c] / 255;
    }
  }
  const x = { data, shape: [1, 3, span, HEIGHT, WIDTH] };
  return softPool3d(x, { kernelSize: [span, kernel, kernel], beta, ceilMode: true });
}

describe.skipIf(skipBrowser)("the page of videos", () => {
  test.each([
    { name: "WebM", format: /^WebM vp/, span: 2, kernel: 6, beta: 1 },
    { name: "MP4", format: /^MP4 /, span: 3, kernel: 4, beta: 9 },
  ])("writes what the operator gives: %o", async ({ name, format, span, kernel, beta }) => {
    const tab = await studio.open({ tab: "video" });
    const { page } = tab;
    await page.getByText("moving chart").first().waitFor();
    await page.getByLabel("Kernel in time, frames").fill(String(span));
    await page.getByLabel("Kernel in space").fill(String(kernel));
    const number = page.getByLabel("Temperature as a number, inf or -inf");
    await number.fill(String(beta));
    await number.press("Enter");
    const button = page.getByRole("button", { name: new RegExp(`Export ${name}`) });
    await button.and(page.locator(":enabled")).waitFor();
    const file = await tab.download(() => button.click());
    const heat = beta === 1 ? "" : `-beta${beta}`;
    expect(file.name).toBe(
      `moving chart-soft${heat}-${span}x${kernel}x${kernel}.${name.toLowerCase()}`,
    );
    await page.getByText("is written:").waitFor();

    const decoded = await decode(file.bytes);
    const [width, height] = [Math.ceil(WIDTH / kernel), Math.ceil(HEIGHT / kernel)];
    const even = [width - (width % 2), height - (height % 2)];
    expect([decoded.width, decoded.height]).toEqual(even);
    expect(decoded.format).toMatch(format);
    expect(decoded.times.length).toBe(Math.ceil((8 * RATE) / span));
    for (const [i, time] of decoded.times.entries()) {
      expect(Math.abs(time - (i * span) / RATE), `frame ${i}`).toBeLessThan(2e-3);
    }
    for (const i of [0, 17, decoded.times.length - 1]) {
      const { data } = await pooledScene(i * span, span, kernel, beta);
      const frame = Buffer.from(decoded.frames[i], "base64");
      let error = 0;
      for (let y = 0; y < even[1]; y++) {
        for (let x = 0; x < even[0]; x++) {
          // Brightness: codecs keep colours at half the size.
          let [own, right] = [0, 0];
          for (const [c, weight] of [0.299, 0.587, 0.114].entries()) {
            own += (weight * frame[3 * (y * even[0] + x) + c]) / 255;
            right += weight * data[(c * height + y) * width + x];
          }
          error += (own - right) ** 2;
        }
      }
      const psnr = 10 * Math.log10((even[0] * even[1]) / error);
      expect(psnr, `frame ${i}`).toBeGreaterThan(27);
    }
    expect([tab.problems, tab.foreign]).toEqual([[], []]);
    await tab.close();
  });

  test("plays original and pooled together, takes files, stops writing", async () => {
    const tab = await studio.open({ tab: "video" });
    const { page } = tab;
    await page.getByText("moving chart").first().waitFor();
    await page.getByLabel("Kernel in space").fill("8");
    const shown = (label: string) =>
      page.getByLabel(label, { exact: true }).evaluate((element) => {
        const { width, height } = element as HTMLCanvasElement;
        const context = (element as HTMLCanvasElement).getContext("2d") as CanvasRenderingContext2D;
        const { data } = context.getImageData(0, 0, width, height);
        return {
          width,
          height,
          sum: data.reduce((sum, value, i) => sum + ((i % 97) + 1) * value, 0),
        };
      });
    await page.waitForFunction(
      () => document.querySelectorAll("canvas.screen")[1]?.getAttribute("width") === "120",
    );
    const before = [await shown("Original frame"), await shown("Pooled frame")];
    expect([before[0].width, before[0].height, before[1].width, before[1].height]).toEqual([
      960, 540, 120, 68,
    ]);
    await page.getByRole("button", { name: "Play" }).click();
    await page.waitForFunction(
      () => Number((document.querySelector(".transport input") as HTMLInputElement).value) > 120,
    );
    await page.getByRole("button", { name: "Pause" }).click();
    const after = [await shown("Original frame"), await shown("Pooled frame")];
    expect(after[0].sum).not.toBe(before[0].sum);
    expect(after[1].sum).not.toBe(before[1].sum);
    // Back to the beginning: the same frames as before.
    await page.getByLabel("Position").fill("0");
    await expect.poll(() => shown("Original frame"), { timeout: 10_000 }).toEqual(before[0]);
    await expect.poll(() => shown("Pooled frame"), { timeout: 10_000 }).toEqual(before[1]);

    const webm = page.getByRole("button", { name: /Export WebM/ });
    await webm.and(page.locator(":enabled")).waitFor();
    await webm.click();
    await page.getByRole("button", { name: "Stop" }).click();
    await webm.and(page.locator(":enabled")).waitFor();
    expect(await page.locator(".notice").count()).toBe(0);

    const { bytes } = await tab.download(() => webm.click());
    const video = { name: "small.webm", mimeType: "video/webm", buffer: Buffer.from(bytes) };
    await tab.drop([video]);
    await page.getByText("small.webm").first().waitFor();
    await page.getByText(/120 × 68, 15 frames\/s/).waitFor();
    const wrong: [string, Buffer, RegExp][] = [
      ["cut.webm", video.buffer.subarray(0, 60), /"cut.webm"/],
      [
        "noise.mp4",
        Buffer.from("not a video at all"),
        /"noise.mp4" is not a video that the page can read/,
      ],
      ["empty.mov", Buffer.alloc(0), /"empty.mov" is empty/],
    ];
    for (const [name, buffer, words] of wrong) {
      await tab.drop([{ name, mimeType: "video/webm", buffer }]);
      await page.getByRole("alert").filter({ hasText: words }).waitFor();
      expect(await page.getByText("small.webm").first().isVisible()).toBe(true);
    }
    expect([tab.problems, tab.foreign]).toEqual([[], []]);
    await tab.close();
  });

  test("says in words when the browser has no WebCodecs", async () => {
    const without = await openStudio(
      "delete globalThis.VideoEncoder; delete globalThis.VideoDecoder;",
    );
    try {
      const tab = await without.open({ tab: "video" });
      const { page } = tab;
      await page.getByText("moving chart").first().waitFor();
      await page
        .getByText("This browser has no WebCodecs, with which the page codes videos.")
        .waitFor();
      expect(await page.getByRole("button", { name: /Export WebM/ }).isEnabled()).toBe(false);
      await tab.drop([{ name: "a.mp4", mimeType: "video/mp4", buffer: Buffer.from("x") }]);
      await page.getByRole("alert").filter({ hasText: "has no WebCodecs" }).waitFor();
      // The moving chart needs none.
      await page.getByRole("button", { name: "Play" }).click();
      await page.waitForFunction(
        () => Number((document.querySelector(".transport input") as HTMLInputElement).value) > 30,
      );
      expect(tab.problems).toEqual([]);
    } finally {
      await without.close();
    }
  });
});
