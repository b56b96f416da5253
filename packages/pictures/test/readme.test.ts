import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import * as pictures from "../src/index.ts";

test("the README's snippet prints what it says, and its table names every function and class", () => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  const { areaAverage, ProtocolReference, resolutionChart } = pictures;
  const chart = resolutionChart({ width: 240, height: 160, seed: 1 });
  const pooled = areaAverage(chart, 2);
  const { srgb, linear } = new ProtocolReference(chart, 2, "bilinear").score(pooled);
  const printed = [srgb, linear].map((s) => `${s.ssim.toFixed(4)} ${s.psnr.toFixed(2)}\n`);
  expect(readme).toContain(`\`\`\`\n${printed.join("")}\`\`\``);
  for (const name of Object.keys(pictures)) expect(readme).toContain(name);
});
