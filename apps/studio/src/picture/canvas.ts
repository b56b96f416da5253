/** Canvases that nobody sees. */

/**
 * A canvas of a size, with its context.
 * @throws Error when the browser gives none, RangeError or another error when it is too large
 */
export function canvasOf(
  width: number,
  height: number,
): [OffscreenCanvas, OffscreenCanvasRenderingContext2D] {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (context === null) throw new Error("the browser gave no canvas");
  return [canvas, context];
}
