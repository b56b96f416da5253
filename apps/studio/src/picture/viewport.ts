/** What part of the picture all panes show: one place and one zoom, moved by hand, wheel, fingers and keys. */
import { signal } from "@preact/signals";

/** The shown part. */
export interface Viewport {
  /** The picture's point in the middle of a pane, in pixels of the original. */
  readonly x: number;
  /** See `x`. */
  readonly y: number;
  /** CSS pixels for a pixel of the original; `undefined`: as large as the pane allows. */
  readonly zoom: number | undefined;
}

/** The part that all panes show. */
export const viewport = signal<Viewport>({ x: 0, y: 0, zoom: undefined });

/** Sizes of a pane and of the picture in it. */
export interface Frame {
  /** Width of the pane in CSS pixels. */
  readonly width: number;
  /** Height of the pane in CSS pixels. */
  readonly height: number;
  /** Columns of the picture. */
  readonly columns: number;
  /** Rows of the picture. */
  readonly rows: number;
}

const LEAST = 0.02;
const MOST = 64;

/** The zoom at which the whole picture is seen. */
export function fitting({ width, height, columns, rows }: Frame): number {
  return Math.min(width / columns, height / rows) || 1;
}

/** The zoom as a number. */
export function zoomOf(frame: Frame): number {
  return viewport.value.zoom ?? fitting(frame);
}

/** Where the picture's origin lies in a pane, in CSS pixels, and the zoom. */
export function placement(frame: Frame): { left: number; top: number; zoom: number } {
  const zoom = zoomOf(frame);
  const { x, y } = middle(frame);
  return { left: frame.width / 2 - x * zoom, top: frame.height / 2 - y * zoom, zoom };
}

function middle({ columns, rows }: Frame): { x: number; y: number } {
  const { x, y, zoom } = viewport.value;
  return zoom === undefined ? { x: columns / 2, y: rows / 2 } : { x, y };
}

function hold(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}

/** Moves the picture by CSS pixels; one that is seen whole stays. */
export function moveBy(frame: Frame, dx: number, dy: number): void {
  if (viewport.value.zoom === undefined) return;
  const zoom = zoomOf(frame);
  const { x, y } = middle(frame);
  viewport.value = {
    zoom,
    x: hold(x - dx / zoom, 0, frame.columns),
    y: hold(y - dy / zoom, 0, frame.rows),
  };
}

/** Multiplies the zoom; the picture's point at (px, py) of the pane stays where it is. */
export function zoomBy(
  frame: Frame,
  factor: number,
  px: number = frame.width / 2,
  py: number = frame.height / 2,
): void {
  const before = placement(frame);
  const zoom = hold(before.zoom * factor, LEAST, MOST);
  const at = { x: (px - before.left) / before.zoom, y: (py - before.top) / before.zoom };
  viewport.value = {
    zoom,
    x: hold(at.x + (frame.width / 2 - px) / zoom, 0, frame.columns),
    y: hold(at.y + (frame.height / 2 - py) / zoom, 0, frame.rows),
  };
}

/** Shows the whole picture. */
export function fit(): void {
  viewport.value = { ...viewport.value, zoom: undefined };
}

/** Shows one pixel of the picture as `zoom` CSS pixels. */
export function zoomTo(frame: Frame, zoom: number): void {
  zoomBy(frame, zoom / zoomOf(frame));
}

/** What the keys do, on any pane; returns whether the key is one of them. */
export function onKey(frame: Frame, key: string): boolean {
  const step = Math.min(frame.width, frame.height) / 8;
  const moves: Readonly<Record<string, () => void>> = {
    ArrowLeft: () => moveBy(frame, step, 0),
    ArrowRight: () => moveBy(frame, -step, 0),
    ArrowUp: () => moveBy(frame, 0, step),
    ArrowDown: () => moveBy(frame, 0, -step),
    "+": () => zoomBy(frame, 1.25),
    "=": () => zoomBy(frame, 1.25),
    "-": () => zoomBy(frame, 0.8),
    "0": fit,
    "1": () => zoomTo(frame, 1),
  };
  moves[key]?.();
  return key in moves;
}

/**
 * Listens to hand, fingers and wheel on an element.
 * @returns a function that ends it
 */
export function listen(element: HTMLElement, frameOf: () => Frame): () => void {
  const pointers = new Map<number, { x: number; y: number }>();
  const spread = () => {
    const [a, b] = [...pointers.values()];
    return {
      distance: Math.hypot(a.x - b.x, a.y - b.y),
      x: (a.x + b.x) / 2,
      y: (a.y + b.y) / 2,
    };
  };
  const placeOf = (event: PointerEvent | WheelEvent | MouseEvent) => {
    const box = element.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const ending = new AbortController();
  const on = <K extends keyof HTMLElementEventMap>(
    type: K,
    listener: (event: HTMLElementEventMap[K]) => void,
  ) => element.addEventListener(type, listener, { signal: ending.signal, passive: false });
  on("pointerdown", (event) => {
    if (event.button !== 0) return;
    element.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, placeOf(event));
  });
  on("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (before === undefined) return;
    const now = placeOf(event);
    if (pointers.size === 1) {
      pointers.set(event.pointerId, now);
      moveBy(frameOf(), now.x - before.x, now.y - before.y);
    } else if (pointers.size === 2) {
      const from = spread();
      pointers.set(event.pointerId, now);
      const to = spread();
      moveBy(frameOf(), to.x - from.x, to.y - from.y);
      if (from.distance > 0) zoomBy(frameOf(), to.distance / from.distance, to.x, to.y);
    }
  });
  const lift = (event: PointerEvent) => pointers.delete(event.pointerId);
  on("pointerup", lift);
  on("pointercancel", lift);
  on("wheel", (event) => {
    // A page that is scrolled must not get stuck on a picture: the wheel zooms with a key, or where
    // it comes from two fingers on a touchpad (browsers set ctrlKey), or when the pane has the focus.
    const wanted = event.ctrlKey || event.metaKey || element === document.activeElement;
    if (!wanted) return;
    event.preventDefault();
    const { x, y } = placeOf(event);
    zoomBy(frameOf(), Math.exp(-event.deltaY / (event.deltaMode === 1 ? 20 : 300)), x, y);
  });
  on("dblclick", (event) => {
    const frame = frameOf();
    const { x, y } = placeOf(event);
    if (viewport.value.zoom === undefined) zoomBy(frame, Math.max(2, 2 / zoomOf(frame)), x, y);
    else fit();
  });
  return () => ending.abort();
}
