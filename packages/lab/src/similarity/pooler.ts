/**
 * Pools one picture after another by any variant: by the operator where it has the method, by ONNX Runtime
 * in one thread otherwise. Sessions of small pictures are kept for the next one, within a bound.
 */

import { totalmem } from "node:os";
import { elements } from "@softpool/onnx";
import type { RunTensor, Session } from "@softpool/onnx/session-node";
import { createSession } from "@softpool/onnx/session-node";
import {
  createPicture,
  cropToMultiple,
  fromValueRange,
  type Picture,
  toValueRange,
  type ValueRange,
} from "@softpool/pictures";
import { uniforms } from "@softpool/poolings";
import { Failure } from "../errors.ts";
import { canonical } from "../study/cell.ts";
import { inColour } from "./crops.ts";
import {
  graphBytes,
  initialValues,
  noiseOf,
  type Place,
  parametersOf,
  type Values,
} from "./graph.ts";
import { OperatorInput } from "./operator.ts";
import { isOperator, type Variant, variantConfig } from "./variant.ts";

/** How a picture is pooled. */
export interface Pooling {
  /** The variant. */
  readonly variant: Variant;
  /** Kernel and stride. */
  readonly kernel: number;
  /** The values that it sees. */
  readonly values: ValueRange["name"];
  /** Seed of initial parameters and of the noise, where there are any. */
  readonly seed: number;
  /** Place in the noise, so that every picture has its own: a whole number below 2^53. */
  readonly place: number;
  /** Name of the fitted parameters, and the parameters; default initial ones. */
  readonly fitted?: { readonly name: string; readonly values: Values };
}

/** Half of the memory of this machine, or of what this process may have of it, in bytes. */
export function memoryLimit(): number {
  const allowed = process.constrainedMemory?.() ?? 0;
  const all = totalmem();
  return (allowed > 0 && allowed < all ? allowed : all) / 2;
}

/** Bytes that sessions hold between pictures at most, about. */
const KEPT = 192 * 2 ** 20;

/** Bytes that a method takes for a pixel, about, where it is not the usual. */
const BYTES_PER_PIXEL: Readonly<Record<string, number>> = {
  "lip-bottleneck": 2400,
  "lite-s3dpp": 320,
};

/** Bytes that a variant takes for a pixel of the original. */
export function bytesPerPixel({ method }: Variant): number {
  return BYTES_PER_PIXEL[method] ?? 120;
}

/** A session with the bytes that it may hold. */
interface Kept {
  readonly session: Session;
  readonly bytes: number;
}

/** The mean of three channels as a grey picture. */
function mean({ width, height, data }: Picture): Picture {
  const grey = createPicture(width, height, 1);
  const n = width * height;
  for (let i = 0; i < n; i++) grey.data[i] = (data[i] + data[n + i] + data[2 * n + i]) / 3;
  return grey;
}

/** Pools pictures. */
export class Pooler {
  readonly #kept = new Map<string, Kept>();
  #held = 0;
  readonly #most = memoryLimit();
  /** The picture, cropped and in a value range, and where it came from. */
  #input: { key: string; of: Picture; cropped: Picture; operator?: OperatorInput } | undefined;

  /**
   * Pools a picture that is cropped to a multiple of the kernel.
   * @param picture sRGB values in [0, 1]
   * @returns sRGB values, in [0, 1] where the method stays between its taps
   * @throws OnnxError when ONNX Runtime refuses
   */
  async pool(picture: Picture, pooling: Pooling): Promise<Picture> {
    const { variant, kernel, values } = pooling;
    const input = this.#inputOf(picture, kernel, values);
    let pooled: Picture;
    if (isOperator(variant)) {
      input.operator ??= new OperatorInput(input.cropped);
      pooled = input.operator.pool(variant, kernel);
    } else pooled = await this.#run(input.cropped, pooling);
    return fromValueRange(pooled, values);
  }

  /** Gives up the picture, and the sessions too when `all`. */
  async release(all: boolean): Promise<void> {
    this.#input?.operator?.dispose();
    this.#input = undefined;
    if (!all) return;
    for (const { session } of this.#kept.values()) await session.dispose();
    this.#kept.clear();
    this.#held = 0;
  }

  #inputOf(picture: Picture, kernel: number, values: ValueRange["name"]) {
    const key = `${kernel} ${values}`;
    if (this.#input?.of !== picture || this.#input.key !== key) {
      this.#input?.operator?.dispose();
      const whole = picture.width % kernel === 0 && picture.height % kernel === 0;
      const cropped = toValueRange(whole ? picture : cropToMultiple(picture, kernel), values);
      this.#input = { key, of: picture, cropped };
    }
    return this.#input;
  }

  async #run(picture: Picture, pooling: Pooling): Promise<Picture> {
    const { variant, kernel, seed, place: step, fitted } = pooling;
    if (picture.channels === 1 && fitted !== undefined) {
      // Parameters are those of three channels: grey is pooled as three equal ones.
      return mean(await this.#run(inColour(picture), pooling));
    }
    const { width, height, channels, data } = picture;
    const place: Place = { kernel, channels, size: [height, width] };
    const { key, session, bytes } = await this.#session(pooling, place);
    try {
      const feeds: Record<string, RunTensor> = {
        x: { dtype: "float32", shape: [1, channels, height, width], data },
      };
      noiseOf(variant, place).forEach(({ name, shape }, layer) => {
        const drawn = uniforms(elements(shape), { seed, step, layer });
        feeds[`noise/${name}`] = { dtype: "float32", shape, data: drawn };
      });
      const { y } = await session.run(feeds);
      const [, , h, w] = y.shape;
      return createPicture(w, h, channels, y.data as Float32Array);
    } finally {
      await this.#keep(key, session, bytes);
    }
  }

  /** A session for a pooling: taken out of those that are kept, or made. */
  async #session({ variant, kernel, seed, fitted }: Pooling, place: Place) {
    // Graphs that draw are made for one size, which they may need to know.
    const drawing = variant.phase === "training";
    const graph: Place = drawing ? place : { ...place, size: undefined };
    const parameters = fitted?.name ?? (variant.state === "initial" ? seed : null);
    const { channels, size } = graph;
    const key = canonical({
      ...variantConfig(variant),
      kernel,
      channels,
      size: size ?? null,
      parameters,
    });
    const [height, width] = place.size as readonly [number, number];
    const bytes = height * width * bytesPerPixel(variant);
    if (bytes > this.#most) {
      throw new Failure(
        `${variant.method} takes about ${(bytes / 2 ** 30).toFixed(1)} GiB for a picture of ${width} x ${height} pixels, more than half of this machine's memory`,
      );
    }
    const kept = this.#kept.get(key);
    if (kept !== undefined) {
      this.#kept.delete(key);
      this.#held -= kept.bytes;
      return { key, session: kept.session, bytes: Math.max(bytes, kept.bytes) };
    }
    const values = fitted?.values ?? initialValues(parametersOf(variant, graph), seed);
    const model = graphBytes(variant, graph, values);
    const session = await createSession(model, { threads: 1, log: () => {} });
    return { key, session, bytes };
  }

  /** Keeps a session, the newest of all, where its memory fits; frees the oldest ones that do not. */
  async #keep(key: string, session: Session, bytes: number): Promise<void> {
    this.#kept.set(key, { session, bytes });
    this.#held += bytes;
    for (const [name, entry] of this.#kept) {
      if (this.#held <= KEPT) break;
      this.#kept.delete(name);
      this.#held -= entry.bytes;
      await entry.session.dispose();
    }
  }
}
