/**
 * Pools a stream of frames in time and space: a window of kernel x kernel pixels in `span` frames becomes
 * one pixel of one frame. Windows begin every `step` frames; the last one takes what is left of it.
 */
import type { Light } from "@softpool/pictures";
import { avgPool3d, empty, maxPool3d, powerAvgPool3d, softPool3d, sumPool3d } from "softpool";
import type { MethodName, Planes } from "../picture/methods.ts";
import { toPixels, toPlanes } from "../picture/pixels.ts";
import { outputs } from "../picture/window.ts";

/** How frames are pooled. */
export interface Settings {
  /** The method: one of those that the operator has in 3D. */
  readonly method: MethodName;
  /** Temperature of SoftPool. */
  readonly beta: number;
  /** What is pooled. */
  readonly light: Light;
  /** Taps along height and width. */
  readonly kernel: number;
  /** Distance of windows along height and width. */
  readonly stride: number;
  /** Taps in time. */
  readonly span: number;
  /** Frames between the beginnings of windows in time. */
  readonly step: number;
}

/** A frame that comes in. */
export interface Frame {
  /** RGBA, 8 bit; alpha is not looked at. */
  readonly rgba: Uint8ClampedArray;
  /** When it is shown, in seconds. */
  readonly timestamp: number;
  /** How long, in seconds. */
  readonly duration: number;
}

/** A frame that comes out. */
export interface PooledFrame {
  /** RGBA, 8 bit. */
  readonly rgba: Uint8ClampedArray<ArrayBuffer>;
  /** Columns. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** When it is shown: with the first frame of its window. */
  readonly timestamp: number;
  /** How long: until the next window begins. */
  readonly duration: number;
  /** Milliseconds of the operator. */
  readonly operator: number;
  /** Milliseconds between pixels and values, both ways, of all frames of the window. */
  readonly conversion: number;
}

/** Pools frames as they come. */
export class FramePooler {
  readonly #width: number;
  readonly #height: number;
  readonly #settings: Settings;
  readonly #frames: Planes;
  #held: { timestamp: number; duration: number }[] = [];
  /** Frames that lie between windows and are passed over. */
  #skip = 0;
  #conversion = 0;

  /**
   * @param width columns of the frames
   * @param height rows of the frames
   * @throws Error when the kernel is larger than a frame, RangeError when memory is full
   */
  constructor(width: number, height: number, settings: Settings) {
    const { kernel, span } = settings;
    if (kernel > Math.min(width, height)) {
      throw new Error(
        `the kernel of ${kernel} × ${kernel} is larger than the frames of ${width} × ${height} pixels`,
      );
    }
    this.#width = width;
    this.#height = height;
    this.#settings = settings;
    this.#frames = empty([1, 3, span, height, width]) as Planes;
  }

  /** Takes a frame; gives the pooled one when a window is full. */
  push({ rgba, timestamp, duration }: Frame): PooledFrame | undefined {
    if (this.#skip > 0) {
      this.#skip--;
      return undefined;
    }
    const { span, step, light } = this.#settings;
    const count = this.#width * this.#height;
    const start = performance.now();
    const planes = new Float32Array(3 * count);
    toPlanes(rgba as Uint8ClampedArray<ArrayBuffer>, light, planes);
    const { data } = this.#frames;
    for (let c = 0; c < 3; c++) {
      data.set(planes.subarray(c * count, (c + 1) * count), (c * span + this.#held.length) * count);
    }
    this.#conversion += performance.now() - start;
    this.#held.push({ timestamp, duration });
    return this.#held.length === span ? this.#pool(step) : undefined;
  }

  /** Pools what is left at the end: the frames that no window has seen. */
  flush(): PooledFrame | undefined {
    const { span, step } = this.#settings;
    // Frames that an earlier window saw too are no window of their own.
    const seen = this.#started ? Math.max(0, span - step) : 0;
    return this.#held.length > seen ? this.#pool(this.#held.length) : undefined;
  }

  /** Gives the memory back. */
  dispose(): void {
    this.#frames.dispose();
  }

  #started = false;

  /** Pools what is held; the result is shown for the time of the first `shown` frames. */
  #pool(shown: number): PooledFrame {
    const { method, beta, light, kernel, stride, span } = this.#settings;
    const [width, height] = [this.#width, this.#height];
    const taken = this.#held.length;
    const input = taken === span ? this.#frames : this.#part(taken);
    const options = {
      kernelSize: [taken, kernel, kernel],
      stride: [taken, stride, stride],
      ceilMode: true,
    };
    const start = performance.now();
    const pooled = operators[method]?.(input, options, beta);
    if (pooled === undefined) throw new Error(`${method} does not pool in time`);
    const operator = performance.now() - start;
    if (input !== this.#frames) input.dispose();
    const size = {
      width: outputs(width, { kernel, stride }),
      height: outputs(height, { kernel, stride }),
    };
    const rgba = new Uint8ClampedArray(4 * size.width * size.height);
    const before = performance.now();
    toPixels(pooled.data, light, rgba);
    const conversion = this.#conversion + performance.now() - before;
    pooled.dispose();
    this.#conversion = 0;
    const { timestamp } = this.#held[0];
    const frames = this.#held.slice(0, shown);
    // Frames between two windows are taken to last as long as those inside.
    const gap = Math.max(1, shown / taken);
    const duration = gap * frames.reduce((sum, frame) => sum + frame.duration, 0);
    this.#started = true;
    this.#advance();
    return { ...size, rgba, timestamp, duration, operator, conversion };
  }

  /** The first frames alone. */
  #part(taken: number): Planes {
    const count = this.#width * this.#height;
    const { span } = this.#settings;
    const part = empty([1, 3, taken, this.#height, this.#width]) as Planes;
    const [from, to] = [this.#frames.data, part.data];
    for (let c = 0; c < 3; c++) {
      to.set(from.subarray(c * span * count, (c * span + taken) * count), c * taken * count);
    }
    return part;
  }

  /** Moves the frames that the next window shares with this one to the beginning. */
  #advance(): void {
    const { span, step } = this.#settings;
    const count = this.#width * this.#height;
    const { data } = this.#frames;
    const kept = this.#held.slice(step);
    for (let c = 0; c < 3 && kept.length > 0; c++) {
      const first = c * span * count;
      data.copyWithin(first, first + step * count, first + this.#held.length * count);
    }
    this.#skip = Math.max(0, step - this.#held.length);
    this.#held = kept;
  }
}

interface Options {
  readonly kernelSize: number[];
  readonly stride: number[];
  readonly ceilMode: boolean;
}

const operators: Partial<
  Record<MethodName, (x: Planes, options: Options, beta: number) => Planes>
> = {
  soft: (x, options, beta) => softPool3d(x, { ...options, beta }) as Planes,
  average: (x, options) => avgPool3d(x, options) as Planes,
  maximum: (x, options) => maxPool3d(x, options) as Planes,
  sum: (x, options) => sumPool3d(x, options) as Planes,
  "power-average": (x, options) => powerAvgPool3d(x, options) as Planes,
};

/** The methods that pool in time. */
export const inTime: readonly MethodName[] = Object.keys(operators) as MethodName[];
