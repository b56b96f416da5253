/** One pane: a picture under the shared viewport, its name, its numbers, its download. */
import { useEffect, useRef } from "preact/hooks";
import { download } from "../files.ts";
import { decibels, milliseconds, similarity, stem } from "../format.ts";
import type { Source } from "./decode.ts";
import { begin, drawLayer, type Layer } from "./draw.ts";
import { type MethodName, titleOf } from "./methods.ts";
import {
  engineFor,
  gain,
  measureKey,
  type Pooled,
  protocol,
  type Subject,
  source,
  states,
  view,
} from "./state.ts";
import { type Frame, fit, listen, onKey, viewport, zoomBy } from "./viewport.ts";

/** Whether enlarged pixels run into each other. */
function smooth(): boolean {
  return protocol.value === "bilinear" || protocol.value === "bicubic";
}

/** A canvas that fills its box, is redrawn when anything it shows changes, and moves with the others. */
export function Stage(props: {
  label: string;
  picture: Source;
  draw: (context: CanvasRenderingContext2D, frame: Frame) => void;
  filter?: string;
}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const size = useRef({ width: 0, height: 0 });
  const { picture } = props;
  const frame = (): Frame => ({ ...size.current, columns: picture.width, rows: picture.height });
  const paint = () => {
    const element = canvas.current;
    const { width, height } = size.current;
    if (element === null || width === 0 || height === 0) return;
    const [w, h] = [width, height].map((n) => Math.max(1, Math.round(n * devicePixelRatio)));
    if (element.width !== w || element.height !== h)
      Object.assign(element, { width: w, height: h });
    const context = element.getContext("2d");
    if (context === null) return;
    context.save();
    begin(context, frame(), picture.alpha);
    props.draw(context, frame());
    context.restore();
  };
  const newest = useRef(paint);
  newest.current = paint;
  // Redrawn on every render: what is drawn are signals that this component reads.
  void viewport.value;
  useEffect(paint);
  useEffect(() => {
    const element = canvas.current;
    if (element === null) return;
    const observer = new ResizeObserver(() => {
      const { width, height } = element.getBoundingClientRect();
      size.current = { width, height };
      newest.current();
    });
    observer.observe(element);
    const end = listen(element, () => ({
      ...size.current,
      columns: picture.width,
      rows: picture.height,
    }));
    return () => {
      observer.disconnect();
      end();
    };
  }, [picture]);
  return (
    <canvas
      ref={canvas}
      class="stage"
      tabIndex={0}
      role="img"
      aria-label={`${props.label}. Arrow keys move, plus and minus zoom, 0 shows everything, 1 shows true pixels.`}
      style={{
        filter: props.filter ?? "none",
        // A finger scrolls the page while the whole picture is seen, and moves the picture otherwise.
        touchAction: viewport.value.zoom === undefined ? "pan-y" : "none",
      }}
      onKeyDown={(event) => {
        if (event.ctrlKey || event.metaKey || event.altKey) return;
        if (onKey(frame(), event.key)) event.preventDefault();
      }}
    />
  );
}

/** The layer of a subject, or `undefined` while there is none. */
export function layerOf(subject: Subject, picture: Source): Layer | undefined {
  return subject === "original" ? picture : states[subject].pooled.value;
}

/** The heading of a subject. */
export function nameOf(subject: Subject): string {
  return subject === "original" ? "Original" : titleOf(subject);
}

/** Draws a subject, or its difference to the original. */
function drawSubject(
  context: CanvasRenderingContext2D,
  subject: Subject,
  picture: Source,
  frame: Frame,
): void {
  const layer = layerOf(subject, picture);
  if (layer === undefined) return;
  if (view.value !== "difference" || subject === "original") {
    drawLayer(context, layer, frame, smooth());
    return;
  }
  drawLayer(context, picture, frame, false);
  context.globalCompositeOperation = "difference";
  drawLayer(context, layer, frame, smooth());
}

/** The name of a downloaded picture: what the command would call it, and what else it was made with. */
export function fileName(picture: Source, name: MethodName, pooled: Pooled): string {
  const { kernel, stride } = pooled.window;
  const window = kernel === stride ? "" : `-k${kernel}`;
  const heat = name === "soft" && pooled.beta !== 1 ? `-beta${String(pooled.beta)}` : "";
  const linear = pooled.light === "linear" ? "-linear" : "";
  return `${stem(picture.name)}-${name}${heat}-${stride}x${window}${linear}.png`;
}

async function save(picture: Source, name: MethodName): Promise<void> {
  const pooled = states[name].pooled.value;
  if (pooled === undefined) return;
  download(
    await pooled.canvas.convertToBlob({ type: "image/png" }),
    fileName(picture, name, pooled),
  );
}

/** A pane of a method or of the original. */
export function Pane({ subject }: { subject: Subject }) {
  const picture = source.value;
  if (picture === undefined) return null;
  const state = subject === "original" ? undefined : states[subject];
  const pooled = state?.pooled.value;
  const error = state?.error.value;
  const layer = layerOf(subject, picture);
  // Read here, so that the pane is drawn again when they change.
  void [view.value, protocol.value, layer];
  const amplified = view.value === "difference" && subject !== "original";
  const title = nameOf(subject);
  const facts =
    subject === "original"
      ? `${picture.width} × ${picture.height}`
      : pooled && `${pooled.canvas.width} × ${pooled.canvas.height}`;
  return (
    <figure class={`pane ${subject}`} data-subject={subject}>
      <figcaption>
        <b>{title}</b>
        <span class="facts">{facts}</span>
        {subject !== "original" && (
          <button
            type="button"
            class="icon"
            disabled={pooled === undefined}
            title={`Download ${title} as PNG`}
            aria-label={`Download ${title} as PNG`}
            onClick={() => void save(picture, subject)}
          >
            ↓
          </button>
        )}
      </figcaption>
      <div class="view">
        <Stage
          label={amplified ? `Difference of ${title} to the original` : title}
          picture={picture}
          filter={amplified ? `brightness(${gain.value})` : undefined}
          draw={(context, frame) => drawSubject(context, subject, picture, frame)}
        />
        {error !== undefined && <p class="blank">{error}</p>}
      </div>
      {subject !== "original" && <Numbers name={subject} />}
      {subject === "original" && <p class="numbers">{picture.name}</p>}
    </figure>
  );
}

/** SSIM, PSNR and time of a method, under its pane. */
function Numbers({ name }: { name: MethodName }) {
  const { likeness, times, error } = states[name];
  if (error.value !== undefined) return <p class="numbers" />;
  const measured = likeness.value;
  const current = measured?.key === measureKey(name);
  const time = times.value[engineFor(name)];
  return (
    <p class="numbers">
      <span class={current ? "" : "stale"}>
        SSIM <b>{current && measured ? similarity(measured.ssim) : "…"}</b>
      </span>
      <span class={current ? "" : "stale"}>
        PSNR <b>{current && measured ? `${decibels(measured.psnr)} dB` : "…"}</b>
      </span>
      <span>{time === undefined ? "" : milliseconds(time)}</span>
    </p>
  );
}

/** Buttons for those who have no wheel. */
export function ZoomButtons({ picture }: { picture: Source }) {
  const frame = (): Frame => {
    const box = document.querySelector(".stage")?.getBoundingClientRect();
    return {
      width: box?.width ?? 1,
      height: box?.height ?? 1,
      columns: picture.width,
      rows: picture.height,
    };
  };
  const { zoom } = viewport.value;
  const shown = zoom === undefined ? "fit" : `${Math.round(zoom * 100)} %`;
  return (
    <fieldset class="zoom">
      <legend>Zoom</legend>
      <button type="button" aria-label="Zoom out" onClick={() => zoomBy(frame(), 0.5)}>
        −
      </button>
      <button type="button" aria-label={`${shown}: show the whole picture`} onClick={fit}>
        {shown}
      </button>
      <button type="button" aria-label="Zoom in" onClick={() => zoomBy(frame(), 2)}>
        +
      </button>
    </fieldset>
  );
}
