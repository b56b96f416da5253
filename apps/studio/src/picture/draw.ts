/** Draws the original and pooled pictures into panes, so that equal places of the scene lie at equal places. */
import type { Source } from "./decode.ts";
import type { Pooled } from "./state.ts";
import { type Frame, placement } from "./viewport.ts";
import { shift } from "./window.ts";

/** What is drawn: the original, or a pooled picture. */
export type Layer = Source | Pooled;

function isPooled(layer: Layer): layer is Pooled {
  return "window" in layer;
}

/**
 * Draws a layer.
 * @param context of a canvas whose units are CSS pixels
 * @param layer what
 * @param frame sizes of pane and original
 * @param smooth whether enlarged pixels run into each other
 */
export function drawLayer(
  context: CanvasRenderingContext2D,
  layer: Layer,
  frame: Frame,
  smooth: boolean,
): void {
  const { left, top, zoom } = placement(frame);
  const scale = zoom * (isPooled(layer) ? layer.window.stride : 1);
  const offset = isPooled(layer) ? shift(layer.window) * zoom : 0;
  const { width, height } = layer.canvas;
  // What is shown smaller than it is must be averaged; what is shown larger has visible pixels.
  context.imageSmoothingEnabled = scale * devicePixelRatio < 1 || smooth;
  context.imageSmoothingQuality = "high";
  context.drawImage(layer.canvas, left + offset, top + offset, width * scale, height * scale);
}

/**
 * Clears a pane and cuts off what is outside the picture.
 * @param context of the pane's canvas
 * @param frame sizes of pane and original
 * @param alpha whether a pattern is laid under the picture, which is seen through it
 */
export function begin(context: CanvasRenderingContext2D, frame: Frame, alpha: boolean): void {
  const { left, top, zoom } = placement(frame);
  context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
  context.clearRect(0, 0, frame.width, frame.height);
  context.beginPath();
  context.rect(left, top, frame.columns * zoom, frame.rows * zoom);
  context.clip();
  if (!alpha) return;
  for (let y = 0; y < frame.height; y += SQUARE) {
    for (let x = (y / SQUARE) % 2 === 0 ? 0 : SQUARE; x < frame.width; x += 2 * SQUARE) {
      context.fillStyle = "#8884";
      context.fillRect(x, y, SQUARE, SQUARE);
    }
  }
}

/** Squares under pictures with alpha, in CSS pixels. */
const SQUARE = 10;
