/** Where frames come from: a file, decoded by the browser, or the scene that is drawn. */
import type { InputAudioTrack } from "mediabunny";
import { canvasOf } from "../picture/canvas.ts";
import type { Frame } from "./pool.ts";
import { drawScene, scene } from "./scene.ts";

/** What is known of a video before it is played. */
export interface Facts {
  /** Its name. */
  readonly name: string;
  /** Columns as shown, rotation applied. */
  readonly width: number;
  /** Rows as shown. */
  readonly height: number;
  /** Seconds from the first frame to the end of the last. */
  readonly duration: number;
  /** Frames a second, on the average. */
  readonly rate: number;
  /** Container and codecs in words. */
  readonly format: string;
}

/** A frame with its picture for the page. */
export interface Shown extends Frame {
  /** Its picture; whoever takes it closes it. */
  readonly bitmap: ImageBitmap;
}

/** A source of frames. */
export interface Source {
  /** What it is. */
  readonly facts: Facts;
  /** The sound, where there is any. */
  readonly audio: InputAudioTrack | undefined;
  /**
   * The frames in their order, times counted from the beginning.
   * @param from the first frame is the one that is shown at this time, in seconds
   * @param bitmaps whether pictures for the page are made
   */
  frames(from: number, bitmaps: boolean): AsyncGenerator<Shown | Frame, void, undefined>;
  /** Gives up what it holds. */
  close(): void;
}

/** Frames of more pixels are refused: one takes 100 MB as values, a window several. */
const MOST_PIXELS = 9_000_000;

/** The scene that is drawn. */
export function drawnSource(): Source {
  const { width, height, rate, seconds } = scene;
  return {
    facts: {
      name: "moving chart",
      width,
      height,
      duration: seconds,
      rate,
      format: "drawn by the page",
    },
    audio: undefined,
    async *frames(from, bitmaps) {
      const [canvas, context] = canvasOf(width, height);
      const first = Math.max(0, Math.floor(from * rate + 1e-6));
      for (let i = first; i < rate * seconds; i++) {
        drawScene(context, i / rate);
        const rgba = context.getImageData(0, 0, width, height).data;
        const frame = { rgba, timestamp: i / rate, duration: 1 / rate };
        yield bitmaps ? { ...frame, bitmap: await createImageBitmap(canvas) } : frame;
      }
    },
    close() {},
  };
}

/**
 * A video from a file.
 * @throws Error in a sentence when the browser cannot decode it
 */
export async function fileSource(file: File): Promise<Source> {
  const name = `"${file.name}"`;
  if (file.size === 0) throw new Error(`${name} is empty.`);
  if (typeof VideoDecoder === "undefined") {
    throw new Error(
      "This browser has no WebCodecs, with which the page decodes videos; the moving chart needs none.",
    );
  }
  const { ALL_FORMATS, BlobSource, Input, VideoSampleSink } = await import("mediabunny");
  const input = new Input({ source: new BlobSource(file), formats: ALL_FORMATS });
  try {
    const track = await input.getPrimaryVideoTrack().catch(() => {
      throw new Error(
        `${name} is not a video that the page can read: it is damaged or of another format.`,
      );
    });
    if (track === null) throw new Error(`${name} has no pictures in it.`);
    const codec = (await track.getCodec()) ?? "an unknown codec";
    if (!(await track.canDecode())) {
      throw new Error(`${name} is coded as ${codec}, which this browser cannot decode.`);
    }
    const [width, height] = [await track.getDisplayWidth(), await track.getDisplayHeight()];
    if (width * height > MOST_PIXELS) {
      throw new Error(
        `${name} has frames of ${width} × ${height} pixels, too large for the memory of a page: at most ${MOST_PIXELS / 1e6} megapixels fit.`,
      );
    }
    const begin = await track.getFirstTimestamp();
    const duration = (await track.computeDuration()) - begin;
    const { bestGuessFrameRate: rate } = await track.computeFrameRateMetrics();
    const audio = (await input.getPrimaryAudioTrack()) ?? undefined;
    const sound = audio === undefined ? "no sound" : `sound ${await audio.getCodec()}`;
    const container = (await input.getFormat()).name;
    return {
      facts: {
        name: file.name,
        width,
        height,
        duration,
        rate,
        format: `${container}, ${codec}, ${sound}`,
      },
      audio,
      async *frames(from, bitmaps) {
        const sink = new VideoSampleSink(track);
        const [canvas, context] = canvasOf(width, height);
        const middle = 0.5 / rate;
        const at = from <= 0 ? begin : begin + from - middle;
        for await (const sample of sink.samples(at)) {
          try {
            const timestamp = sample.timestamp - begin;
            if (timestamp < -1e-6) continue;
            context.clearRect(0, 0, width, height);
            sample.draw(context, 0, 0, width, height);
            const rgba = context.getImageData(0, 0, width, height).data;
            const frame = { rgba, timestamp, duration: sample.duration || 1 / rate };
            yield bitmaps ? { ...frame, bitmap: await createImageBitmap(canvas) } : frame;
          } finally {
            sample.close();
          }
        }
      },
      close() {
        input.dispose();
      },
    };
  } catch (error) {
    input.dispose();
    if (error instanceof Error && /^("|This browser)/.test(error.message)) throw error;
    throw new Error(`${name} cannot be read as a video: ${(error as Error).message}`);
  }
}
