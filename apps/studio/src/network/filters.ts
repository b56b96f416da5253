/**
 * The network that the page has at hand: a bank of fixed filters (edges of eight directions in one layer,
 * corners and spots in the next), with two maximum poolings. Nothing in it was learned.
 */
import {
  conv,
  Graph,
  globalAveragePool,
  maxPool,
  poolWindow,
  relu,
  tensor,
  writeModel,
} from "@softpool/onnx";

const SIZE = 7;

/** A Gaussian's derivative along an angle, as a SIZE x SIZE kernel without mean. */
function edge(angle: number): number[] {
  const taps: number[] = [];
  for (let y = 0; y < SIZE; y++) {
    for (let x = 0; x < SIZE; x++) {
      const [u, v] = [x - 3, y - 3];
      const along = u * Math.cos(angle) + v * Math.sin(angle);
      taps.push((along * Math.exp(-(u * u + v * v) / 4.5)) / 6);
    }
  }
  return taps;
}

/** The bytes of the network: input `picture` [1, 3, 224, 224], outputs `maps` and `strengths`. */
export function filterBank(): Uint8Array<ArrayBuffer> {
  const g = new Graph(17);
  const picture = g.input("picture", "float32", [1, 3, 224, 224]);
  const luma = [0.299, 0.587, 0.114];
  const first: number[] = [];
  for (let i = 0; i < 8; i++) {
    const taps = edge((i * Math.PI) / 4);
    for (const weight of luma) first.push(...taps.map((tap) => weight * tap));
  }
  const edges = g.initializer("edges", tensor("float32", [8, 3, SIZE, SIZE], first));
  const pads = Array.from({ length: 4 }, () => 3);
  const a = relu(g, conv(g, picture, edges, undefined, { pads }));
  const window = poolWindow([3, 3], { strides: [2, 2], pads: [1, 1, 1, 1] });
  const p = maxPool(g, a, window);
  // Pairs of directions that meet: corners (a right angle apart), lines (opposite), and all together.
  const second: number[] = [];
  for (let i = 0; i < 8; i++) {
    for (let j = 0; j < 8; j++) {
      const apart = (j - i + 8) % 8;
      const share = apart === 0 || apart === 2 ? 1 : apart === 1 ? 0.3 : apart === 4 ? 0.6 : -0.15;
      for (let t = 0; t < 9; t++) second.push((share * (t === 4 ? 2 : 1)) / 10);
    }
  }
  const corners = g.initializer("corners", tensor("float32", [8, 8, 3, 3], second));
  const b = relu(g, conv(g, p, corners, undefined, { pads: [1, 1, 1, 1] }));
  const q = maxPool(g, b, window);
  const maps = g.op("Identity", [q], {}, { outputNames: ["maps"] });
  const strengths = g.op("Flatten", [globalAveragePool(g, q)], {}, { outputNames: ["strengths"] });
  g.output(maps, strengths);
  return writeModel(g.toModel("filter bank"));
}
