/** Numbers and names as people read them. */

/** Milliseconds with three significant digits at most. */
export function milliseconds(value: number): string {
  if (value < 0.1) return "< 0.1 ms";
  if (value < 10) return `${value.toFixed(1)} ms`;
  return value < 10_000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(1)} s`;
}

/** Bytes in kB or MB. */
export function bytes(value: number): string {
  if (value < 1e3) return `${value} bytes`;
  return value < 1e6 ? `${(value / 1e3).toFixed(1)} kB` : `${(value / 1e6).toFixed(1)} MB`;
}

/** Millions of pixels. */
export function megapixels(width: number, height: number): string {
  const value = (width * height) / 1e6;
  return `${value < 0.095 ? value.toFixed(3) : value.toFixed(value < 9.95 ? 1 : 0)} megapixels`;
}

/** A temperature: `∞` at the ends. */
export function temperature(beta: number): string {
  if (beta === Number.POSITIVE_INFINITY) return "∞";
  if (beta === Number.NEGATIVE_INFINITY) return "−∞";
  const size = Math.abs(beta);
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : 2;
  return beta.toFixed(digits).replace("-", "−");
}

/** SSIM, or a dash where it is not defined. */
export function similarity(ssim: number): string {
  return Number.isNaN(ssim) ? "–" : ssim.toFixed(4);
}

/** Decibels; equal pictures have infinitely many. */
export function decibels(psnr: number): string {
  return psnr === Number.POSITIVE_INFINITY ? "∞" : Number.isNaN(psnr) ? "–" : psnr.toFixed(2);
}

/** A file's name without its folder and extension, harmless in another file's name. */
export function stem(name: string): string {
  const bare = name.replace(/^.*[/\\]/, "").replace(/\.[^.]*$/, "");
  return bare.replace(/[\p{Cc}\p{Cf}<>:"|?*]/gu, "-") || "untitled";
}

/** A duration as minutes and seconds. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
