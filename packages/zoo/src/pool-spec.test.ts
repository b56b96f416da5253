import { findPooling } from "@softpool/poolings";
import { expect, test } from "vitest";
import { buildNetwork, placesOf } from "./build.ts";
import { networks } from "./catalogue.ts";

/** What findPooling sees in a network with a specification: kinds by place, originals left out. */
function replaced(network: string, pool: string): Record<string, string> {
  const options = { auxiliary: network.startsWith("inception"), values: false };
  const before = new Map(
    findPooling(buildNetwork(network, options).model).map(({ name, kind }) => [name, kind]),
  );
  const after = findPooling(buildNetwork(network, { ...options, pool }).model);
  expect(after.map(({ name }) => name)).toEqual([...before.keys()]);
  return Object.fromEntries(
    after.flatMap(({ name, kind, window }) =>
      before.get(name) === kind ? [] : [[name, `${kind} ${window?.kernel.join("x")}`]],
    ),
  );
}

test("the paper's variants are what the paper replaces", () => {
  const counts = ["N", "I", "II", "III", "IV", "V", "VI", "VII"].map((step) => {
    const found = replaced("inception-v3", step);
    expect(Object.values(found).every((text) => text === "soft 3x3")).toBe(true);
    return Object.keys(found).length;
  });
  expect(counts).toEqual([0, 1, 2, 5, 6, 10, 11, 13]);
  expect(replaced("inception-v3", "VII")).toEqual(replaced("inception-v3", "soft"));
  expect(Object.keys(replaced("inception-v1", "soft-13"))).toHaveLength(13);
  expect(replaced("resnet50", "soft-1")).toEqual({ maxpool: "soft 2x2" });
  expect(replaced("densenet121", "soft-1")).toEqual({ "features.pool0": "soft 2x2" });
  expect(Object.values(replaced("densenet169", "soft-4"))).toEqual(Array(4).fill("soft 2x2"));
  for (const entry of networks) {
    for (const { name, pool } of entry.variants) {
      expect(replaced(entry.name, name), `${entry.name} ${name}`).toEqual(
        replaced(entry.name, pool),
      );
    }
  }
});

test("methods, places, patterns, settings: later items outdo earlier ones", () => {
  const cases: [string, string, Record<string, string>][] = [
    ["resnet18", "soft", { maxpool: "soft 3x3" }],
    ["resnet18", "original", {}],
    ["resnet18", "maximum", {}],
    ["resnet18", " avg ", { maxpool: "average 3x3" }],
    ["resnet18", "soft,avgpool=softpool", { maxpool: "soft 3x3", avgpool: "soft undefined" }],
    ["resnet18", "*=soft , maxpool=original", { avgpool: "soft undefined" }],
    ["resnet20", "soft", { "layer2.0.shortcut": "soft 2x2", "layer3.0.shortcut": "soft 2x2" }],
    [
      "vgg-small",
      "lp,pool3=power-average:p=3",
      {
        pool1: "lp 2x2",
        pool2: "lp 2x2",
        pool3: "power-average 2x2",
      },
    ],
    [
      "inception-v3",
      "maxpool1=soft,AuxLogits.pool=sum",
      {
        maxpool1: "soft 3x3",
        "AuxLogits.pool": "sum 5x5",
      },
    ],
  ];
  for (const [network, pool, wanted] of cases) {
    expect(replaced(network, pool), `${network} ${pool}`).toEqual(wanted);
  }
  const chosen = buildNetwork("inception-v3", {
    pool: "maxpool1=soft:beta=2:form=exact,Mixed_5*=average:padding=zero,maxpool2=power-average:p=3",
    values: false,
  }).places.map(({ name, choice }) => [name, choice.settings, choice.paddingMode]);
  expect(chosen.slice(0, 3)).toMatchObject([
    ["maxpool1", { beta: 2, form: "exact" }, "ignore"],
    ["maxpool2", { p: 3, normalized: 0 }, "ignore"],
    ["Mixed_5b.pool", {}, "zero"],
  ]);
  // The original averages of InceptionV3 count padded taps, the method does not.
  const averages = buildNetwork("inception-v3", { pool: "average", values: false }).model;
  expect(findPooling(averages).map(({ kind, counted }) => `${kind} ${counted}`)).toEqual([
    ...Array(13).fill("average false"),
    "global-average false",
  ]);
});

test("what is no specification is refused in one sentence", () => {
  const cases: [string, string, RegExp][] = [
    ["resnet18", "soft,", /expected a method, received nothing/],
    [
      "resnet18",
      "softt",
      /expected PLACE=METHOD, a variant of resnet18 \(soft-1\) or a method \(average, /,
    ],
    ["vgg-small", "softt", /method: expected one of average.*received "softt"/],
    ["resnet18", "maxpol=soft", /no place is called "maxpol"; there are: maxpool, avgpool/],
    ["resnet18", "=soft", /expected a place before =/],
    ["resnet18", "soft:beta", /expected SETTING=VALUE after ":", received "beta"/],
    ["resnet18", "soft:beta=x", /beta: expected a number, received "x"/],
    ["resnet18", "soft:beta=-inf", /received -Infinity; its limits are the methods/],
    ["resnet18", "soft:gamma=1", /it has no setting gamma; there are: beta, form/],
    ["resnet18", "soft:kernel=3", /kernel: expected same or 2x2, received "3"/],
    ["resnet18", "soft:padding=reflect", /padding: expected ignore or zero/],
    ["resnet18", "original:beta=1", /original has no settings/],
    ["resnet18", "lift", /maxpool: lift cannot pool there/],
    ["vgg-small", "avgpool=soft:kernel=2x2,pool1=s3:grid=7", /cannot pool there/],
    [
      "inception-v3",
      "Mixed_5b.pool=soft:kernel=2x2",
      /Mixed_5b.pool: soft cannot pool there: a 2x2/,
    ],
  ];
  for (const [network, pool, message] of cases) {
    for (const training of [false, true]) {
      const build = () => buildNetwork(network, { pool, training, values: false });
      expect(build, `${network} ${pool}`).toThrow(message);
    }
  }
  expect(placesOf("inception-v3", { auxiliary: true })).toHaveLength(16);
});
