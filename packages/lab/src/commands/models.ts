/** `softpool models`: the networks that can be built, what they cost, and where they pool. */
import { buildNetwork, info, type NetworkEntry, networks, type PlacedPooling } from "@softpool/zoo";
import { defineCommand } from "citty";
import { type Arguments, type Command, positiveInteger } from "../args.ts";
import { UsageError } from "../errors.ts";
import { asked, networkOption, placeRow, renderRows, thousands } from "../zoo/options.ts";

const definition = defineCommand({
  meta: { name: "models", description: "List the networks that can be built" },
  args: {
    network: { type: "positional", description: "one network, with its pooling places" },
    size: {
      type: "string",
      description: "height and width of the pictures; default the network's",
      valueHint: "N",
    },
    json: { type: "boolean", description: "print as JSON" },
  },
});

function describe(entry: NetworkEntry, size: number | undefined) {
  const { model, places } = asked(() => buildNetwork(entry, { size, values: false }));
  const { parameters, macs } = info(model);
  return { entry, places, parameters, macs, size: size ?? entry.size };
}

type Described = ReturnType<typeof describe>;

/** `4 maximum, 9 average`: the places of the trunk. */
function summary(places: readonly PlacedPooling[]): string {
  const counts = new Map<string, number>();
  for (const { kind, group } of places) {
    if (group === "trunk") counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return [...counts].map(([kind, count]) => `${count} ${kind}`).join(", ");
}

function tableRow({ entry, places, parameters, macs, size }: Described): string[] {
  return [
    entry.name,
    thousands(parameters),
    (macs / 1e9).toFixed(3),
    `${size}x${size}`,
    String(entry.classes),
    summary(places),
  ];
}

function jsonOf({ entry, places, parameters, macs, size }: Described) {
  return {
    name: entry.name,
    aliases: entry.aliases,
    source: entry.source,
    size,
    classes: entry.classes,
    auxiliary: entry.auxiliary,
    parameters,
    macs,
    pooling: places.map(({ name, kind, window, counted, group, input, output }) => ({
      ...{ name, kind, group, window, counted },
      input: input.slice(1),
      output: output.slice(1),
    })),
    variants: entry.variants,
  };
}

/** One network with its places. */
function renderOne(described: Described): string {
  const { entry, places, parameters, macs, size } = described;
  const names = [entry.name, ...entry.aliases].join(", ");
  const lines = [
    names,
    entry.source,
    `${thousands(parameters)} parameters, ${(macs / 1e9).toFixed(3)} GMACs at ${size}x${size}, ${entry.classes} classes`,
    "",
    renderRows([["place", "kind", "window", "input", "output"], ...places.map(placeRow)]),
  ];
  if (entry.variants.length > 0) {
    const rows = entry.variants.map(({ name, summary: what }) => [name, what]);
    lines.push("", renderRows([["--pool", "what it does"], ...rows]));
  }
  return lines.join("\n");
}

async function run({ values, flags, rest }: Arguments): Promise<number> {
  if (rest.length > 1)
    throw new UsageError(`expected one network or none, received ${rest.length}`);
  const size = values.size === undefined ? undefined : positiveInteger("--size", values.size);
  const json = flags.has("json");
  if (rest.length === 1) {
    const described = describe(networkOption(rest[0]), size);
    console.log(json ? JSON.stringify(jsonOf(described), null, 2) : renderOne(described));
    return 0;
  }
  const all = networks.map((entry) => describe(entry, size));
  if (json) {
    console.log(JSON.stringify(all.map(jsonOf), null, 2));
    return 0;
  }
  const head = ["network", "parameters", "GMACs", "input", "classes", "pooling layers"];
  console.log(renderRows([head, ...all.map(tableRow)], [1, 2, 3, 4]));
  return 0;
}

/** The command. */
export const models: Command = {
  definition: definition as Command["definition"],
  usage: "[NETWORK] [options]",
  notes: [
    "GMACs are thousand millions of multiply-accumulates of convolutions and linear layers for one picture. " +
      "Every network averages everything before its classifier; that layer is a place too, but not among the " +
      "pooling layers counted here. A subsample takes every second row and column.",
    "With the name of a network: its places, which --pool of softpool build names, and the pooling " +
      "specifications that the paper has for it.",
  ],
  examples: ["softpool models", "softpool models inception-v3", "softpool models --json"],
  run,
};
