/**
 * Pages in Chromium for the browser tests and benchmarks of all packages: modules bundled by Vite, served
 * with and without cross-origin isolation. Where there is no Chromium these tests are skipped; with
 * CI_FULL=1 that is a failure. Bundles take the built packages.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const executable = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
].find((path) => existsSync(path));

/** For `test.skipIf`: there is no Chromium, and that is no failure. */
export const skipBrowser = executable === undefined && process.env.CI_FULL !== "1";

if (skipBrowser) console.warn("SKIPPED: no Chromium found, browser tests do not run here");

/** The address of a file of a package as a string literal, for imports in the modules of a page. */
export const builtFile = (/** @type {string} */ path) =>
  JSON.stringify(fileURLToPath(new URL(`../packages/${path}`, import.meta.url)));

/** @type {Readonly<Record<string, string>>} */
const types = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".webmanifest": "application/manifest+json",
};

/** What isolates a page, and what it demands of all that it loads. */
const isolation = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
  "cross-origin-resource-policy": "same-origin",
};

/** What WebGPU and WebGL run on, by name. */
const graphics = {
  software: [
    "--enable-unsafe-webgpu",
    "--use-webgpu-adapter=swiftshader",
    "--enable-unsafe-swiftshader",
    "--enable-features=Vulkan",
  ],
  card: ["--enable-unsafe-webgpu", "--enable-features=Vulkan"],
  none: ["--disable-gpu"],
};

/**
 * What a site is made of.
 * @typedef {object} SiteOptions
 * @property {Readonly<Record<string, string>>} modules modules by file name; `page.js` is what pages run
 * @property {Readonly<Record<string, Uint8Array>>} [files] files beside the bundle by path, such as `/model.onnx`
 * @property {Readonly<Record<string, string>>} [folders] folders beside the bundle by path with slashes around it,
 *   such as `/ort/`
 * @property {boolean} [minify] whether the bundle is minified; default false
 * @property {boolean} [whole] whether all of a module is kept, whatever its package says of side effects;
 *   default false
 * @property {keyof typeof graphics} [graphics] what WebGPU and WebGL run on; default "software"
 */

/**
 * A page that is open.
 * @typedef {object} Tab
 * @property {readonly string[]} fetched addresses of what it has fetched
 * @property {readonly string[]} problems what it has reported as errors
 * @property {<T>(name: string, ...args: readonly unknown[]) => Promise<T>} call calls a function of `window`
 * @property {() => Promise<void>} close closes it
 */

/**
 * A bundle that is served, and a browser.
 * @typedef {object} Site
 * @property {string} address its address, with a slash at the end
 * @property {(awaited: string, isolated?: boolean) => Promise<Tab>} open opens a page and waits for a name in
 *   `window`; whether the page is cross-origin isolated, default false
 * @property {() => Promise<void>} close ends the browser and the server
 */

/**
 * Starts Chromium.
 * @param {keyof typeof graphics} [kind] what WebGPU and WebGL run on; default "software"
 * @param {readonly string[]} [more] further arguments
 * @returns {Promise<import("playwright-core").Browser>}
 * @throws Error when there is no Chromium
 */
export async function launchChromium(kind = "software", more = []) {
  if (executable === undefined) throw new Error("CI_FULL=1: expected Chromium, there is none");
  // Only when a page is asked for: most tests that know of pages open none.
  const { chromium } = await import("playwright-core");
  return chromium.launch({
    executablePath: executable,
    args: [
      "--no-sandbox",
      "--disable-dev-shm-usage",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      ...graphics[kind],
      ...more,
    ],
  });
}

/**
 * Serves files on a free port of this machine.
 * @param {(pathname: string) => Uint8Array | undefined} read gives a file, or `undefined` when there is none
 * @param {(url: URL) => boolean} isolated whether an answer isolates the page
 * @returns {Promise<{ address: string, close: () => void }>} the address, with a slash at the end
 */
export async function serveFiles(read, isolated) {
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://localhost");
    const bytes = read(url.pathname);
    if (bytes === undefined) return response.writeHead(404).end();
    const type = { "content-type": types[extname(url.pathname)] ?? types[".html"] };
    return response.writeHead(200, isolated(url) ? { ...type, ...isolation } : type).end(bytes);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  return {
    address: `http://127.0.0.1:${port}/`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/**
 * Bundles modules, serves them and starts Chromium.
 * @param {SiteOptions} options modules and files
 * @returns {Promise<Site>}
 * @throws Error when there is no Chromium
 */
export async function openSite(options) {
  const { modules, files = {}, folders = {}, minify = false, whole = false } = options;
  const { build } = await import("vite");
  const folder = mkdtempSync(join(tmpdir(), "softpool-site-"));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  const page = '<link rel="icon" href="data:,"><script type="module" src="/page.js"></script>';
  writeFileSync(join(folder, "index.html"), `<!doctype html>${page}`);
  for (const [name, text] of Object.entries(modules)) writeFileSync(join(folder, name), text);
  const placeOf = (/** @type {string} */ pathname) => {
    const path = normalize(pathname);
    const beside = Object.keys(folders).find((name) => path.startsWith(name));
    if (beside !== undefined) return join(folders[beside], path.slice(beside.length));
    return join(folder, "out", path === "/" ? "index.html" : path);
  };
  const read = (/** @type {string} */ path) => (existsSync(path) ? readFileSync(path) : undefined);
  try {
    await build({
      root: folder,
      configFile: false,
      logLevel: "silent",
      worker: { format: "es" },
      build: {
        outDir: "out",
        minify,
        target: "es2022",
        ...(whole ? { rollupOptions: { treeshake: false } } : {}),
      },
    });
    const browser = await launchChromium(options.graphics);
    const { address, close } = await serveFiles(
      (pathname) => files[pathname] ?? read(placeOf(pathname)),
      ({ pathname, searchParams }) => pathname !== "/" || searchParams.has("isolated"),
    );
    return {
      address,
      async open(awaited, isolated = false) {
        const tab = await browser.newPage();
        /** @type {string[]} */
        const problems = [];
        /** @type {string[]} */
        const fetched = [];
        tab.on("console", (message) => {
          if (message.type() === "error") problems.push(message.text());
        });
        tab.on("pageerror", (error) => problems.push(error.message));
        tab.on("request", (request) => fetched.push(request.url()));
        await tab.goto(isolated ? `${address}?isolated` : address);
        await tab
          .waitForFunction((name) => name in window, awaited)
          .catch((cause) => {
            throw new Error(`the page has no ${awaited}: ${problems.join("; ")}`, { cause });
          });
        return {
          fetched,
          problems,
          call: (name, ...args) =>
            tab.evaluate(
              ([own, list]) => {
                /** @type {any} */
                const all = window;
                return all[/** @type {string} */ (own)](.../** @type {unknown[]} */ (list));
              },
              [name, args],
            ),
          close: () => tab.close(),
        };
      },
      async close() {
        await browser.close();
        close();
        remove();
      },
    };
  } catch (error) {
    remove();
    throw error;
  }
}
