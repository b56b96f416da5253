/**
 * The WebGPU engine in Chromium: a page with the built package, bundled by Vite, and calls into it. The
 * adapter is Chromium's SwiftShader: right, never fast. Skipped where there is no Chromium; with
 * CI_FULL=1 that is a failure.
 */
import { builtFile, openSite, skipBrowser } from "../../../test/browser.js";

/** For `skipIf`: there is no browser, and that is no failure. */
export const skipPage: boolean = skipBrowser;

/** Arrays travel as base64: their class and their bytes. */
const script = `
import { createWebGPU } from ${builtFile("softpool/dist/webgpu/index.js")};
const classes = { Float32Array, Uint16Array, Float64Array };
const decode = (v) => {
  if (v === null || typeof v !== "object") return v;
  if (v.number !== undefined) return Number(v.number);
  if (v.bytes !== undefined) {
    const bytes = Uint8Array.from(atob(v.bytes), (c) => c.charCodeAt(0));
    return new classes[v.array](bytes.buffer);
  }
  if (Array.isArray(v)) return v.map(decode);
  return Object.fromEntries(Object.entries(v).map(([key, value]) => [key, decode(value)]));
};
const encode = (v) => {
  if (ArrayBuffer.isView(v)) {
    let text = "";
    for (const byte of new Uint8Array(v.buffer, v.byteOffset, v.byteLength)) text += String.fromCharCode(byte);
    return { array: v.constructor.name, bytes: btoa(text) };
  }
  if (v === null || typeof v !== "object" || Array.isArray(v)) return v;
  return Object.fromEntries(Object.entries(v).map(([key, value]) => [key, encode(value)]));
};
let engine;
window.start = async () => {
  engine = await createWebGPU();
  return engine.info();
};
// Tensors that stay on the GPU, a handle, and a device that is lost and replaced.
const scenario = async (x, g, o) => {
  const other = await createWebGPU();
  const results = {};
  const [inX, inG] = [other.upload(x), other.upload(g)];
  const once = await other.softPool2d(inX, o);
  const twice = await other.softPool2d(once, o);
  results.twice = (await other.download(twice)).data;
  const handle = await other.prepare("softPool2dBackward", x, o);
  results.buffers = (await other.download(await handle.run(inG, inX))).data;
  results.arrays = (await handle.run(g, x)).data;
  handle.dispose();
  for (const tensor of [inX, inG, once, twice]) tensor.dispose();
  other.device.destroy();
  results.reason = (await other.lost).reason;
  results.error = await other.softPool2d(x, o).then(() => "", (error) => error.message);
  results.again = (await (await createWebGPU()).softPool2d(x, o)).data;
  return results;
};
window.call = async (name, values) => {
  try {
    const f = name === "scenario" ? scenario : engine[name];
    return { result: encode(await f(...decode(values))) };
  } catch (error) {
    return { error: error.message };
  }
};
`;

/** Values as the page reads them. */
function encode(value: unknown): unknown {
  if (typeof value === "number" && !Number.isFinite(value)) return { number: String(value) };
  if (ArrayBuffer.isView(value)) {
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    return { array: value.constructor.name, bytes: bytes.toString("base64") };
  }
  if (Array.isArray(value)) return value.map(encode);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, encode(v)]));
}

const classes = { Float32Array, Uint16Array, Float64Array };

function decode(value: unknown): unknown {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return value;
  const { array, bytes } = value as { array?: keyof typeof classes; bytes?: string };
  if (array !== undefined && bytes !== undefined) {
    const copy = Uint8Array.from(Buffer.from(bytes, "base64"));
    return new classes[array](copy.buffer);
  }
  return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, decode(v)]));
}

type Site = Awaited<ReturnType<typeof openSite>>;
type Tab = Awaited<ReturnType<Site["open"]>>;

let opened: Promise<{ site: Site; tab: Tab }> | undefined;

/** What the page's engine says it runs on. */
export let pageInfo: { adapter: string; software: boolean } | undefined;

async function open(): Promise<{ site: Site; tab: Tab }> {
  const site = await openSite({ modules: { "page.js": script } });
  const tab = await site.open("start");
  pageInfo = await tab.call("start");
  return { site, tab };
}

/** Calls a function of the page's engine. */
export async function callPage(name: string, values: readonly unknown[]): Promise<unknown> {
  opened ??= open();
  const { tab } = await opened;
  const answer = await tab.call<{ result?: unknown; error?: string }>("call", name, encode(values));
  if (answer.error !== undefined) throw new Error(answer.error);
  return decode(answer.result);
}

/** Closes the browser, where one was opened. */
export async function closePage(): Promise<void> {
  await (await opened)?.site.close();
}
