/** Archives: the set of an archive is that of the directory, and nothing hostile gets further than a sentence. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Failure } from "../errors.ts";
import { openDataset } from "./open.ts";
import { listTar } from "./tar.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "softpool-tar-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Fields {
  name: string;
  body?: Uint8Array;
  type?: string;
  prefix?: string;
  /** The size field; default that of the body, in octal. */
  size?: Uint8Array | string;
  magic?: string;
}

const encode = (text: string) => new TextEncoder().encode(text);

/** A header with its checksum, and the body filled up to a block. */
function entry({ name, body = new Uint8Array(0), type = "0", prefix = "", ...rest }: Fields) {
  const padded = Math.ceil(body.length / 512) * 512;
  const bytes = new Uint8Array(512 + padded);
  const put = (at: number, field: Uint8Array | string) =>
    bytes.set(typeof field === "string" ? encode(field) : field, at);
  put(0, name);
  put(100, "0000644\0");
  put(124, rest.size ?? `${body.length.toString(8).padStart(11, "0")}\0`);
  put(156, type);
  put(257, rest.magic ?? "ustar\x0000");
  put(345, prefix);
  put(148, "        ");
  const sum = bytes.subarray(0, 512).reduce((a, b) => a + b, 0);
  put(148, `${sum.toString(8).padStart(6, "0")}\0 `);
  put(512, body);
  return bytes;
}

const pax = (text: string) => {
  let length = text.length + 3;
  while (`${length} ${text}\n`.length !== length) length++;
  return encode(`${length} ${text}\n`);
};

const END = new Uint8Array(1024);

function archive(name: string, ...parts: Uint8Array[]): string {
  const path = join(folder, name);
  writeFileSync(path, Buffer.concat(parts));
  return path;
}

async function picture(shade: number): Promise<Uint8Array> {
  const raw = { width: 6, height: 5, channels: 3 } as const;
  const pixels = Uint8Array.from({ length: 90 }, (_, i) => (i * shade) % 256);
  return await sharp(pixels, { raw }).png().toBuffer();
}

test("a tar and a tar.gz are the set of the same directory, whatever way names are written", async () => {
  const deep = `b/${"long".repeat(40)}/${"name".repeat(20)}.png`;
  const paths = ["a/1.png", "a/2.png", "b/ä ö.png", "b/.hidden.png", "b/note.txt", deep];
  const bodies = new Map<string, Uint8Array>();
  for (const [i, path] of paths.entries()) {
    const body = path.endsWith(".txt") ? encode("text") : await picture(i + 3);
    bodies.set(path, body);
    for (const split of ["train", "val"]) {
      const file = join(folder, "set", split, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, body);
    }
  }
  const full = (split: string, path: string) => `./wrap/${split}/${path}`;
  const members = ["val", "train"].flatMap((split) => [
    entry({ name: `./wrap/${split}/`, type: "5", size: "00000000000\0" }),
    // Links and devices are left out, the first of two files with one path does not count.
    entry({ name: `./wrap/${split}/b/link.png`, type: "2" }),
    entry({ name: full(split, "a/1.png"), body: encode("stale") }),
    ...[...bodies].reverse().flatMap(([path, body], i) => {
      const name = full(split, path);
      if (path === deep && split === "val") {
        return [
          entry({ name: "x", type: "x", body: pax(`path=${name}`) }),
          entry({
            name: "cut",
            body,
            size: new Uint8Array([
              0x80,
              ...new Array(7).fill(0),
              0,
              0,
              body.length >> 8,
              body.length & 255,
            ]),
          }),
        ];
      }
      if (path === deep) {
        const long = entry({ name: "././@LongLink", type: "L", body: encode(`${name}\0`) });
        return [long, entry({ name: "cut", body, magic: "ustar  \0" })];
      }
      return i % 2 === 0
        ? [entry({ name: path, prefix: `./wrap/${split}`, body })]
        : [entry({ name, body, type: "\0" })];
    }),
  ]);
  const tar = Buffer.concat([...members, END]);
  const before = readdirSync(tmpdir()).filter((name) => /^softpool-.*\.tmp$/.test(name));
  for (const split of ["train", "test"] as const) {
    const expected = await openDataset(join(folder, "set"), { split });
    expect(expected.length).toBe(4);
    for (const [name, bytes] of Object.entries({ "set.tar": tar, "set.tar.gz": gzipSync(tar) })) {
      const dataset = await openDataset(archive(name, bytes), { split });
      expect(dataset.classes).toEqual(["a", "b"]);
      expect(dataset.length).toBe(4);
      for (let i = 0; i < 4; i++) expect(await dataset.item(i)).toEqual(await expected.item(i));
      dataset.close();
      expect(() => dataset.label(0)).toThrow("was closed already");
    }
    expected.close();
  }
  const after = readdirSync(tmpdir()).filter((name) => /^softpool-.*\.tmp$/.test(name));
  expect(after.filter((name) => !before.includes(name))).toEqual([]);
});

test("hostile, damaged and foreign archives are refused in one sentence", async () => {
  const body = await picture(9);
  const good = entry({ name: "a/1.png", body });
  const zip = encode("PK\x03\x04").buffer as ArrayBuffer;
  const cases: [name: string, bytes: Uint8Array[], message: RegExp][] = [
    ["up", [entry({ name: "a/../../b/1.png", body }), END], /leads out of the archive/],
    ["absolute", [entry({ name: "/etc/1.png", body }), END], /is absolute/],
    [
      "paxup",
      [entry({ name: "x", type: "x", body: pax("path=../1.png") }), good, END],
      /leads out of the archive/,
    ],
    ["size", [entry({ name: "a/1.png", size: "77777777777\0" }), END], /8589934591 bytes where/],
    [
      "huge",
      [entry({ name: "a/1.png", size: new Uint8Array(12).fill(255) }), END],
      /no valid size/,
    ],
    ["letters", [entry({ name: "a/1.png", size: "hello world\0" }), END], /no valid size/],
    [
      "paxsize",
      [entry({ name: "x", type: "x", body: pax("size=-5") }), good, END],
      /no valid size/,
    ],
    [
      "pax",
      [entry({ name: "x", type: "x", body: encode("99 path=a\n") }), good, END],
      /pax header/,
    ],
    [
      "paxzero",
      [entry({ name: "x", type: "x", body: encode("0 a=b\n") }), good, END],
      /pax header/,
    ],
    ["long", [entry({ name: "x", type: "L", body: new Uint8Array(70000) }), END], /70000 bytes/],
    ["sparse", [entry({ name: "a/1.png", type: "S", body }), END], /sparse/],
    ["open", [good], /cut short/],
    ["cut", [good.subarray(0, 700)], /cut short/],
    ["empty", [], /cut short/],
    ["zip", [new Uint8Array(zip), new Uint8Array(2000).fill(7)], /not a tar archive/],
    ["second", [good, new Uint8Array(512).fill(65), END], /header is damaged/],
    ["gzcut", [gzipSync(Buffer.concat([good, END])).subarray(0, -20)], /cut short/],
    ["gzbad", [gzipSync(good).fill(3, 30, 60)], /gzip stream is damaged/],
    ["bomb", [gzipSync(new Uint8Array(70 * 2 ** 20))], /more than 200 times/],
    ["nothing", [entry({ name: "a/", type: "5" }), END], /has no pictures/],
  ];
  for (const [name, bytes, message] of cases) {
    const failure = await openDataset(archive(name, ...bytes)).catch((error) => error);
    expect(failure, name).toBeInstanceOf(Failure);
    expect(failure.message, name).toMatch(message);
    expect(failure.message, name).not.toContain("\n");
  }
});

test("cut or changed anywhere, an archive is read or refused, nothing else", async () => {
  const body = await picture(9);
  const long = entry({ name: "x", type: "x", body: pax(`path=b/${"n".repeat(120)}.png`) });
  const whole = Buffer.concat([
    entry({ name: "a/1.png", body }),
    long,
    entry({ name: "c", body }),
    END,
  ]);
  let refused = 0;
  for (let at = 0; at < whole.length; at += 97) {
    for (const [name, bytes] of [
      ["cut.tar", whole.subarray(0, at)],
      [
        "changed.tar",
        Buffer.concat([
          whole.subarray(0, at),
          Buffer.from([whole[at] ^ 0x55]),
          whole.subarray(at + 1),
        ]),
      ],
    ] as const) {
      const path = archive(name, bytes);
      const outcome = await listTar(path).catch((error) => error);
      if (outcome instanceof Error) {
        expect(outcome, `${name} at ${at}`).toBeInstanceOf(Failure);
        refused++;
      } else {
        expect(outcome.files.length).toBeGreaterThan(0);
      }
      // Only what is cut after the first block of the end mark is whole.
      if (name === "cut.tar") expect(outcome instanceof Error).toBe(at < whole.length - 512);
    }
  }
  expect(refused).toBeGreaterThan(20);
});
