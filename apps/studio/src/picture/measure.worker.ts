/** Compares pooled pictures with the original: SSIM and PSNR, apart from the worker that pools. */
import {
  createPicture,
  crop,
  type Picture,
  PictureReference,
  type Protocol,
} from "@softpool/pictures";
import { serve } from "../rpc.ts";
import { compared, type Window } from "./window.ts";

/** A picture's values. */
export interface Values {
  /** Columns. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** Three planes of sRGB values. */
  readonly values: Float32Array<ArrayBuffer>;
}

/** How alike two pictures are. */
export interface Likeness {
  /** Structural similarity of sRGB values; NaN below 11 pixels. */
  readonly ssim: number;
  /** Structural similarity of linear light. */
  readonly ssimLinear: number;
  /** Peak signal to noise ratio of sRGB values, dB. */
  readonly psnr: number;
  /** Peak signal to noise ratio of linear light, dB. */
  readonly psnrLinear: number;
}

let original: Picture | undefined;
let reference: { key: string; of: PictureReference } | undefined;

function referenceOf(key: string, make: () => Picture): PictureReference {
  if (reference?.key !== key) {
    reference = { key, of: new PictureReference(make(), { msSsim: false }) };
  }
  return reference.of;
}

/** What this worker can be asked. */
const handlers = {
  /** Takes the original. */
  load({ width, height, values }: Values): void {
    original = createPicture(width, height, 3, values);
    reference = undefined;
  },
  /** Compares a pooled version. */
  measure(request: Values & Window & { readonly protocol: Protocol["name"] }): Likeness {
    if (original === undefined) throw new Error("there is no picture yet");
    const { kernel, stride, protocol } = request;
    const [x, y] = [original.width, original.height].map((n) => compared(n, { kernel, stride }));
    if (x.count < 1 || y.count < 1) {
      return { ssim: Number.NaN, ssimLinear: Number.NaN, psnr: Number.NaN, psnrLinear: Number.NaN };
    }
    const pooled = crop(
      createPicture(request.width, request.height, 3, request.values),
      x.first,
      y.first,
      x.count,
      y.count,
    );
    const whole = original;
    // The whole picture serves all kernels; windows that overlap are compared with a part of it.
    const fits = kernel === stride;
    const size = [x.start, y.start, x.count * stride, y.count * stride] as const;
    const of = fits
      ? referenceOf("whole", () => whole)
      : referenceOf(String(size), () => crop(whole, ...size));
    const [srgb, linear] = of.compare(pooled, stride, [
      { protocol, light: "srgb" },
      { protocol, light: "linear" },
    ]);
    return {
      ssim: srgb.ssim,
      ssimLinear: linear.ssim,
      psnr: srgb.psnr,
      psnrLinear: linear.psnr,
    };
  },
};

/** What the page can ask. */
export type Handlers = typeof handlers;

serve(handlers);
