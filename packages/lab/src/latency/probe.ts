/** Whether an engine is there, found by using it. */
import { readdirSync } from "node:fs";
import { Graph, poolWindow, writeModel } from "@softpool/onnx";
import { createSession } from "@softpool/onnx/session-node";
import { applyMethod, methodOf } from "@softpool/poolings";
import { softPool2d } from "softpool";
import { plain } from "../errors.ts";
import { adapterWords, openWebGPU } from "./gpu.ts";
import { isOwn, type LatencyEngine } from "./place.ts";
import type { EngineState } from "./result.ts";

/** Names of drivers that compute on the processor. */
const SOFTWARE = /swiftshader|lvp|lavapipe|llvmpipe|swrast/i;

/** The graphics drivers that the Vulkan loader is told of or finds, by file name. */
function vulkanDrivers(): string[] {
  const told = process.env.VK_DRIVER_FILES ?? process.env.VK_ICD_FILENAMES;
  if (told !== undefined && told !== "") return told.split(":");
  return ["/etc/vulkan/icd.d", "/usr/share/vulkan/icd.d", "/usr/local/share/vulkan/icd.d"].flatMap(
    (folder) => {
      try {
        return readdirSync(folder);
      } catch {
        return [];
      }
    },
  );
}

/** What is to be known of the graphics adapter; ONNX Runtime does not name it. */
function adapterNote(): string {
  if (process.platform !== "linux") return "";
  const drivers = vulkanDrivers();
  if (drivers.length === 0 || !drivers.every((driver) => SOFTWARE.test(driver))) return "";
  return "a software adapter: the processor computes, no graphics hardware takes part";
}

/** Looks whether an engine computes a small pooling rightly. */
export async function probeEngine(engine: LatencyEngine): Promise<EngineState> {
  const state = (present: boolean, note: string): EngineState => ({
    kind: "engine",
    present,
    note,
  });
  const data = Float32Array.of(1, 2, 4, 5);
  const shape = [1, 1, 2, 2];
  try {
    let value: number;
    let note = engine === "webgpu" ? adapterNote() : "";
    if (engine === "softpool-webgpu") {
      const own = await openWebGPU();
      value = (await own.softPool2d({ data, shape }, { kernelSize: 2 })).data[0];
      note = adapterWords(own);
    } else if (isOwn(engine))
      value = softPool2d({ data, shape }, { kernelSize: 2, engine }).data[0];
    else {
      const g = new Graph(18);
      const x = g.input("x", "float32", shape);
      const y = applyMethod(g, methodOf("soft"), x, poolWindow([2, 2]));
      g.output(y);
      const options = { provider: engine, strict: true, log: () => {} };
      const session = await createSession(writeModel(g.toModel()), options);
      const outputs = await session.run({ x: { dtype: "float32", shape, data } });
      value = Number(outputs[y.name].data[0]);
      await session.dispose();
    }
    const right = Math.abs(value - 4.588781) < 1e-3;
    if (!right) return state(false, `it gives ${value} instead of 4.588781`);
    return state(true, note);
  } catch (error) {
    const reason = plain(String((error as Error)?.message ?? error));
    return state(false, reason.replace(/^createSession: provider \w+: /, ""));
  }
}
