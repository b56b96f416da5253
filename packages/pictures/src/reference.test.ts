import fc from "fast-check";
import { expect, test } from "vitest";
import { anyPicture, mapPicture, pool, procedural } from "../test/pictures.ts";
import { areaAverage } from "./area.ts";
import { detail } from "./detail.ts";
import type { Light } from "./light.ts";
import { createPicture, cropToMultiple } from "./picture.ts";
import { ProtocolReference, protocols } from "./protocols.ts";
import { type Comparison, PictureReference } from "./reference.ts";

const lights: readonly Light[] = ["srgb", "linear"];

/** Every protocol in both lights with data ranges 1 and 1/255. */
const everything: readonly Comparison[] = protocols.flatMap(({ name }) =>
  lights.flatMap((light) =>
    [1, 1 / 255].map((dataRange) => ({ protocol: name, light, dataRange })),
  ),
);

test("all metrics agree with scikit-image and SciPy on independently reconstructed pictures", () => {
  // Width, height, channels, modulus, factor; then SSIM, MS-SSIM and PSNR in the order of `everything`.
  const known: [number[], number[][]][] = [
    [
      [361, 378, 3, 101, 2],
      [
        [0.4524753756, 0.9390009388, 14.7206395945],
        [0.4139196916, 0.933049612, 14.7206395945],
        [0.492571656, 0.9410221808, 15.3745244814],
        [0.4534010798, 0.9353697763, 15.3745244814],
        [0.3784185792, 0.922474537, 14.592427196],
        [0.3287986875, 0.9129471749, 14.592427196],
        [0.4199008847, 0.9309814781, 15.4196874757],
        [0.3671926849, 0.9223830299, 15.4196874757],
        [0.4167786796, 0.9340997071, 14.7014293701],
        [0.3726038219, 0.926796609, 14.7014293701],
        [0.4581983241, 0.938503935, 15.4437978482],
        [0.4122146347, 0.9317468703, 15.4437978482],
        [0.9677178502, 0.9939110324, 23.837882681],
        [0.965091043, 0.9908861608, 23.837882681],
        [0.9311588948, 0.9779899446, 22.4598937168],
        [0.927457902, 0.9702762882, 22.4598937168],
      ],
    ],
    [
      [64, 41, 1, 97, 3],
      [
        [0.2051068962, Number.NaN, 13.5483242382],
        [0.1845835209, Number.NaN, 13.5483242382],
        [0.2395582156, Number.NaN, 14.3473669701],
        [0.2177898794, Number.NaN, 14.3473669701],
        [0.1566724531, Number.NaN, 13.5041558038],
        [0.1338636264, Number.NaN, 13.5041558038],
        [0.1883733707, Number.NaN, 14.4029605793],
        [0.1635640163, Number.NaN, 14.4029605793],
        [0.1751276931, Number.NaN, 13.5420128771],
        [0.1530630399, Number.NaN, 13.5420128771],
        [0.2091095779, Number.NaN, 14.3704006915],
        [0.1853337907, Number.NaN, 14.3704006915],
        [0.9653905701, Number.NaN, 20.9702414909],
        [0.9641866016, Number.NaN, 20.9702414909],
        [0.9091770625, Number.NaN, 19.7708061554],
        [0.9074754803, Number.NaN, 19.7708061554],
      ],
    ],
  ];
  for (const [[width, height, channels, m, factor], wanted] of known) {
    const original = procedural(width, height, channels, m);
    const pooled = pool(cropToMultiple(original, factor), factor);
    const { fidelity } = new PictureReference(original).score(pooled, factor, everything);
    fidelity.forEach(({ ssim, msSsim, psnr }, i) => {
      const label = `${width} x ${height}, ${JSON.stringify(everything[i])}`;
      const [s, ms, db] = wanted[i];
      expect(Math.abs(ssim - s), label).toBeLessThan(1e-7);
      if (Number.isNaN(ms)) expect(msSsim, label).toBeNaN();
      else expect(Math.abs(msSsim - ms), label).toBeLessThan(1e-7);
      expect(Math.abs(psnr - db), label).toBeLessThan(1e-6);
    });
  }
});

test("whatever the order of kernels and methods, it gives what ProtocolReference gives step by step", () => {
  const comparisons = protocols.flatMap(({ name }) =>
    lights.map((light): Comparison => ({ protocol: name, light })),
  );
  const factors = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(
      anyPicture(12, 30),
      factors,
      fc.double({ min: 0.5, max: 3, noNaN: true }),
      (p, ks, gain) => {
        const reference = new PictureReference(p, { msSsim: false });
        for (const k of ks) {
          const original = cropToMultiple(p, k);
          const pooled = mapPicture(pool(original, k), (v) => v * gain);
          const { fidelity, detail: found } = reference.score(pooled, k, comparisons);
          expect(found).toEqual(detail(p, pooled, k));
          comparisons.forEach(({ protocol, light }, i) => {
            const wanted = new ProtocolReference(original, k, protocol).score(pooled)[light];
            const { ssim, psnr } = fidelity[i];
            const label = `${JSON.stringify(comparisons[i])}: ${ssim}, ${psnr}; ${JSON.stringify(wanted)}`;
            if (Number.isNaN(wanted.ssim)) expect(ssim, label).toBeNaN();
            else expect(Math.abs(ssim - wanted.ssim), label).toBeLessThan(5e-6);
            // Above 100 dB what is compared is the rounding of float32.
            if (wanted.psnr > 100) expect(psnr, label).toBeGreaterThan(99);
            else expect(Math.abs(psnr - wanted.psnr), label).toBeLessThan(1e-4);
          });
        }
      },
    ),
    { numRuns: 25 },
  );
});

test("equal pictures, nearly equal ones, and values that are not finite", () => {
  const p = procedural(40, 40, 3, 101);
  const flat = mapPicture(p, () => 0.3);
  const step = mapPicture(p, (_, i) => ((i % 40) + (Math.floor(i / 40) % 40) < 40 ? 0.25 : 0.75));
  const all = protocols.map(({ name }): Comparison => ({ protocol: name, light: "srgb" }));
  const perfect = { ssim: 1, msSsim: Number.NaN, psnr: Infinity };
  const self = new PictureReference(p).compare(p, 1, all);
  expect(self.slice(0, 3)).toEqual([perfect, perfect, perfect]);
  expect(new PictureReference(flat).compare(areaAverage(flat, 2), 2, [all[0]])).toEqual([perfect]);
  // Off by 1e-4 everywhere: 80 dB, where the fast way to the squared error cancels.
  const near = mapPicture(areaAverage(step, 1), (v) => v + 1e-4);
  for (const { psnr } of new PictureReference(step).compare(near, 1, all.slice(0, 3))) {
    expect(psnr).toBeCloseTo(80, 2);
  }
  const pooled = areaAverage(p, 2);
  const reference = new PictureReference(p);
  const before = reference.score(pooled, 2, everything);
  for (const bad of [Number.NaN, Infinity]) {
    const spoilt = mapPicture(pooled, (v, i) => (i === 33 ? bad : v));
    for (const { ssim, psnr } of reference.compare(spoilt, 2, everything)) {
      expect([ssim, Number.isFinite(psnr)]).toEqual([Number.NaN, false]);
    }
  }
  const spoilt = mapPicture(pooled, () => Number.NaN);
  const others = [0.5, 0.9, 1.2].map((gain) => mapPicture(pooled, (v) => v * gain));
  const several = [...others, pooled, spoilt, pooled];
  const found = reference.scoreAll(several, 2, everything);
  // Several at a time, beside what is not a number: each as alone.
  expect([found[3], found[5]]).toEqual([before, before]);
  others.forEach((picture, i) => {
    expect(found[i]).toEqual(reference.score(picture, 2, everything));
  });
});

test("MS-SSIM only where asked for; what does not fit is refused with what would", () => {
  const p = procedural(180, 177, 1, 101);
  const pooled = areaAverage(cropToMultiple(p, 3), 3);
  const comparison: Comparison = { protocol: "bilinear", light: "srgb" };
  const [full] = new PictureReference(p).compare(pooled, 3, [comparison]);
  const [plain] = new PictureReference(p, { msSsim: false }).compare(pooled, 3, [comparison]);
  expect(full.msSsim).toBeGreaterThan(full.ssim);
  expect(plain).toEqual({ ...full, msSsim: Number.NaN });
  // The cropped picture counts: 177 rows are 175 for a kernel of 5.
  const five = areaAverage(cropToMultiple(p, 5), 5);
  expect(new PictureReference(p).compare(five, 5, [comparison])[0].msSsim).toBeNaN();
  const reference = new PictureReference(createPicture(12, 9, 1));
  const small = createPicture(4, 3, 1);
  const refuse = (q: typeof small, factor: number, changed: object, message: RegExp) =>
    expect(() => reference.score(q, factor, [{ ...comparison, ...changed }])).toThrow(message);
  refuse(small, 2, {}, /PictureReference.score: pooled must measure 6 x 4 x 1 .* got 4 x 3 x 1/);
  refuse(small, 10, {}, /factor must be at most the shorter side of the 12 x 9 original, got 10/);
  refuse(small, 0, {}, /factor must be an integer of at least 1, got 0/);
  refuse(small, 3, { protocol: "bilnear" }, /did you mean bilinear\?/);
  refuse(small, 3, { light: "lin" }, /light must be "srgb" or "linear", got "lin"/);
  refuse(small, 3, { dataRange: 0 }, /dataRange must be a finite number above 0, got 0/);
  expect(() => new PictureReference({} as never)).toThrow(/original must be a picture/);
});
