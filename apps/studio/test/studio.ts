/** The built studio in Chromium, for tests that click. */
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, BrowserContext, Download, Page } from "playwright-core";
import { launchChromium, serveFiles } from "../../../test/browser.js";

export { skipBrowser } from "../../../test/browser.js";

const root = fileURLToPath(new URL("..", import.meta.url));

/** How the studio is opened. */
export interface OpenOptions {
  /** The tab; default the first. */
  readonly tab?: "picture" | "video" | "network";
  /** Whether the page is cross-origin isolated; default true. */
  readonly isolated?: boolean;
  /** Width and height of the window; default 1280 x 900. */
  readonly size?: readonly [number, number];
  /** Default light. */
  readonly colours?: "light" | "dark";
}

/** A page of the studio that is open. */
export interface StudioPage {
  /** For clicks. */
  readonly page: Page;
  /** Its context, for what is about the network. */
  readonly context: BrowserContext;
  /** What was reported as an error, in the page and its workers. */
  readonly problems: readonly string[];
  /** What was asked of another place than the studio's own. */
  readonly foreign: readonly string[];
  /** Picks files by the button of a name. */
  pick(button: string, files: readonly PickedFile[]): Promise<void>;
  /** Drops files on the page. */
  drop(files: readonly PickedFile[]): Promise<void>;
  /** Clicks what downloads, and gives the file. */
  download(click: () => Promise<void>): Promise<{ name: string; bytes: Uint8Array }>;
  /** Closes it. */
  close(): Promise<void>;
}

/** A file that a user picks. */
export interface PickedFile {
  /** Its name. */
  readonly name: string;
  /** Its type. */
  readonly mimeType: string;
  /** Its content. */
  readonly buffer: Buffer;
}

/** The studio, built, served and ready to be opened. */
export interface Studio {
  /** Opens a page of its own. */
  open(options?: OpenOptions): Promise<StudioPage>;
  /** Ends all. */
  close(): Promise<void>;
}

/**
 * Builds the studio into a folder of its own, serves it and starts a browser.
 * @param prelude what runs before the studio's workers, to take something away from them; default nothing
 */
export async function openStudio(prelude = ""): Promise<Studio> {
  const { build } = await import("vite");
  const folder = mkdtempSync(join(tmpdir(), "softpool-studio-"));
  // A page that is served, not one that is developed: tests have a mode of their own.
  const { NODE_ENV } = process.env;
  process.env.NODE_ENV = "production";
  await build({
    configFile: join(root, "vite.config.js"),
    logLevel: "silent",
    build: { outDir: folder, emptyOutDir: true },
  }).finally(() => {
    process.env.NODE_ENV = NODE_ENV;
  });
  const read = (pathname: string) => {
    const path = join(folder, normalize(pathname === "/" ? "/index.html" : pathname));
    if (!existsSync(path) || !statSync(path).isFile()) return undefined;
    const bytes = readFileSync(path);
    return /\.worker-.*\.js$/.test(path) ? Buffer.concat([Buffer.from(prelude), bytes]) : bytes;
  };
  const served = {
    isolated: await serveFiles(read, () => true),
    plain: await serveFiles(read, () => false),
  };
  const browser: Browser = await launchChromium("software");
  return {
    async open({ tab, isolated = true, size = [1280, 900], colours = "light" } = {}) {
      const context = await browser.newContext({
        viewport: { width: size[0], height: size[1] },
        colorScheme: colours,
        acceptDownloads: true,
      });
      const page = await context.newPage();
      const { address } = isolated ? served.isolated : served.plain;
      const problems: string[] = [];
      const foreign: string[] = [];
      page.on("console", (message) => {
        if (message.type() === "error") problems.push(message.text());
      });
      page.on("pageerror", (error) => problems.push(error.message));
      page.on("request", (request) => {
        const url = request.url();
        if (!url.startsWith(address) && !/^(blob|data):/.test(url)) foreign.push(url);
      });
      await page.goto(`${address}${tab === undefined ? "" : `#${tab}`}`);
      return {
        page,
        context,
        problems,
        foreign,
        async pick(button, files) {
          const chooser = page.waitForEvent("filechooser");
          await page.getByText(button, { exact: true }).click();
          await (await chooser).setFiles(files.map((file) => ({ ...file })));
        },
        async drop(files) {
          const transfer = await page.evaluateHandle(
            (list) => {
              const data = new DataTransfer();
              for (const { name, mimeType, base64 } of list) {
                const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
                data.items.add(new File([bytes], name, { type: mimeType }));
              }
              return data;
            },
            files.map(({ name, mimeType, buffer }) => ({
              name,
              mimeType,
              base64: buffer.toString("base64"),
            })),
          );
          for (const type of ["dragover", "drop"]) {
            await page.dispatchEvent("main", type, { dataTransfer: transfer });
          }
        },
        async download(click) {
          const [file] = await Promise.all([
            page.waitForEvent("download", { timeout: 100_000 }) as Promise<Download>,
            click(),
          ]);
          return { name: file.suggestedFilename(), bytes: readFileSync(await file.path()) };
        },
        close: () => context.close(),
      };
    },
    async close() {
      await browser.close();
      served.isolated.close();
      served.plain.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
