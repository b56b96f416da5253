/**
 * All pooling methods, listed once: commands, studies, pages and documents derive from this list. A new
 * method is one file and one line here.
 */
import { OnnxError } from "@softpool/onnx";
import { ada, edscw, em } from "./ada.ts";
import { average } from "./average.ts";
import { dpp, liteDpp } from "./dpp.ts";
import { gate } from "./gate.ts";
import { gfgp } from "./gfgp.ts";
import { lift } from "./lift.ts";
import { lip, lipBottleneck } from "./lip.ts";
import { liteS3dpp } from "./lite-s3dpp.ts";
import { lp } from "./lp.ts";
import { maximum } from "./maximum.ts";
import type { Method } from "./method.ts";
import { mixed } from "./mixed.ts";
import { ordinal } from "./ordinal.ts";
import { powerAverage } from "./power-average.ts";
import { s3 } from "./s3.ts";
import { soft } from "./soft.ts";
import { softBeta } from "./soft-beta.ts";
import { stochastic } from "./stochastic.ts";
import { sum } from "./sum.ts";
import { tree } from "./tree.ts";

/** Every method, in the order of tables. */
export const catalogue: readonly Method[] = [
  average,
  maximum,
  sum,
  powerAverage,
  lp,
  gate,
  dpp,
  liteDpp,
  liteS3dpp,
  lip,
  lipBottleneck,
  stochastic,
  s3,
  soft,
  softBeta,
  mixed,
  tree,
  ordinal,
  lift,
  gfgp,
  ada,
  edscw,
  em,
];

/** The method of a name or an alias, or `undefined`. */
export function findMethod(name: string): Method | undefined {
  return catalogue.find((method) => method.name === name || method.aliases.includes(name));
}

/**
 * The method of a name or an alias.
 * @throws OnnxError that lists the names when there is none
 */
export function methodOf(name: string): Method {
  const method = findMethod(name);
  if (method === undefined) {
    const names = catalogue.map((entry) => entry.name).join(", ");
    throw new OnnxError(`method: expected one of ${names}, received ${JSON.stringify(name)}`);
  }
  return method;
}
