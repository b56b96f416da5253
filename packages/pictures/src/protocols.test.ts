import { expect, test } from "vitest";
import { mapPicture, pool, procedural } from "../test/pictures.ts";
import { areaAverage } from "./area.ts";
import { toLinear, toSrgb } from "./light.ts";
import { cropToMultiple, type Picture } from "./picture.ts";
import { findProtocol, ProtocolReference, protocols } from "./protocols.ts";

test("scores agree with scikit-image on independently reconstructed pictures", () => {
  // SSIM and PSNR of sRGB values, SSIM and PSNR of linear light.
  const known = {
    nearest: [0.26942156, 13.27532514, 0.29932542, 13.81507721],
    bilinear: [0.25037137, 13.25808951, 0.2851852, 13.93265083],
    bicubic: [0.26202277, 13.28719352, 0.29630233, 13.89626915],
    "low-resolution": [0.96791017, 20.52412655, 0.89676528, 19.14747371],
  };
  const original = procedural(48, 36, 3, 101);
  const pooled = pool(original, 3);
  for (const { name } of protocols) {
    const { srgb, linear } = new ProtocolReference(original, 3, name).score(pooled);
    [srgb.ssim, srgb.psnr, linear.ssim, linear.psnr].forEach((value, i) => {
      const difference = Math.abs(value - known[name][i]);
      expect(difference, `${name} ${i}`).toBeLessThan(i % 2 === 0 ? 1e-7 : 1e-6);
    });
  }
});

test("who wins by design: the mean of values under nearest, the mean of light at low resolution", () => {
  for (const [channels, k] of [
    [1, 2],
    [3, 3],
    [3, 5],
  ]) {
    const original = cropToMultiple(procedural(60, 64, channels, 83), k);
    const mean = areaAverage(original, k);
    const light = toSrgb(areaAverage(toLinear(original), k));
    const nearest = new ProtocolReference(original, k, "nearest");
    const low = new ProtocolReference(original, k, "low-resolution");
    const worse = (p: Picture) => mapPicture(p, (v, i) => v + (i % 2 ? 0.01 : -0.01));
    expect(nearest.score(mean).srgb.psnr).toBeGreaterThan(nearest.score(light).srgb.psnr);
    expect(nearest.score(mean).srgb.psnr).toBeGreaterThan(nearest.score(worse(mean)).srgb.psnr);
    expect(low.score(light).srgb).toEqual({ ssim: 1, psnr: Infinity });
    expect(low.score(light).linear.psnr).toBeGreaterThan(120);
    expect(low.score(mean).linear.psnr).toBeLessThan(60);
  }
});

test("small pictures have PSNR but no SSIM", () => {
  const original = procedural(20, 20, 3, 31);
  const pooled = areaAverage(original, 2);
  const low = new ProtocolReference(original, 2, "low-resolution").score(pooled);
  const up = new ProtocolReference(original, 2, "bicubic").score(pooled);
  expect([low.srgb.ssim, low.linear.ssim]).toEqual([Number.NaN, Number.NaN]);
  expect(Number.isFinite(low.srgb.psnr + up.srgb.ssim)).toBe(true);
  const pixel = procedural(1, 1, 1, 31);
  expect(new ProtocolReference(pixel, 1, "bilinear").score(pixel).srgb).toEqual({
    ssim: Number.NaN,
    psnr: Infinity,
  });
});

test("names, factors and sizes that do not fit are refused with the cure", () => {
  const p = procedural(12, 12, 3, 31);
  for (const protocol of protocols) expect(findProtocol(protocol.name)).toBe(protocol);
  expect(() => findProtocol("bilnear")).toThrow(
    /low-resolution, got "bilnear"; did you mean bilinear\?/,
  );
  expect(() => findProtocol("wavelet")).toThrow(/got "wavelet"$/);
  expect(() => new ProtocolReference(p, 5, "nearest")).toThrow(/got 5; crop with cropToMultiple/);
  expect(() => new ProtocolReference(p, 0, "nearest")).toThrow(/factor .* at least 1, got 0/);
  expect(() => new ProtocolReference(p, 2, "near" as never)).toThrow(/did you mean nearest\?/);
  expect(() => new ProtocolReference(p, 2, "nearest").score(p)).toThrow(
    /pooled must measure 6 x 6 x 3 .* got 12 x 12 x 3/,
  );
});
