/** LIP by its definition: logits by a network on nested loops, then a mean weighted by e^logit. */
import type { PoolWindow, Tensor } from "@softpool/onnx";
import { plainConv, plainInstanceNorm, plainMap } from "./network.ts";
import { poolPlain } from "./windows.ts";

/** The logits. */
export function plainLogits(x: Tensor, of: Readonly<Record<string, Tensor>>): Tensor {
  const names = "logit.conv.weight" in of ? [""] : ["1", "2", "3"];
  let y = x;
  for (const [i, name] of names.entries()) {
    y = plainConv(y, of[`logit.conv${name}.weight`]);
    y = plainInstanceNorm(y, of[`logit.bn${name}.weight`], of[`logit.bn${name}.bias`]);
    if (i < names.length - 1) y = plainMap(y, (v) => Math.max(0, v));
  }
  return plainMap(y, (v) => 12 / (1 + Math.exp(-v)));
}

/** The mean weighted by e^logit. */
export function plainWeighted(x: Tensor, logits: Tensor, window: PoolWindow): Tensor {
  const plane = x.shape.slice(2).reduce((a, b) => a * b, 1);
  return poolPlain(x, window, ({ values, elements, sample, channel }) => {
    const start = (sample * x.shape[1] + channel) * plane;
    const weights = elements.map((e) => Math.exp(logits.data[start + e] - 6));
    const total = weights.reduce((a, b) => a + b);
    return values.reduce((a, v, i) => a + (v * weights[i]) / total, 0);
  });
}
