/** Writes a pooled video to a file in memory: WebM, or MP4, coded by the browser; the sound goes along. */
import type { AudioCodec, InputAudioTrack, Output, VideoCodec } from "mediabunny";
import type { Source } from "./frames.ts";
import { FramePooler, type PooledFrame, type Settings } from "./pool.ts";

/** The containers. */
export type Container = "webm" | "mp4";

const codecs: Readonly<Record<Container, readonly VideoCodec[]>> = {
  webm: ["vp9", "vp8", "av1"],
  mp4: ["avc", "hevc", "av1", "vp9"],
};

/** With what a container can be written here, or why not. */
export type Ability = { codec: VideoCodec } | { reason: string };

/** What this browser can write at a size. */
export async function abilities(
  width: number,
  height: number,
): Promise<Record<Container, Ability>> {
  if (typeof VideoEncoder === "undefined") {
    const reason = "This browser has no WebCodecs, with which the page codes videos.";
    return { webm: { reason }, mp4: { reason } };
  }
  const { getFirstEncodableVideoCodec } = await import("mediabunny");
  const size = evenSize(width, height);
  const entry = async (container: Container, name: string): Promise<Ability> => {
    const codec = await getFirstEncodableVideoCodec([...codecs[container]], size);
    if (codec !== null) return { codec };
    return { reason: `This browser codes no video that ${name} can hold at ${width} × ${height}.` };
  };
  return { webm: await entry("webm", "WebM"), mp4: await entry("mp4", "MP4") };
}

/** Codecs hold colours for blocks of 2 x 2 pixels: an odd last row or column is left out. */
export function evenSize(width: number, height: number): { width: number; height: number } {
  return { width: Math.max(2, width - (width % 2)), height: Math.max(2, height - (height % 2)) };
}

/** What goes on while a file is written. */
export interface Watch {
  /** Told after each pooled frame: seconds of the video that are done. */
  readonly onProgress: (seconds: number) => void;
  /** Asked after each frame. */
  readonly stopped: () => boolean;
}

/** A written video. */
export interface Written {
  /** The file. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Its frames. */
  readonly frames: number;
  /** What happened to the sound, where it could not go along. */
  readonly note: string | undefined;
}

/**
 * Pools all frames and writes them.
 * @returns the file, or `undefined` when it was stopped
 * @throws Error when the browser cannot code the video
 */
export async function write(
  source: Source,
  settings: Settings,
  container: Container,
  watch: Watch,
): Promise<Written | undefined> {
  const media = await import("mediabunny");
  const { width, height } = source.facts;
  const pooler = new FramePooler(width, height, settings);
  const format =
    container === "webm"
      ? new media.WebMOutputFormat()
      : new media.Mp4OutputFormat({ fastStart: "in-memory" });
  const target = new media.BufferTarget();
  const output: Output = new media.Output({ format, target });
  let video: InstanceType<typeof media.VideoSampleSource> | undefined;
  let frames = 0;
  let sound: Sound | undefined;
  try {
    const add = async (frame: PooledFrame) => {
      const size = evenSize(frame.width, frame.height);
      if (video === undefined) {
        const ability = (await abilities(frame.width, frame.height))[container];
        if ("reason" in ability) throw new Error(ability.reason);
        video = new media.VideoSampleSource({
          codec: ability.codec,
          quality: media.QUALITY_VERY_HIGH,
          keyFrameInterval: 2,
        });
        output.addVideoTrack(video);
        sound = await soundOf(source.audio, format.getSupportedAudioCodecs());
        if (sound?.add !== undefined) output.addAudioTrack(sound.source);
        await output.start();
      }
      const sample = new media.VideoSample(cut(frame, size), {
        format: "RGBA",
        codedWidth: size.width,
        codedHeight: size.height,
        timestamp: frame.timestamp,
        duration: frame.duration,
      });
      try {
        await video.add(sample);
      } finally {
        sample.close();
      }
      frames++;
      await sound?.add?.(frame.timestamp + frame.duration);
      watch.onProgress(frame.timestamp + frame.duration);
    };
    for await (const frame of source.frames(0, false)) {
      const pooled = pooler.push(frame);
      if (pooled !== undefined) await add(pooled);
      if (watch.stopped()) {
        await output.cancel();
        return undefined;
      }
    }
    const last = pooler.flush();
    if (last !== undefined) await add(last);
    if (frames === 0) throw new Error("The video has no frame that could be pooled.");
    await sound?.add?.(Number.POSITIVE_INFINITY);
    await output.finalize();
    return { bytes: new Uint8Array(target.buffer as ArrayBuffer), frames, note: sound?.note };
  } catch (error) {
    if (output.state === "started") await output.cancel();
    throw error;
  } finally {
    pooler.dispose();
  }
}

/** The part of a frame that codecs take; at least 2 x 2 pixels. */
function cut(
  { rgba, width, height }: PooledFrame,
  size: { width: number; height: number },
): Uint8ClampedArray<ArrayBuffer> {
  if (size.width === width && size.height === height) return rgba;
  const part = new Uint8ClampedArray(4 * size.width * size.height);
  for (let y = 0; y < size.height; y++) {
    for (let x = 0; x < size.width; x++) {
      const from = 4 * (Math.min(y, height - 1) * width + Math.min(x, width - 1));
      part.set(rgba.subarray(from, from + 4), 4 * (y * size.width + x));
    }
  }
  return part;
}

interface Sound {
  readonly source: import("mediabunny").AudioSource;
  /** Adds the sound up to a time. */
  readonly add: ((until: number) => Promise<void>) | undefined;
  readonly note: string | undefined;
}

/** The sound of a video for another container: its packets as they are, or coded anew. */
async function soundOf(
  track: InputAudioTrack | undefined,
  fitting: readonly AudioCodec[],
): Promise<Sound | undefined> {
  if (track === undefined) return undefined;
  const media = await import("mediabunny");
  const codec = await track.getCodec();
  const begin = await track.getFirstTimestamp();
  const config = (await track.getDecoderConfig()) ?? undefined;
  if (codec !== null && fitting.includes(codec) && config !== undefined) {
    const source = new media.EncodedAudioPacketSource(codec);
    const packets = new media.EncodedPacketSink(track).packets();
    let next = await packets.next();
    const add = async (until: number) => {
      while (!next.done && next.value.timestamp - begin < until) {
        const { timestamp } = next.value;
        const packet = next.value.clone({ timestamp: timestamp - begin });
        await source.add(packet, { decoderConfig: config });
        next = await packets.next();
      }
    };
    return { source, add, note: undefined };
  }
  const numberOfChannels = await track.getNumberOfChannels();
  const sampleRate = await track.getSampleRate();
  const target = await media.getFirstEncodableAudioCodec([...fitting], {
    numberOfChannels,
    sampleRate,
  });
  const source = new media.AudioSampleSource({
    codec: target ?? "opus",
    quality: media.QUALITY_HIGH,
  });
  if (target === null || !(await track.canDecode())) {
    const note = `The sound (${codec}) is left out: this browser cannot code it for this container.`;
    return { source, add: undefined, note };
  }
  const samples = new media.AudioSampleSink(track).samples();
  let next = await samples.next();
  const add = async (until: number) => {
    while (!next.done && next.value.timestamp - begin < until) {
      const sample = next.value;
      sample.setTimestamp(sample.timestamp - begin);
      await source.add(sample);
      sample.close();
      next = await samples.next();
    }
  };
  return { source, add, note: undefined };
}
