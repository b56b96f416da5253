/**
 * L_p pooling with a learned exponent:
 *
 *     y = (sum |x_i|^p)^(1/p),  p = 1 + softplus(rho)      normalized: y = (1/N sum |x_i|^p)^(1/p)
 *
 * with one rho per channel or one for the layer, initially such that p is 2. Composed as the
 * power-average is, without powers of large numbers; the centres of the original unit are 0.
 *
 * Source: Gulcehre, Cho, Pascanu, Bengio: Learned-norm pooling for deep feedforward and recurrent neural
 * networks, ECML PKDD 2014.
 */
import { add, type Graph, type Value } from "@softpool/onnx";
import type { Method } from "./method.ts";
import { constantLike } from "./numbers.ts";
import { normalizedSetting, powerPooling } from "./power-average.ts";
import { alongChannels, sharedParameter, shareSetting } from "./soft-beta.ts";

/** The parameter that gives an exponent p > 1: the inverse of p = 1 + softplus(rho). */
export function exponentParameter(p: number): number {
  // ln(e^(p - 1) - 1) without overflow.
  return p - 1 + Math.log(-Math.expm1(1 - p));
}

/** The exponents of parameters. */
export function exponentOf(g: Graph, rho: Value): Value {
  return add(g, constantLike(g, rho, 1), g.op("Softplus", [rho]));
}

/** The method `lp`. */
export const lp: Method = {
  name: "lp",
  aliases: ["l-p", "learned-norm"],
  summary: "the p-norm of the taps with a learned p above 1",
  source:
    "Gulcehre, Cho, Pascanu, Bengio: Learned-norm pooling for deep feedforward and recurrent neural networks, ECML PKDD 2014",
  axes: [1, 2, 3],
  random: false,
  trained: true,
  settings: [
    { ...shareSetting, default: "channel" },
    normalizedSetting,
    {
      name: "p",
      summary: "the exponent before training, above 1",
      default: 2,
      check: (p) =>
        p > 1 && p <= 100
          ? undefined
          : `expected a number above 1 and at most 100, received ${p}; a fixed exponent is the method power-average`,
    },
  ],
  parameters: (site, settings) => [
    sharedParameter("rho", exponentParameter(settings.p as number), site, settings),
  ],
  infer: ({ g, x, window, parameters, settings }) => {
    const p = exponentOf(g, alongChannels(g, parameters.rho, window.kernel.length));
    return powerPooling(g, x, window, p, settings.normalized === 1);
  },
};
