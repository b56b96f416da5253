/**
 * A page in Chromium for tests and the benchmark: bundles a module with Vite, serves it beside the WebAssembly
 * files of TensorFlow.js, opens it and calls the functions that it put on `window`.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { basename, dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { build } from "vite";

/** Where Chromium is, or undefined. */
export const executable = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
].find((path) => existsSync(path));

const wasm = dirname(fileURLToPath(import.meta.resolve("@tensorflow/tfjs-backend-wasm")));
const SOFTWARE = ["--use-webgpu-adapter=swiftshader", "--enable-unsafe-swiftshader"];
/** @type {Record<string, string>} */
const types = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".wasm": "application/wasm",
};

/**
 * An open page. `call` calls a function that the module put on `window`; `close` ends the browser and returns
 * what the page reported as errors.
 * @typedef {object} Page
 * @property {<T>(name: string, ...args: unknown[]) => Promise<T>} call
 * @property {() => Promise<string[]>} close
 */

/**
 * Opens a page.
 * @param {string} module the module it runs, an absolute path
 * @param {readonly string[]} [flags] flags of the browser; default: WebGL and WebGPU on a software adapter
 * @returns {Promise<Page>}
 */
export async function openPage(module, flags = SOFTWARE) {
  const folder = mkdtempSync(join(tmpdir(), "softpool-page-"));
  writeFileSync(join(folder, "page.js"), `import ${JSON.stringify(module)};`);
  writeFileSync(
    join(folder, "index.html"),
    '<!doctype html><link rel="icon" href="data:,"><script type="module" src="/page.js"></script>',
  );
  await build({
    root: folder,
    configFile: false,
    logLevel: "silent",
    build: {
      outDir: "out",
      minify: false,
      target: "es2022",
      // The page's module is run for what it does, whatever its package says of modules.
      rollupOptions: { treeshake: false },
    },
  });
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    const inPage = join(folder, "out", pathname === "/" ? "index.html" : pathname);
    const path = extname(pathname) === ".wasm" ? join(wasm, basename(pathname)) : inPage;
    if (!existsSync(path)) return response.writeHead(404).end();
    const headers = { "content-type": types[extname(path)] ?? "" };
    return response.writeHead(200, headers).end(readFileSync(path));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const browser = await chromium.launch({
    executablePath: executable,
    args: [
      "--no-sandbox",
      "--disable-dev-shm-usage",
      "--enable-unsafe-webgpu",
      "--enable-features=Vulkan",
      ...flags,
    ],
  });
  /** @type {string[]} */
  const problems = [];
  const close = async () => {
    await browser.close();
    server.close();
    rmSync(folder, { recursive: true, force: true });
    return problems;
  };
  try {
    const tab = await browser.newPage();
    tab.on("pageerror", (error) => problems.push(error.message));
    tab.on("console", (message) => {
      if (message.type() === "error") problems.push(message.text());
    });
    await tab.goto(
      `http://127.0.0.1:${/** @type {import("node:net").AddressInfo} */ (server.address()).port}/`,
    );
    await tab.waitForFunction(() => "ready" in window);
    return {
      call: (name, ...args) =>
        tab.evaluate(
          ([of, list]) => {
            /** @type {any} */
            const functions = window;
            return functions[/** @type {string} */ (of)](.../** @type {unknown[]} */ (list));
          },
          [name, args],
        ),
      close,
    };
  } catch (error) {
    const said = await close();
    throw new Error(`the page did not start: ${said.join("; ")}`, { cause: error });
  }
}
