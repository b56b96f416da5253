import fc from "fast-check";
import { expect, test } from "vitest";
import { lanes, Scales } from "./ssim-map.ts";

const g = Array.from({ length: 11 }, (_, i) => Math.exp(-((i - 5) ** 2) / 4.5));
const total = g.reduce((sum, v) => sum + v);

type Plane = (x: number, y: number) => number;

/** The definition at one position: l cs and cs. */
function definition(a: Plane, b: Plane, left: number, top: number, range: number): number[] {
  let [mx, my, xx, yy, xy] = [0, 0, 0, 0, 0];
  for (let j = 0; j < 121; j++) {
    const [dx, dy] = [j % 11, Math.floor(j / 11)];
    const w = (g[dx] * g[dy]) / total ** 2;
    const [x, y] = [a(left + dx, top + dy), b(left + dx, top + dy)];
    mx += w * x;
    my += w * y;
    xx += w * x * x;
    yy += w * y * y;
    xy += w * x * y;
  }
  const [c1, c2] = [(0.01 * range) ** 2, (0.03 * range) ** 2];
  const cs = (2 * (xy - mx * my) + c2) / (xx - mx ** 2 + yy - my ** 2 + c2);
  return [((2 * mx * my + c1) / (mx ** 2 + my ** 2 + c1)) * cs, cs];
}

/** The 2 x 2 means of a plane. */
const half =
  (p: Plane): Plane =>
  (x, y) =>
    (p(2 * x, 2 * y) + p(2 * x + 1, 2 * y) + p(2 * x, 2 * y + 1) + p(2 * x + 1, 2 * y + 1)) / 4;

test("the means of every plane and scale follow the definition, at any size, for a part, again and again", () => {
  const side = fc.oneof(fc.integer({ min: 1, max: 45 }), fc.constantFrom(73, 74, 75, 139, 148));
  const plane = fc.record({
    range: fc.constantFrom(1, 0.1, 3),
    repeat: fc.integer({ min: 1, max: 3 }),
  });
  const planes = fc.array(plane, { minLength: 1, maxLength: lanes });
  const cut = fc.integer({ min: 0, max: 4 });
  fc.assert(
    fc.property(
      ...([side, side, cut, cut, fc.array(planes, { minLength: 1, maxLength: 2 })] as const),
      (width, height, right, bottom, turns) => {
        const value =
          (seed: number, repeat: number): Plane =>
          (x, y) => {
            const row = Math.floor(y / repeat);
            return ((x * x * 7 + row * 13 + seed * 29 + x * row * 5) % 101) / 101;
          };
        const a = value(0, 1);
        const sizes = [0, 1].map((i) => ({ width: width >> i, height: height >> i }));
        const scales = new Scales(Math.min(width, height) > 1 ? sizes : sizes.slice(0, 1));
        const feed = (all: readonly Plane[], repeats: readonly number[], w: number, h: number) => {
          for (let y = 0; y < h; y++) {
            all.forEach((p, lane) => {
              const row = scales.row(lane);
              for (let x = 0; x < w; x++) row[x] = p(x, y);
              if (y % repeats[lane] > 0) scales.repeat(lane);
            });
            scales.take();
          }
          return scales.end();
        };
        feed([a], [1], width, height);
        const part = { width: Math.max(1, width - right), height: Math.max(1, height - bottom) };
        const levels = Math.min(part.width, part.height) > 1 ? scales.levels : 1;
        turns.forEach((turn, n) => {
          const all = turn.map(({ repeat }, lane) => value(1 + lane + 4 * n, repeat));
          scales.begin(
            part,
            levels,
            turn.map(({ range }) => range),
          );
          const found = feed(
            all,
            turn.map(({ repeat }) => repeat),
            part.width,
            part.height,
          );
          turn.forEach(({ range }, lane) => {
            let [x, y] = [a, all[lane]];
            for (let level = 0; level < levels; level++) {
              const [columns, rows] = [part.width, part.height].map((s) => (s >> level) - 10);
              const sums = [0, 0];
              for (let top = 0; top < rows; top++) {
                for (let left = 0; left < columns; left++) {
                  definition(x, y, left, top, range).forEach((v, i) => {
                    sums[i] += v;
                  });
                }
              }
              const count = Math.max(0, columns) * Math.max(0, rows);
              const { ssim, structure } = found[lane][level];
              const last = level + 1 === levels;
              const label = `${part.width} x ${part.height}, plane ${lane}, scale ${level}`;
              const near = (v: number, sum: number) => {
                if (count === 0) expect(v, label).toBeNaN();
                else expect(Math.abs(v - sum / count), label).toBeLessThan(1e-11);
              };
              near(ssim, sums[0]);
              near(structure, last ? 0 : sums[1]);
              [x, y] = [half(x), half(y)];
            }
          });
        });
      },
    ),
    { numRuns: 20 },
  );
}, 60_000);
