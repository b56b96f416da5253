/** What holds for the whole page: it works without a network, and for everybody. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openStudio, type Studio, skipBrowser } from "./studio.ts";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const tabs = ["picture", "video", "network"] as const;
let studio: Studio;

beforeAll(async () => {
  if (!skipBrowser) studio = await openStudio();
}, 120_000);
afterAll(() => studio?.close());

describe.skipIf(skipBrowser)("the page", () => {
  test("works without a network once it was loaded, networks included", async () => {
    const tab = await studio.open({ isolated: false });
    const { page, context } = tab;
    await page.getByText("works without a network").waitFor({ timeout: 60_000 });
    await context.setOffline(true);
    await page.reload();
    await page.getByText("resolution chart").first().waitFor();
    // The kept page is isolated, also where the server does not say so.
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
    await page.getByRole("tab", { name: "Network" }).click();
    await page.getByText("filter bank").first().waitFor();
    await page.getByRole("button", { name: "Run both on the picture" }).click();
    await page.locator(".outcomes").waitFor({ timeout: 60_000 });
    await page.getByRole("tab", { name: "Video" }).click();
    await page.getByText("moving chart").first().waitFor();
    expect([tab.problems, tab.foreign]).toEqual([[], []]);
    await tab.close();
  });

  test("its policy forbids other places", async () => {
    const tab = await studio.open();
    const refused = await tab.page.evaluate(() =>
      fetch("https://example.com/").then(
        () => "answered",
        (error: Error) => error.name,
      ),
    );
    expect(refused).toBe("TypeError");
    expect(tab.problems.join(" ")).toContain("Content Security Policy");
    await tab.close();
  });

  test("tabs, sliders, panes and the divider are reached and moved by keys", async () => {
    const tab = await studio.open();
    const { page } = tab;
    await page.getByText("resolution chart").first().waitFor();
    await page.getByRole("tab", { name: "Picture" }).focus();
    await page.keyboard.press("ArrowRight");
    expect(await page.getByRole("tab", { name: "Video" }).getAttribute("aria-selected")).toBe(
      "true",
    );
    await page.keyboard.press("ArrowLeft");
    const slider = page.getByLabel("Temperature β").first();
    await slider.focus();
    const before = await slider.inputValue();
    await page.keyboard.press("ArrowRight");
    expect(Number(await slider.inputValue())).toBeGreaterThan(Number(before));
    expect(await slider.getAttribute("aria-valuetext")).toMatch(/^β 1\.0\d$/);
    // Everything that can be focused shows that it is.
    const seen = new Set<string>();
    for (let i = 0; i < 60; i++) {
      await page.keyboard.press("Tab");
      const label = await page.evaluate(() => {
        const own = document.activeElement;
        const name = own?.getAttribute("aria-label") ?? own?.getAttribute("type") ?? own?.tagName;
        return `${own?.getAttribute("role") ?? ""} ${name}`;
      });
      seen.add(label);
    }
    for (const part of ["Download SoftPool as PNG", "Zoom in", "img SoftPool"]) {
      expect(
        [...seen].some((label) => label.includes(part)),
        part,
      ).toBe(true);
    }
    expect(tab.problems).toEqual([]);
    await tab.close();
  });

  test.each([
    { size: [1280, 900], colours: "light" },
    { size: [1280, 900], colours: "dark" },
    { size: [390, 844], colours: "light" },
    { size: [390, 844], colours: "dark" },
  ] as const)("has no barrier that axe finds: %o", async (look) => {
    const tab = await studio.open(look);
    const { page } = tab;
    for (const name of tabs) {
      await page.locator(`#tab-${name}`).click();
      await page
        .getByText(
          { picture: "resolution chart", video: "moving chart", network: "filter bank" }[name],
        )
        .first()
        .waitFor();
      // The page's policy lets no script in: this one comes through the debugger.
      await page.evaluate(axe);
      const found = await page.evaluate(async () => {
        const { violations } = await (
          window as unknown as {
            axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
          }
        ).axe.run();
        return violations.map(
          ({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(" | ")}`,
        );
      });
      expect(found, name).toEqual([]);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      expect(overflow, `${name} is wider than the screen`).toBeLessThanOrEqual(0);
    }
    await tab.close();
  });
});
