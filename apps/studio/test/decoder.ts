/** A page that decodes videos for the tests: what the studio has written, frame by frame. */
import { builtFile, openSite, type Site } from "../../../test/browser.js";

/** A decoded video. */
export interface Decoded {
  /** Columns. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** Container and codec. */
  readonly format: string;
  /** Codec of the sound, where there is any. */
  readonly sound: string | undefined;
  /** When each frame is shown, in seconds. */
  readonly times: readonly number[];
  /** RGB of each frame, base64. */
  readonly frames: readonly string[];
}

const module = `
import { ALL_FORMATS, BlobSource, Input, VideoSampleSink } from "mediabunny";
import { drawScene, scene } from ${JSON.stringify(new URL("../src/video/scene.ts", import.meta.url).pathname)};
const base64 = (bytes) => {
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return btoa(text);
};
const colours = (context, width, height) => {
  const { data } = context.getImageData(0, 0, width, height);
  const rgb = new Uint8Array(3 * width * height);
  for (let i = 0; i < width * height; i++) for (let c = 0; c < 3; c++) rgb[3 * i + c] = data[4 * i + c];
  return base64(rgb);
};
window.decode = async (text) => {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const input = new Input({ source: new BlobSource(new Blob([bytes])), formats: ALL_FORMATS });
  const track = await input.getPrimaryVideoTrack();
  const sound = await (await input.getPrimaryAudioTrack())?.getCodec();
  const [width, height] = [await track.getDisplayWidth(), await track.getDisplayHeight()];
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  const [times, frames] = [[], []];
  for await (const sample of new VideoSampleSink(track).samples()) {
    sample.draw(context, 0, 0, width, height);
    times.push(sample.timestamp);
    frames.push(colours(context, width, height));
    sample.close();
  }
  const format = (await input.getFormat()).name + " " + (await track.getCodec());
  return { width, height, format, sound, times, frames };
};
window.scene = (from, count) => {
  const { width, height, rate } = scene;
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  return Array.from({ length: count }, (_, i) => {
    drawScene(context, (from + i) / rate);
    return colours(context, width, height);
  });
};
`;

/** Opens the page. */
export function openDecoder(): Promise<Site> {
  const text = module.replace(
    '"mediabunny"',
    builtFile("../node_modules/mediabunny/dist/modules/src/index.js"),
  );
  return openSite({ modules: { "page.js": text } });
}
