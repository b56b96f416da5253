/** A page of a module that uses TensorFlow.js, with its WebAssembly files at `/tfjs/`. */
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { openSite } from "../../../test/browser.js";

/**
 * Opens a page; ended with its site.
 * @param {string | URL} module the module it runs
 * @param {"software" | "card"} [graphics] what WebGL and WebGPU run on; default "software"
 */
export async function openPage(module, graphics = "software") {
  const wasm = dirname(fileURLToPath(import.meta.resolve("@tensorflow/tfjs-backend-wasm")));
  const site = await openSite({
    modules: { "page.js": `import ${JSON.stringify(fileURLToPath(module))};` },
    folders: { "/tfjs/": wasm },
    whole: true,
    graphics,
  });
  try {
    const { call, problems } = await site.open("ready");
    return { call, problems, close: site.close };
  } catch (error) {
    await site.close();
    throw error;
  }
}
