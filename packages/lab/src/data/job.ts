/** The work of a thread: pictures read and transformed into one array, several in flight at a time. */
import { augment } from "./augment.ts";
import type { Source } from "./dataset.ts";
import { BrokenPicture } from "./decode.ts";
import { type Keep, readKept } from "./keep.ts";
import type { Transform } from "./transforms.ts";

/** What all jobs of a loader have in common. */
export interface Setup {
  /** What is done to each picture. */
  readonly transform: Transform;
  /** Seed of the run. */
  readonly seed: number;
  /** Where decoded pictures are kept; undefined for nowhere. */
  readonly keep: Keep | undefined;
  /** Its first number becomes 1 when work is to stop between two pictures. */
  readonly stop: Int32Array<SharedArrayBuffer>;
}

/** Pictures to prepare. */
export interface Job {
  /** Number of the epoch. */
  readonly epoch: number;
  /** Where the pictures are, and their numbers in the set. */
  readonly pictures: readonly { readonly source: Source; readonly index: number }[];
}

/** Pictures prepared. */
export interface Result {
  /** channels x size x size values for each picture, zeros for broken ones. */
  readonly data: Float32Array<ArrayBuffer>;
  /** Places in the job of pictures that cannot be decoded, ascending, and why. */
  readonly broken: readonly { readonly place: number; readonly reason: string }[];
}

/** Pictures in flight: one is decoded by the system's threads while another is resampled here. */
const LANES = 4;

/**
 * Prepares the pictures of a job.
 * @throws Failure when no picture could be read; what is wrong with one picture is in the result
 */
export async function runJob(setup: Setup, job: Job): Promise<Result> {
  const { transform, seed, keep, stop } = setup;
  const { epoch, pictures } = job;
  const one = (transform.channels ?? 3) * transform.size ** 2;
  const data = new Float32Array(pictures.length * one);
  const broken: { place: number; reason: string }[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < pictures.length && Atomics.load(stop, 0) === 0) {
      const place = next++;
      const { source, index } = pictures[place];
      try {
        const pixels = await readKept(keep, source, index);
        const out = data.subarray(place * one, (place + 1) * one);
        augment(pixels, transform, { seed, epoch, index }, out);
      } catch (error) {
        if (!(error instanceof BrokenPicture)) throw error;
        broken.push({ place, reason: error.message });
      }
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return { data, broken: broken.sort((a, b) => a.place - b.place) };
}
