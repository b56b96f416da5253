/** The page of pictures: by clicks, and by what is then on the page and in the downloaded files. */
import { createPicture, cropToMultiple, PictureReference } from "@softpool/pictures";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  chartRaster,
  decodePng,
  farApart,
  type Pooling,
  pngOf,
  pooledPixels,
  type Raster,
} from "./pictures.ts";
import { openStudio, type Studio, type StudioPage, skipBrowser } from "./studio.ts";

const raster = chartRaster(301, 207);
let studio: Studio;

beforeAll(async () => {
  if (!skipBrowser) studio = await openStudio();
}, 120_000);
afterAll(() => studio?.close());

/** Opens a page with the picture in it. */
async function opened(options = {}, picture: Raster = raster): Promise<StudioPage> {
  const tab = await studio.open(options);
  await tab.pick("Open a picture", [await pngOf("a chart.png", picture)]);
  await tab.page.getByText(`${picture.width} × ${picture.height} pixels`).waitFor();
  await settled(tab.page);
  return tab;
}

/** Waits until all methods are measured. */
async function settled(page: Page): Promise<void> {
  await page.waitForFunction(() => {
    const table = document.querySelector(".measures tbody");
    return table !== null && table.textContent !== "" && !table.textContent?.includes("…");
  });
}

/** Moves a slider. */
async function slide(page: Page, label: string | RegExp, value: number): Promise<void> {
  await page.getByLabel(label).first().fill(String(value));
}

async function downloaded({ page, download }: StudioPage, title: string) {
  const file = await download(() => page.getByLabel(`Download ${title} as PNG`).click());
  return { name: file.name, pixels: await decodePng(file.bytes) };
}

const titles = {
  soft: "SoftPool",
  average: "Average",
  maximum: "Maximum",
  sum: "Sum",
  "power-average": "Power average",
} as const;

describe.skipIf(skipBrowser)("the page of pictures", () => {
  test("begins with the chart, says what it runs on, and asks nobody else", async () => {
    const tab = await studio.open();
    await settled(tab.page);
    const text = await tab.page.innerText("body");
    for (const words of [
      "resolution chart",
      "Nothing leaves this machine.",
      "WebAssembly SIMD",
      "cross-origin isolated",
      "WebGPU on",
      "1.0 megapixels",
    ]) {
      expect(text).toContain(words);
    }
    expect(await tab.page.locator(".pane").count()).toBe(8);
    expect([tab.problems, tab.foreign]).toEqual([[], []]);
    await tab.close();
  });

  test("downloads what the operator gives, for every method, light, kernel and temperature", async () => {
    const tab = await opened();
    const { page } = tab;
    const cases: (Omit<Pooling, "method"> & { place: number })[] = [
      { kernel: 3, stride: 3, beta: 1, place: 500, linear: false },
      { kernel: 2, stride: 2, beta: 81, place: 900, linear: true },
      { kernel: 5, stride: 2, beta: Number.POSITIVE_INFINITY, place: 1000, linear: false },
      { kernel: 4, stride: 6, beta: 0, place: 0, linear: true },
    ];
    for (const { place, ...pooling } of cases) {
      await slide(page, "Kernel", pooling.kernel);
      await slide(page, "Stride", pooling.stride);
      await slide(page, "Temperature β", place);
      await page.getByLabel(pooling.linear ? "linear" : "sRGB").check();
      await settled(page);
      for (const method of Object.keys(titles) as (keyof typeof titles)[]) {
        const right = pooledPixels(raster, { ...pooling, method });
        const { pixels } = await downloaded(tab, titles[method]);
        const { size, most, share } = farApart(right, pixels);
        const what = `${method} ${JSON.stringify(pooling)}`;
        expect([size, most <= 1], what).toEqual([true, true]);
        // Values in the middle of two steps are rounded either way.
        expect(share, what).toBeLessThan(pooling.linear ? 2e-3 : 2e-2);
      }
    }
    expect(tab.problems).toEqual([]);
    await tab.close();
  });

  test("shows the SSIM and PSNR that the packages give", async () => {
    const tab = await opened();
    const { page } = tab;
    await slide(page, "Kernel", 2);
    await settled(page);
    const { width, height, data } = raster;
    const values = new Float32Array(3 * width * height);
    for (let i = 0; i < width * height; i++) {
      for (let c = 0; c < 3; c++) values[c * width * height + i] = data[3 * i + c] / 255;
    }
    const original = cropToMultiple(createPicture(width, height, 3, values), 2);
    const reference = new PictureReference(original);
    const area = original.width * original.height;
    const [w, h] = [original.width / 2, original.height / 2];
    for (const [name, pick] of [
      ["Average", (taps: number[]) => taps.reduce((sum, tap) => sum + tap, 0) / 4],
      ["Maximum", (taps: number[]) => Math.max(...taps)],
    ] as const) {
      const pooled = createPicture(w, h, 3);
      for (let c = 0; c < 3; c++) {
        for (let y = 0; y < h; y++) {
          for (let x = 0; x < w; x++) {
            const at = c * area + 2 * y * original.width + 2 * x;
            const taps = [at, at + 1, at + original.width, at + original.width + 1];
            pooled.data[(c * h + y) * w + x] = pick(taps.map((i) => original.data[i]));
          }
        }
      }
      const [srgb, linear] = reference.compare(pooled, 2, [
        { protocol: "nearest", light: "srgb" },
        { protocol: "nearest", light: "linear" },
      ]);
      const row = await page
        .locator(".measures tbody tr", { hasText: name })
        .first()
        .locator("td")
        .allInnerTexts();
      const wanted = [srgb.ssim, linear.ssim, srgb.psnr, linear.psnr];
      for (const [i, value] of wanted.entries()) {
        expect(Math.abs(Number(row[i]) - value), `${name} ${i}`).toBeLessThan(i < 2 ? 1e-4 : 1e-2);
      }
      const pane = await page.locator(`[data-subject="${name.toLowerCase()}"]`).innerText();
      expect(pane).toContain(`SSIM ${row[0]}`);
      expect(pane).toMatch(/ ms/);
    }
    await tab.close();
  });

  test("the temperature goes from average to maximum, by slider, marks and number", async () => {
    const tab = await opened();
    const { page } = tab;
    await page.getByRole("button", { name: "average β = 0" }).click();
    await settled(page);
    const low = await downloaded(tab, "SoftPool");
    const average = await downloaded(tab, "Average");
    expect(low.name).toBe("a chart-soft-beta0-3x.png");
    expect(farApart(low.pixels, average.pixels).most).toBeLessThanOrEqual(1);
    await page.getByRole("button", { name: "maximum β = ∞" }).click();
    await settled(page);
    const high = await downloaded(tab, "SoftPool");
    const maximum = await downloaded(tab, "Maximum");
    expect(farApart(high.pixels, maximum.pixels)).toEqual({ size: true, most: 0, share: 0 });
    const number = page.getByLabel("Temperature as a number, inf or -inf");
    await number.fill("2.5");
    await number.press("Enter");
    await settled(page);
    const soft = await downloaded(tab, "SoftPool");
    expect(soft.name).toBe("a chart-soft-beta2.5-3x.png");
    const right = pooledPixels(raster, {
      method: "soft",
      kernel: 3,
      stride: 3,
      beta: 2.5,
      linear: false,
    });
    expect(farApart(soft.pixels, right).most).toBeLessThanOrEqual(1);
    await number.fill("warm");
    await number.press("Enter");
    expect(await number.inputValue()).toBe("2.50");
    const timing = await page.locator(".timing").innerText();
    expect(timing).toMatch(/ms for 0\.06\d megapixels[\s\S]*operator .* \+ pixels .* ms/);
    await tab.close();
  });

  test("the divider parts two pictures, panes move together, differences are drawn", async () => {
    const tab = await opened();
    const { page } = tab;
    /** The mean brightness of a pane, and a few of its pixels. */
    const look = (selector: string) =>
      page.locator(selector).evaluate((element) => {
        const { width, height } = element as HTMLCanvasElement;
        const context = (element as HTMLCanvasElement).getContext("2d") as CanvasRenderingContext2D;
        const { data } = context.getImageData(0, 0, width, height);
        let sum = 0;
        for (let i = 0; i < data.length; i += 4) sum += data[i] + data[i + 1] + data[i + 2];
        const places = Array.from(
          { length: 200 },
          (_, i) => data[4 * ((i * 7919) % (width * height))],
        );
        return { mean: sum / (width * height * 3), places: places.join(" ") };
      });
    const pooled = await look('[data-subject="sum"] .stage');
    const whole = await look('[data-subject="original"] .stage');
    expect(pooled.mean).toBeGreaterThan(whole.mean + 20);
    await page.getByLabel("Divider", { exact: true }).check();
    await page.getByLabel("Left", { exact: true }).selectOption("Original");
    await page.getByLabel("Right", { exact: true }).selectOption("Sum");
    const seen = async () => (await look(".divided .stage")).mean;
    await page.getByRole("slider", { name: "Divider" }).press("End");
    await expect.poll(seen).toBeLessThan(whole.mean + 10);
    const original = await seen();
    await page.getByRole("slider", { name: "Divider" }).press("Home");
    await expect.poll(seen).toBeGreaterThan(original + 20);
    const sum = await seen();
    const handle = await page.getByRole("slider", { name: "Divider" }).boundingBox();
    const stage = await page.locator(".divided .stage").boundingBox();
    if (handle === null || stage === null) throw new Error("no divider");
    await page.mouse.move(handle.x + handle.width / 2, stage.y + stage.height / 2);
    await page.mouse.down();
    await page.mouse.move(stage.x + 0.8 * stage.width, stage.y + stage.height / 2, { steps: 4 });
    await page.mouse.up();
    const part = await page.getByRole("slider", { name: "Divider" }).getAttribute("aria-valuenow");
    expect(Math.abs(Number(part) - 80)).toBeLessThanOrEqual(1);
    // Four fifths original, the rest sum.
    await expect.poll(seen).toBeLessThan(original + 0.5 * (sum - original));
    expect(await seen()).toBeGreaterThan(original);

    await page.getByLabel("Difference").check();
    const mean = async (subject: string) => (await look(`[data-subject="${subject}"] .stage`)).mean;
    await expect.poll(() => mean("average")).toBeLessThan(whole.mean / 2);
    const near = await mean("average");
    expect(near).toBeGreaterThan(1);
    await expect.poll(() => mean("sum")).toBeGreaterThan(near + 20);

    await page.getByLabel("Side by side").check();
    await expect.poll(() => mean("average")).toBeGreaterThan(whole.mean - 20);
    const before = await look('[data-subject="average"] .stage');
    await page.locator('[data-subject="soft"] .stage').focus();
    for (const key of ["+", "+", "+", "+", "ArrowRight", "ArrowDown"])
      await page.keyboard.press(key);
    expect(await page.getByRole("button", { name: "Show the whole picture" }).innerText()).toMatch(
      /\d %/,
    );
    await expect.poll(() => look('[data-subject="average"] .stage')).not.toEqual(before);
    await page.keyboard.press("0");
    await expect.poll(() => look('[data-subject="average"] .stage')).toEqual(before);
    expect(tab.problems).toEqual([]);
    await tab.close();
  });

  test("takes dropped and pasted pictures, with alpha too; what it cannot take it says", async () => {
    const tab = await opened();
    const { page } = tab;
    const alpha = chartRaster(120, 90, 4);
    await tab.drop([await pngOf("glass.png", alpha)]);
    await page.getByText("120 × 90 pixels").waitFor();
    await settled(page);
    const { pixels } = await downloaded(tab, "Average");
    expect([pixels.width, pixels.height]).toEqual([40, 30]);
    // Alpha is the average of its window.
    let sum = 0;
    for (let y = 0; y < 3; y++)
      for (let x = 0; x < 3; x++) sum += alpha.data[4 * (y * 120 + x) + 3];
    expect(Math.abs(pixels.data[3] - sum / 9)).toBeLessThanOrEqual(1);

    const { buffer } = await pngOf("pasted.png", chartRaster(100, 80));
    await page.evaluate((base64) => {
      const data = new DataTransfer();
      const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
      data.items.add(new File([bytes], "image.png", { type: "image/png" }));
      document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true }));
    }, buffer.toString("base64"));
    await page.getByText("100 × 80 pixels").waitFor();

    const huge = '<svg xmlns="http://www.w3.org/2000/svg" width="9000" height="9000"/>';
    const wrong: [string, string, Buffer, RegExp][] = [
      [
        "broken.png",
        "image/png",
        buffer.subarray(0, 90),
        /"broken.png" is not a picture that this browser can read/,
      ],
      ["empty.jpg", "image/jpeg", Buffer.alloc(0), /"empty.jpg" is empty/],
      [
        "words.txt",
        "text/plain",
        Buffer.from("x"),
        /"words.txt": expected a picture, a video or an ONNX file/,
      ],
      ["huge.svg", "image/svg+xml", Buffer.from(huge), /9000 × 9000 pixels .*too large/],
    ];
    for (const [name, mimeType, bytes, words] of wrong) {
      await tab.drop([{ name, mimeType, buffer: bytes }]);
      await page.getByRole("alert").filter({ hasText: words }).waitFor();
      // The picture that was there is still there.
      expect(await page.getByText("100 × 80 pixels").isVisible()).toBe(true);
    }
    await slide(page, "Kernel", 16);
    await tab.drop([
      await pngOf("small.png", {
        ...chartRaster(64, 64),
        width: 64,
        height: 9,
        data: chartRaster(64, 64).data.subarray(0, 64 * 9 * 3),
      }),
    ]);
    await page.locator(".pane", { hasText: "larger than the picture of 64 x 9" }).first().waitFor();
    expect(tab.problems).toEqual([]);
    await tab.close();
  });

  test("without isolation there is one thread; with an adapter WebGPU gives the same pixels", async () => {
    const tab = await opened({ isolated: false });
    const { page } = tab;
    const text = await page.innerText("footer");
    expect(text).toContain("WebAssembly SIMD, 1 thread");
    expect(text).toContain("one thread: this page is not cross-origin isolated");
    const wasm = await downloaded(tab, "SoftPool");
    await page.getByLabel("WebGPU").check();
    await page.getByText(/\(WebGPU\)/).waitFor({ timeout: 60_000 });
    const gpu = await downloaded(tab, "SoftPool");
    expect(farApart(wasm.pixels, gpu.pixels).most).toBeLessThanOrEqual(1);
    await page.waitForFunction(() => {
      const cells = document.querySelectorAll(".measures tbody tr:first-child td");
      return (
        cells.length === 6 &&
        [...cells].slice(4).every((cell) => / ms/.test(cell.textContent ?? ""))
      );
    });
    expect([tab.problems, tab.foreign]).toEqual([[], []]);
    await tab.close();
  });
});
