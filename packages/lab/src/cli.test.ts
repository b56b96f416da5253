/** The command as a whole: spawned on pictures made here, its outputs decoded and compared with plain loops. */
import { spawn, spawnSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const bin = join(dirname(fileURLToPath(import.meta.url)), "../bin/softpool.js");
let folder = "";

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "softpool-lab-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the command in the test's folder. */
function softpool(...words: string[]): { code: number | null; out: string; err: string } {
  const result = spawnSync(process.execPath, [bin, ...words], { cwd: folder, encoding: "utf8" });
  return { code: result.status, out: result.stdout, err: result.stderr };
}

/** Seeded bytes. */
function bytesOf(count: number, seed = 1): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length: count }, () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return state >>> 24;
  });
}

interface Raw {
  width: number;
  height: number;
  channels: 1 | 2 | 3 | 4;
}

/** Writes a picture and returns its bytes. */
async function make(name: string, raw: Raw, seed = 1): Promise<Uint8Array> {
  const bytes = bytesOf(raw.width * raw.height * raw.channels, seed);
  const image = sharp(bytes, { raw });
  await (raw.channels < 3 ? image.toColourspace("b-w") : image).png().toFile(join(folder, name));
  return bytes;
}

/** Pools values in [0, 1] by a plain loop, partial windows kept: one channel of interleaved pixels. */
function plainPool(
  value: (x: number, y: number) => number,
  { width, height }: Raw,
  k: number,
  s: number,
  join0: (taps: number[]) => number,
): number[][] {
  const sizes = [height, width].map((n) => {
    const out = Math.ceil((n - k) / s) + 1;
    return (out - 1) * s >= n ? out - 1 : out;
  });
  return Array.from({ length: sizes[0] }, (_, y) =>
    Array.from({ length: sizes[1] }, (_, x) => {
      const taps: number[] = [];
      for (let j = y * s; j < Math.min(height, y * s + k); j++)
        for (let i = x * s; i < Math.min(width, x * s + k); i++) taps.push(value(i, j));
      return join0(taps);
    }),
  );
}

const softly = (taps: number[]) => {
  const w = taps.map(Math.exp);
  return taps.reduce((sum, v, i) => sum + v * w[i], 0) / w.reduce((a, b) => a + b);
};
const evenly = (taps: number[]) => taps.reduce((a, b) => a + b) / taps.length;
const linear = (v: number) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
const encoded = (v: number) => (v <= 0.0031308 ? v * 12.92 : 1.055 * v ** (1 / 2.4) - 0.055);

describe("downsample", () => {
  test("every format of pixels, method, window and light gives what a plain loop gives", async () => {
    for (const channels of [1, 2, 3, 4] as const) {
      const raw = { width: 23, height: 17, channels };
      const bytes = await make(`in${channels}.png`, raw, channels);
      for (const [words, k, s, pool, light] of [
        [[], 2, 2, softly, "srgb"],
        [["-k", "3", "-s", "2", "--method", "avg"], 3, 2, evenly, "srgb"],
        [["-k", "5", "--method", "maximum"], 5, 5, (t: number[]) => Math.max(...t), "srgb"],
        [["-k", "2", "--light", "linear"], 2, 2, softly, "linear"],
        [["-k", "2", "--beta", "-inf"], 2, 2, (t: number[]) => Math.min(...t), "srgb"],
      ] as const) {
        const { code, err } = softpool(
          "downsample",
          `in${channels}.png`,
          ...words,
          "-o",
          "out.png",
        );
        expect(err).toBe("");
        expect(code).toBe(0);
        const meta = await sharp(join(folder, "out.png")).metadata();
        expect(meta.channels).toBe(channels);
        // sharp's raw output of a grey picture has no alpha: decode it as colour.
        const space = channels === 1 ? "b-w" : "srgb";
        const decoded = sharp(join(folder, "out.png")).toColourspace(space).raw();
        const all = await decoded.toBuffer();
        const got = channels === 2 ? all.filter((_, i) => i % 4 === 0 || i % 4 === 3) : all;
        const colours = channels % 2 === 0 ? channels - 1 : channels;
        const at = (x: number, y: number, c: number) =>
          bytes[(y * raw.width + x) * channels + c] / 255;
        const alphaAt = (x: number, y: number) => (channels % 2 === 0 ? at(x, y, colours) : 1);
        const alpha = plainPool(alphaAt, raw, k, s, pool);
        const toLight = light === "linear" ? linear : (v: number) => v;
        const back = light === "linear" ? encoded : (v: number) => v;
        expect([meta.height, meta.width]).toEqual([alpha.length, alpha[0].length]);
        for (let c = 0; c < channels; c++) {
          const isAlpha = c === colours;
          const value = (x: number, y: number) =>
            isAlpha ? alphaAt(x, y) : toLight(at(x, y, c)) * alphaAt(x, y);
          plainPool(value, raw, k, s, pool).forEach((line, y) => {
            line.forEach((pooled, x) => {
              const a = alpha[y][x];
              const wanted = isAlpha ? pooled : back(Math.min(1, a > 0 ? pooled / a : 0));
              const shown = got[(y * line.length + x) * channels + c];
              expect(Math.abs(shown - 255 * wanted)).toBeLessThan(0.51);
            });
          });
        }
      }
    }
  });

  test("16 bit, orientation, CMYK, animation, default names, directories", async () => {
    const deep = Uint16Array.from(bytesOf(64 * 3), (v) => v * 257 + 3);
    await sharp(deep, { raw: { width: 8, height: 8, channels: 3 } })
      .toColourspace("rgb16")
      .png()
      .toFile(join(folder, "deep.png"));
    expect(softpool("downsample", "deep.png", "--method", "max", "-o", "deep.tif").code).toBe(0);
    const out = await sharp(join(folder, "deep.tif"))
      .toColourspace("rgb16")
      .raw({ depth: "ushort" })
      .toBuffer();
    const values = new Uint16Array(out.buffer, out.byteOffset, out.length / 2);
    expect(values[0]).toBe(Math.max(deep[0], deep[3], deep[24], deep[27]));

    const turned = sharp(bytesOf(6 * 4 * 3), { raw: { width: 6, height: 4, channels: 3 } });
    await turned.jpeg().withMetadata({ orientation: 6 }).toFile(join(folder, "turned.jpg"));
    expect(softpool("downsample", "turned.jpg").code).toBe(0);
    const upright = await sharp(join(folder, "turned-soft-2x.png")).metadata();
    expect([upright.width, upright.height, upright.orientation]).toEqual([2, 3, undefined]);

    await sharp(bytesOf(192), { raw: { width: 8, height: 8, channels: 3 } })
      .toColourspace("cmyk")
      .jpeg()
      .toFile(join(folder, "cmyk.jpg"));
    await sharp(bytesOf(192), { raw: { width: 8, height: 8, channels: 3 } })
      .gif()
      .toFile(join(folder, "frame.gif"));
    const { code, out: listed } = softpool(
      "downsample",
      "cmyk.jpg",
      "frame.gif",
      "-o",
      "many",
      "--json",
    );
    expect(code).toBe(0);
    expect(readdirSync(join(folder, "many")).sort()).toEqual([
      "cmyk-soft-2x.png",
      "frame-soft-2x.png",
    ]);
    expect(JSON.parse(listed).pictures[0].outputSize).toEqual([4, 4]);
    for (const extension of ["jpg", "webp", "avif", "gif", "tiff"]) {
      expect(softpool("downsample", "in4.png", "-o", `as.${extension}`).code).toBe(0);
      expect((await sharp(join(folder, `as.${extension}`)).metadata()).width).toBe(12);
    }
  });

  test("a large picture goes through a scratch file, with the same result", async () => {
    // 24 megapixels of 3 bytes are more than what is kept in memory.
    const raw = { width: 6000, height: 4001, channels: 3 as const };
    const background = { r: 10, g: 20, b: 200 };
    await sharp({ create: { ...raw, background } })
      .png({ compressionLevel: 1 })
      .toFile(join(folder, "large.png"));
    expect(softpool("downsample", "large.png", "-k", "2", "-o", "small.png").code).toBe(0);
    const { data, info } = await sharp(join(folder, "small.png"))
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect([info.width, info.height]).toEqual([3000, 2001]);
    expect([...new Set(data)].sort((a, b) => a - b)).toEqual([10, 20, 200]);
    expect(readdirSync(tmpdir()).filter((name) => /^softpool-\d+-.*\.v$/.test(name))).toEqual([]);
  });
});

test("compare: numbers, table, report and JSON", async () => {
  await make("a.png", { width: 41, height: 37, channels: 3 });
  mkdirSync(join(folder, "set"), { recursive: true });
  await make("set/<img src=x onerror=alert(1)>.png", { width: 40, height: 40, channels: 3 });
  await make("set/grey.png", { width: 40, height: 30, channels: 1 });
  writeFileSync(join(folder, "set/broken.png"), "no picture");
  const { code, out, err } = softpool(
    "compare",
    "a.png",
    "set",
    "--kernels",
    "2,3",
    "-o",
    "report",
  );
  expect(code).toBe(1);
  expect(err).toContain('cannot read "set/broken.png": it is not a picture in a known format');
  // A table for every picture and one of the means, 100 columns wide at most.
  expect(out.match(/^.*protocol bilinear, engine wasm.*$/gm)?.length).toBe(4);
  const lines = out.split("\n").filter((line) => /^\dx\d/.test(line));
  expect(lines.length).toBe(4 * 2 * 5);
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(100);
  expect(out.match(/\*/g)?.length).toBeGreaterThan(4 * 2 * 4);
  const html = readFileSync(join(folder, "report/index.html"), "utf8");
  expect(html).not.toContain("<img src=x");
  expect(html).toContain("&lt;img src=x onerror=alert(1)&gt;");
  expect(html.match(/(src|href)="(?!data:image\/webp;base64,|#)/g)).toBeNull();
  expect(html).not.toMatch(/<script|https?:\/\//);
  expect(html).toContain("Engine <b>wasm");
  const json = JSON.parse(readFileSync(join(folder, "report/results.json"), "utf8"));
  expect(json.rows.length).toBe(3 * 2 * 5);
  expect(json.rows[0].size).toEqual([40, 36]);
  expect(json.failures.length).toBe(1);
  // PSNR of the average against a plain loop: nearest reconstruction is the pooled block itself.
  const nearest = softpool(
    "compare",
    "a.png",
    "-k",
    "2",
    "-p",
    "nearest",
    "-m",
    "avg",
    "--json",
    "-o",
    "r2",
  );
  const bytes = bytesOf(41 * 37 * 3);
  let error = 0;
  const raw = { width: 40, height: 36, channels: 3 as const };
  for (let c = 0; c < 3; c++) {
    const at = (x: number, y: number) => bytes[(y * 41 + x) * 3 + c] / 255;
    plainPool(at, raw, 2, 2, evenly).forEach((line, y) => {
      line.forEach((v, x) => {
        for (const [i, j] of [
          [0, 0],
          [0, 1],
          [1, 0],
          [1, 1],
        ])
          error += (at(2 * x + i, 2 * y + j) - v) ** 2;
      });
    });
  }
  const psnr = -10 * Math.log10(error / (40 * 36 * 3));
  expect(JSON.parse(nearest.out).rows[0].score.srgb.psnr).toBeCloseTo(psnr, 4);
  // Without pictures, the chart.
  const chart = softpool("compare", "-k", "2", "-m", "soft,average", "-o", "chart");
  expect(chart.code).toBe(0);
  expect(chart.out).toContain("Report: chart/index.html");
});

test("wrong usage and bad input: one sentence, the right exit code, no trace", async () => {
  await make("ok.png", { width: 8, height: 6, channels: 3 });
  await make("one.png", { width: 1, height: 1, channels: 3 });
  writeFileSync(join(folder, "text.png"), "this is no picture");
  writeFileSync(join(folder, "empty.png"), "");
  await sharp(bytesOf(3 * 200 * 200), { raw: { width: 200, height: 200, channels: 3 } })
    .jpeg()
    .toFile(join(folder, "whole.jpg"));
  const whole = readFileSync(join(folder, "whole.jpg"));
  writeFileSync(join(folder, "cut.jpg"), whole.subarray(0, whole.length >> 1));
  mkdirSync(join(folder, "nothing"), { recursive: true });
  mkdirSync(join(folder, "dir.png"), { recursive: true });
  const cases: [string[], number, string][] = [
    [["downsample"], 2, "expected at least one picture, received none"],
    [["downsample", "missing.png"], 1, 'cannot read "missing.png": it does not exist'],
    [
      ["downsample", "text.png"],
      1,
      'cannot read "text.png": it is not a picture in a known format',
    ],
    [["downsample", "empty.png"], 1, 'cannot read "empty.png":'],
    [["downsample", "cut.jpg"], 1, 'cannot read "cut.jpg":'],
    [["downsample", "nothing"], 1, 'cannot read "nothing":'],
    [
      ["downsample", "ok.png", "-k", "7"],
      1,
      "the kernel of 7 x 7 is larger than the picture of 8 x 6 pixels",
    ],
    [
      ["downsample", "one.png"],
      1,
      "the kernel of 2 x 2 is larger than the picture of 1 x 1 pixels",
    ],
    [
      ["downsample", "ok.png", "-k", "0"],
      2,
      '-k: expected a whole number from 1 or two as HEIGHTxWIDTH, received "0"',
    ],
    [
      ["downsample", "ok.png", "-k", "2x2x2"],
      2,
      "-k: expected a whole number from 1 or two as HEIGHTxWIDTH",
    ],
    [["downsample", "ok.png", "--method", "sofft"], 2, "did you mean soft?"],
    [
      ["downsample", "ok.png", "--beta", "hot"],
      2,
      '--beta: expected a number, inf or -inf, received "hot"',
    ],
    [
      ["downsample", "ok.png", "--method", "max", "--beta", "2"],
      2,
      "--beta: only soft has a temperature",
    ],
    [["downsample", "ok.png", "--light", "liner"], 2, "did you mean linear?"],
    [
      ["downsample", "ok.png", "--metod", "max"],
      2,
      "unknown option --metod, did you mean --method?",
    ],
    [["downsample", "ok.png", "-o"], 2, "expected a value, received none"],
    [["downsample", "ok.png", "-o", "x.bmp"], 2, "-o: expected a file name ending in .png"],
    [["downsample", "ok.png", "-o", "ok.png"], 2, "-o: expected another file than the input"],
    [
      ["downsample", "ok.png", "-o", "none/x.png"],
      1,
      'cannot write "none/x.png": its directory does not exist',
    ],
    [["downsample", "ok.png", "-o", "text.png/x.png"], 1, 'cannot write "text.png/x.png"'],
    [
      ["downsample", "ok.png", "one.png", "-o", "text.png"],
      2,
      "-o: expected a directory for 2 pictures",
    ],
    [["downsample", "ok.png", "missing.png", "-o", "two"], 1, "1 of 2 pictures failed"],
    [["compare", "nothing"], 1, 'no pictures in the directory "nothing"'],
    [["compare", "missing.png"], 1, 'cannot read "missing.png": it does not exist'],
    [
      ["compare", "ok.png", "-k", "7"],
      1,
      "with kernel 7: it is larger than the picture of 8 x 6 pixels",
    ],
    [
      ["compare", "ok.png", "-k", "2,x"],
      2,
      '--kernels: expected a whole number from 1, received "x"',
    ],
    [["compare", "ok.png", "-p", "bilinar"], 2, "did you mean bilinear?"],
    [["compare", "ok.png", "-m", "soft,mx"], 2, "did you mean max?"],
    [["compare", "ok.png", "-o", "text.png"], 1, 'cannot create the directory "text.png"'],
    [["compre"], 2, 'unknown command "compre", did you mean compare?'],
    [["checks", "now"], 2, "expected no arguments"],
  ];
  for (const [words, code, sentence] of cases) {
    const result = softpool(...words);
    const label = words.join(" ");
    expect(result.err, label).toContain(sentence);
    expect(result.err, label).not.toMatch(/\n\s+at |node_modules|Error:/);
    expect(result.code, label).toBe(code);
  }
  // What worked beside what failed is there, and no temporary file is left.
  expect(existsSync(join(folder, "two/ok-soft-2x.png"))).toBe(true);
  expect(readdirSync(folder).filter((name) => name.endsWith(".tmp"))).toEqual([]);
});

test("no input is overwritten, and a full disk is told", async () => {
  const bytes = await make("kept.png", { width: 8, height: 6, channels: 3 });
  mkdirSync(join(folder, "other"), { recursive: true });
  await make("other/kept.png", { width: 6, height: 6, channels: 3 });
  // One output is another input, named by another path.
  softpool("downsample", "other/kept.png", "-o", "kept-soft-2x.png");
  const taken = softpool("downsample", "kept.png", "other/../kept-soft-2x.png");
  expect(taken.err).toContain("-o: expected another file than the input");
  expect(taken.code).toBe(2);
  expect([...(await sharp(join(folder, "kept.png")).raw().toBuffer())]).toEqual([...bytes]);
  // Two inputs of one name.
  expect(softpool("downsample", "kept.png", "other/kept.png", "-o", "pair/").code).toBe(0);
  expect(readdirSync(join(folder, "pair")).sort()).toEqual([
    "kept-soft-2x-2.png",
    "kept-soft-2x.png",
  ]);
  if (existsSync("/dev/full")) {
    const full = openSync("/dev/full", "w");
    const { status, stderr } = spawnSync(process.execPath, [bin, "--version"], {
      stdio: ["ignore", full, "pipe"],
      encoding: "utf8",
    });
    closeSync(full);
    expect(stderr).toBe('softpool: cannot write to "standard output": the disk is full\n');
    expect(status).toBe(1);
  }
});

test("Ctrl-C stops between steps and keeps what is done", async () => {
  const names = Array.from({ length: 40 }, (_, i) => `crowd/${i + 10}.png`);
  mkdirSync(join(folder, "crowd"), { recursive: true });
  for (const name of names) await make(name, { width: 300, height: 300, channels: 3 });
  const child = spawn(process.execPath, [bin, "compare", "crowd", "-o", "stopped"], {
    cwd: folder,
  });
  let err = "";
  child.stderr.on("data", (text) => {
    err += text;
  });
  const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));
  // The directory is made when the work begins.
  while (!existsSync(join(folder, "stopped"))) await pause(20);
  await pause(300);
  child.kill("SIGINT");
  const code = await new Promise((done) => child.on("exit", done));
  expect(code).toBe(130);
  expect(err).toMatch(/interrupted after \d+ of 40 pictures, "stopped\/index.html" has these/);
  const { interrupted, rows } = JSON.parse(
    readFileSync(join(folder, "stopped/results.json"), "utf8"),
  );
  expect(interrupted).toBe(true);
  expect(rows.length % 15).toBe(0);
  expect(rows.length).toBeLessThan(40 * 15);
});

test("help, version, checks", () => {
  expect(softpool().out).toContain("Usage");
  expect(softpool("--version").out).toMatch(/^\d+\.\d+\.\d+\n$/);
  const commands = ["downsample", "compare", "checks", "models", "build", "swap", "train", "eval"];
  for (const command of [...commands, "mcnemar"]) {
    const { out, code } = softpool(command, "--help");
    expect(code).toBe(0);
    expect(out).toContain("Example");
    expect(out).toMatchSnapshot(command);
  }
  const checks = softpool("checks", "--json");
  expect(checks.code).toBe(0);
  const { versions, engine } = JSON.parse(checks.out);
  expect(versions.node).toBe(process.versions.node);
  expect(engine.simd).toBe(true);
  expect(softpool("checks").out).toContain("engine wasm");
});
