/** The tails against numbers of 60 digits, and against sums of whole numbers. */
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  chiSquareSurvival,
  erfcx,
  halfBinomialTail,
  logChiSquareSurvival,
} from "./distributions.ts";

const close = (value: number, expected: number, relative: number, label: string) =>
  expect(
    Math.abs(value - expected),
    `${label}: ${value} instead of ${expected}`,
  ).toBeLessThanOrEqual(relative * Math.abs(expected));

test("chi-square and erfcx, from the middle to the far tail", () => {
  const cases = [
    [0, 1, 0],
    [1e-20, 0.9999999999202115, -7.978845608346964e-11],
    [0.001, 0.9747728793699604, -0.025550779355950622],
    [0.1, 0.7518296340458492, -0.2852455311696768],
    [0.49, 0.483927304446146, -0.7258205809715863],
    [0.5, 0.4795001221869535, -0.7350111298370844],
    [0.51, 0.47513885608320394, -0.7441481890709559],
    [1, 0.3173105078629141, -1.1478744644493182],
    [3, 0.0832645166635504, -2.48573279098608],
    [3.841458820694124, 0.05000000000000006, -2.99573227355399],
    [10.83, 0.0009986863791802587, -6.909069763358047],
    [50, 1.537459794428035e-12, -27.200889545537436],
    [78, 1.030405543210958e-18, -41.41657921787032],
    [80, 3.744097384202899e-19, -42.42893619787184],
    [90.31, 2.0362085385401513e-21, -47.64319743382271],
    [696.75, 1.5220900464053047e-153, -351.8754348071898],
    [1379, 7.687732983528415e-302, -693.341072144728],
    [50000, 0, -25005.63570049385],
  ];
  for (const [x, p, log] of cases) {
    close(chiSquareSurvival(x), p, 1e-15, `chi-square ${x}`);
    // ln p of a p close to 1 keeps the absolute error of p.
    expect(Math.abs(logChiSquareSurvival(x) - log)).toBeLessThan(1e-15 * (1 - log));
  }
  const scaled = [
    [0.3, 0.7345993345676551],
    [0.7, 0.525930337349441],
    [2, 0.25539567631050575],
    [6.2, 0.08985810831974592],
    [6.4, 0.08711570467441576],
    [30, 0.01879588886141675],
    [1e5, 5.6418958351954685e-6],
    [1e9, 5.641895835477563e-10],
  ];
  for (const [z, value] of scaled) close(erfcx(z), value, 1e-15, `erfcx ${z}`);
  // Where the series hands over to the trapezoidal rule, and the rule to itself without residue.
  for (const seam of [0.5, 2 * Math.PI, 1e8]) {
    close(erfcx(seam * (1 - 1e-15)), erfcx(seam * (1 + 1e-15)), 1e-14, `seam ${seam}`);
  }
  expect(erfcx(Number.POSITIVE_INFINITY)).toBe(0);
  expect(chiSquareSurvival(Number.POSITIVE_INFINITY)).toBe(0);
  for (const wrong of [-1, Number.NaN]) expect(chiSquareSurvival(wrong)).toBeNaN();
});

test("binomial tail up to a million", () => {
  // k, n, and the logarithms of the tail, of its last term, and of the tail with half of it.
  const cases = [
    [0, 0, 0, 0, -Math.LN2],
    [0, 60, -41.58883083359672, -41.58883083359672, -42.281978014156664],
    [3, 9, -1.3707901745839255, -1.807507826196194, -1.7609878105613013],
    [10, 35, -4.787060967571769, -5.231993511967029, -5.173361522997849],
    [345, 757, -4.804111401209013, -6.5057511567315975, -4.899732946742979],
    [1005, 3592, -364.3348337261848, -364.8258427492856, -364.7001232058906],
    [2253, 6089, -211.8194334057695, -212.70275497498997, -212.05099193081472],
    [3000, 10000, -827.0133598259333, -827.5726012447851, -827.3499818494395],
    [49000, 100000, -22.76783609579771, -25.983390093165433, -22.78810671054096],
    [499000, 1000000, -3.7808127449926756, -9.133546214959665, -3.783183147074129],
    [500000, 1000000, -0.6923496143391256, -7.133546881626865, -Math.LN2],
    [482000, 1000000, -652.6072251552636, -655.2729390716211, -652.6426190353293],
    [100000, 1000000, -368070.7121076244, -368070.8298903475, -368071.2998945393],
  ];
  for (const [k, n, ...expected] of cases) {
    const { logTail, logMass, logMiddle } = halfBinomialTail(k, n);
    [logTail, logMass, logMiddle].forEach((log, i) => {
      const error = Math.abs(log - expected[i]);
      expect(error, `${k} of ${n}`).toBeLessThan(2e-14 + 4e-16 * Math.abs(expected[i]));
    });
  }
});

test("binomial tail of small numbers against sums of whole numbers", () => {
  const range = fc
    .integer({ min: 0, max: 200 })
    .chain((n) =>
      fc.record({ n: fc.constant(n), k: fc.integer({ min: 0, max: Math.floor(n / 2) }) }),
    );
  fc.assert(
    fc.property(range, ({ n, k }) => {
      let term = 1n;
      let sum = 0n;
      for (let i = 0n; i <= BigInt(k); i++) {
        sum += term;
        term = (term * (BigInt(n) - i)) / (i + 1n);
      }
      const expected = Number(sum) / 2 ** n;
      close(Math.exp(halfBinomialTail(k, n).logTail), expected, 1e-13, `${k} of ${n}`);
    }),
  );
  for (const [k, n] of [
    [6, 10],
    [-1, 10],
    [1.5, 10],
    [0, -1],
    [0, 2.5],
  ]) {
    expect(() => halfBinomialTail(k, n)).toThrow(/^halfBinomialTail: [kn]: expected .* received/);
  }
});
