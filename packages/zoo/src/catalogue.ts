/** All networks, listed once: commands, studies and documents derive from this list. */
import { OnnxError } from "@softpool/onnx";
import { densenets, smallDensenets } from "./densenet.ts";
import { inceptionV1 } from "./inception-v1.ts";
import { inceptionV3 } from "./inception-v3.ts";
import type { NetworkEntry } from "./network.ts";
import { resnets } from "./resnet.ts";
import { smallNetworks } from "./small.ts";

/** Every network, in the order of tables. */
export const networks: readonly NetworkEntry[] = [
  ...resnets,
  ...densenets,
  inceptionV1,
  inceptionV3,
  ...smallNetworks,
  ...smallDensenets,
];

/** A name without what does not matter: case, hyphens, underscores. */
const bare = (name: string) => name.toLowerCase().replace(/[-_]/g, "");

/** The network of a name or an alias, or `undefined`. */
export function findNetwork(name: string): NetworkEntry | undefined {
  const wanted = bare(name);
  return networks.find((entry) =>
    [entry.name, ...entry.aliases].some((own) => bare(own) === wanted),
  );
}

/**
 * The network of a name or an alias.
 * @throws OnnxError that lists the names when there is none
 */
export function networkOf(name: string): NetworkEntry {
  const entry = findNetwork(name);
  if (entry !== undefined) return entry;
  const names = networks.map((own) => own.name).join(", ");
  throw new OnnxError(`network: expected one of ${names}, received ${JSON.stringify(name)}`);
}
