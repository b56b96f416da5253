/** What the study of similarity spends its processor time on, from the profiles that Node writes. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Shares below this are not listed. */
const LEAST_SHARE = 0.015;

/**
 * @typedef {object} Frame
 * @property {string} functionName
 * @property {string} url
 */

/**
 * Where a function stands: package and file, or its WebAssembly module.
 * @param {Frame} frame
 */
function placeOf({ functionName, url }) {
  if (url.startsWith("wasm:"))
    return `${functionName} of ${url.replace("wasm://wasm/", "module ")}`;
  const file = url.match(/(?:packages|node_modules)\/(?:@[^/]+\/)?([^/]+)\/(?:.*\/)?([^/]+)$/);
  const name = functionName === "" ? "(anonymous)" : functionName;
  return file ? `${name}, ${file[1]}/${file[2]}` : name;
}

/**
 * Shares of the processor time by function, of all threads, the largest first.
 * @param {string} folder with .cpuprofile files
 * @returns {{ place: string, share: number }[]}
 */
export function readProfiles(folder) {
  /** @type {Map<string, number>} */
  const times = new Map();
  let total = 0;
  for (const name of readdirSync(folder).filter((file) => file.endsWith(".cpuprofile"))) {
    const profile = JSON.parse(readFileSync(join(folder, name), "utf8"));
    /** @type {Map<number, Frame>} */
    const frames = new Map(
      profile.nodes.map((/** @type {{ id: number, callFrame: Frame }} */ node) => [
        node.id,
        node.callFrame,
      ]),
    );
    for (const [i, id] of profile.samples.entries()) {
      const frame = frames.get(id);
      if (frame === undefined || /^\((idle|root)\)$/.test(frame.functionName)) continue;
      const place = placeOf(frame);
      times.set(place, (times.get(place) ?? 0) + profile.timeDeltas[i]);
      total += profile.timeDeltas[i];
    }
  }
  return [...times]
    .map(([place, time]) => ({ place, share: time / total }))
    .filter(({ share }) => share >= LEAST_SHARE)
    .sort((a, b) => b.share - a.share);
}
