/**
 * Pages in Chromium for the browser tests of all packages: modules bundled by Vite, served with and
 * without cross-origin isolation. Where there is no Chromium these tests are skipped; with CI_FULL=1 that
 * is a failure. Bundles take the built packages.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { build } from "vite";

const executable = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
].find((path) => existsSync(path));

/** For `test.skipIf`: there is no Chromium, and that is no failure. */
export const skipBrowser: boolean = executable === undefined && process.env.CI_FULL !== "1";

if (skipBrowser) console.warn("SKIPPED: no Chromium found, browser tests do not run here");

/** The address of a file of a package as a string literal, for imports in the modules of a page. */
export const builtFile = (path: string): string =>
  JSON.stringify(fileURLToPath(new URL(`../packages/${path}`, import.meta.url)));

const types: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

/** What isolates a page, and what it demands of all that it loads. */
const isolation: Readonly<Record<string, string>> = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
  "cross-origin-resource-policy": "same-origin",
};

/** What a site is made of. */
export interface SiteOptions {
  /** Modules by file name; `page.js` is what pages run. */
  readonly modules: Readonly<Record<string, string>>;
  /** Files beside the bundle by path, such as `/model.onnx`. */
  readonly files?: Readonly<Record<string, Uint8Array>>;
  /** Folders beside the bundle by path with slashes around it, such as `/ort/`. */
  readonly folders?: Readonly<Record<string, string>>;
  /** Whether the bundle is minified; default false. */
  readonly minify?: boolean;
  /** Whether WebGPU runs on the software adapter; default true. */
  readonly webgpu?: boolean;
}

/** A page that is open. */
export interface Tab {
  /** Addresses of what it has fetched. */
  readonly fetched: readonly string[];
  /** What it has reported as errors. */
  readonly problems: readonly string[];
  /** Calls a function of `window`. */
  call<T>(name: string, ...args: readonly unknown[]): Promise<T>;
  /** Closes it. */
  close(): Promise<void>;
}

/** A bundle that is served, and a browser. */
export interface Site {
  /** Its address, with a slash at the end. */
  readonly address: string;
  /**
   * Opens a page and waits for a function of `window`.
   * @param awaited the function
   * @param isolated whether the page is cross-origin isolated; default false
   */
  open(awaited: string, isolated?: boolean): Promise<Tab>;
  /** Ends the browser and the server. */
  close(): Promise<void>;
}

/**
 * Bundles modules, serves them and starts Chromium.
 * @param options modules and files
 * @throws Error when there is no Chromium
 */
export async function openSite(options: SiteOptions): Promise<Site> {
  if (executable === undefined) throw new Error("CI_FULL=1: expected Chromium, there is none");
  const { modules, files = {}, folders = {}, minify = false, webgpu = true } = options;
  const folder = mkdtempSync(join(tmpdir(), "softpool-site-"));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  const page = '<link rel="icon" href="data:,"><script type="module" src="/page.js"></script>';
  writeFileSync(join(folder, "index.html"), `<!doctype html>${page}`);
  for (const [name, text] of Object.entries(modules)) writeFileSync(join(folder, name), text);
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://localhost");
    const bytes = files[pathname] ?? read(placeOf(pathname));
    if (bytes === undefined) return response.writeHead(404).end();
    const type = { "content-type": types[extname(pathname)] ?? types[".html"] };
    const isolated = pathname !== "/" || searchParams.has("isolated");
    return response.writeHead(200, isolated ? { ...type, ...isolation } : type).end(bytes);
  });
  const placeOf = (pathname: string): string => {
    const path = normalize(pathname);
    const beside = Object.keys(folders).find((name) => path.startsWith(name));
    if (beside !== undefined) return join(folders[beside], path.slice(beside.length));
    return join(folder, "out", path === "/" ? "index.html" : path);
  };
  const read = (path: string) => (existsSync(path) ? readFileSync(path) : undefined);
  try {
    await build({
      root: folder,
      configFile: false,
      logLevel: "silent",
      worker: { format: "es" },
      build: { outDir: "out", minify, target: "es2022" },
    });
    const graphics = [
      "--enable-unsafe-webgpu",
      "--use-webgpu-adapter=swiftshader",
      "--enable-features=Vulkan",
    ];
    const browser = await chromium.launch({
      executablePath: executable,
      args: [
        "--no-sandbox",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        ...(webgpu ? graphics : ["--disable-gpu"]),
      ],
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    return {
      address,
      async open(awaited, isolated = false) {
        const tab = await browser.newPage();
        const [problems, fetched]: [string[], string[]] = [[], []];
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
          call: <T>(name: string, ...args: readonly unknown[]) =>
            tab.evaluate(
              ([own, list]) => {
                const all = window as unknown as Record<string, (...args: unknown[]) => unknown>;
                return all[own as string](...(list as unknown[]));
              },
              [name, args] as const,
            ) as Promise<T>,
          close: () => tab.close(),
        };
      },
      async close() {
        await browser.close();
        server.close();
        remove();
      },
    };
  } catch (error) {
    server.close();
    remove();
    throw error;
  }
}
