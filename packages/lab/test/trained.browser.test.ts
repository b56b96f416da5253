/**
 * A file that `softpool train` wrote, in a real browser: its scores on onnxruntime-web are those of
 * onnxruntime-node. Uses the built packages.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createSession } from "@softpool/onnx/session-node";
import { expect, test } from "vitest";
import { builtFile, openSite, skipBrowser } from "../../../test/browser.js";

const bin = fileURLToPath(new URL("../bin/softpool.js", import.meta.url));
const shape = [3, 3, 16, 16];

const page = `
import { createSession } from ${builtFile("onnx/dist/session-web.js")};
window.scores = async (values, shape, provider) => {
  const bytes = new Uint8Array(await (await fetch("/model.onnx")).arrayBuffer());
  const session = await createSession(bytes, { provider, strict: true });
  const input = { dtype: "float32", shape, data: Float32Array.from(values) };
  const { logits } = await session.run({ input });
  await session.dispose();
  return Array.from(logits.data);
};
`;

test.skipIf(skipBrowser)("a trained network scores in a page as in Node", async () => {
  const folder = mkdtempSync(join(tmpdir(), "softpool-trained-"));
  let bytes: Uint8Array;
  try {
    const words = [
      ...["train", "vgg-small", "--data", "textures:16,64", "--size", "16", "--batch", "16"],
      ...["--epochs", "2", "--pool", "soft", "--seed", "1", "--threads", "1", "-o", "run"],
    ];
    const { status, stderr } = spawnSync(process.execPath, [bin, ...words], {
      cwd: folder,
      encoding: "utf8",
    });
    expect([status, stderr]).toEqual([0, ""]);
    bytes = readFileSync(join(folder, "run/model.onnx"));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const values = Float32Array.from({ length: 3 * 3 * 16 * 16 }, (_, i) => Math.sin(0.37 * i));
  const session = await createSession(bytes);
  const { logits } = await session.run({ input: { dtype: "float32", shape, data: values } });
  await session.dispose();
  const right = Array.from(logits.data, Number);
  expect(right.length).toBe(30);
  const [least, most] = [Math.min(...right), Math.max(...right)];
  expect(most - least).toBeGreaterThan(0.1);

  const site = await openSite({ modules: { "page.js": page }, files: { "/model.onnx": bytes } });
  try {
    const tab = await site.open("scores");
    for (const provider of ["cpu", "webgpu"]) {
      const found = await tab.call<number[]>("scores", Array.from(values), shape, provider);
      const far = Math.max(...found.map((value, i) => Math.abs(value - right[i])));
      expect(found.length).toBe(30);
      expect(far, `${provider}: maxdiff ${far}`).toBeLessThan(1e-4 * (most - least));
    }
    expect(tab.problems).toEqual([]);
  } finally {
    await site.close();
  }
});
