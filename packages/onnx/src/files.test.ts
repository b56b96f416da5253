/** Models as files: external tensors stay outside, paths stay inside, writing is whole or nothing. */

import { once } from "node:events";
import {
  link,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import {
  AttributeProtoSchema,
  FunctionProtoSchema,
  GraphProtoSchema,
  type ModelProto,
  NodeProtoSchema,
  SparseTensorProtoSchema,
  StringStringEntryProtoSchema,
  type TensorProto,
  TensorProto_DataLocation,
  TensorProtoSchema,
  TrainingInfoProtoSchema,
} from "onnx-buf";
import { afterEach, beforeEach, expect, test } from "vitest";
import { externalBytes, readModelFile, writeModelFile } from "./files.ts";
import { Graph } from "./graph.ts";
import { writeModel } from "./model.ts";
import { evaluate } from "./reference.ts";
import { tensor } from "./tensor.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "softpool-files-"));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** An external tensor of two float32 numbers. */
function external(place: Record<string, string>, name = "w", dims = [2n]): TensorProto {
  return create(TensorProtoSchema, {
    name,
    dims,
    dataType: 1,
    dataLocation: TensorProto_DataLocation.EXTERNAL,
    externalData: Object.entries(place).map(([key, value]) =>
      create(StringStringEntryProtoSchema, { key, value }),
    ),
  });
}

/** y = x + w with w outside. */
function addModel(place: Record<string, string>, dims = [2n]): ModelProto {
  const g = new Graph(17);
  const x = g.input("x", "float32", [2]);
  g.output(g.op("Add", [x, { name: "w", dtype: "float32", shape: [2] }]));
  const model = g.toModel();
  model.graph?.initializer.push(external(place, "w", dims));
  return model;
}

const put = async (name: string, model: ModelProto): Promise<string> => {
  const path = join(folder, name);
  await writeFile(path, writeModel(model));
  return path;
};
const pair = (a: number, b: number) => new Uint8Array(Float32Array.of(a, b).buffer);

test("a model with external tensors is read, evaluated, and written beside its data or with copies", async () => {
  await mkdir(join(folder, "data"));
  const bytes = new Uint8Array(24);
  bytes.set(pair(10, 20), 16);
  await writeFile(join(folder, "data", "w.bin"), bytes);
  const path = await put("m.onnx", addModel({ location: "data/w.bin", offset: "16", length: "8" }));
  const file = await readModelFile(path);
  expect(file.external.map(({ location, size }) => [location, size])).toEqual([["data/w.bin", 24]]);
  const run = (model: ModelProto, at: string) =>
    Object.values(
      evaluate(
        model,
        { x: tensor("float32", [2], [1, 2]) },
        { external: (item) => externalBytes(at, item) },
      ),
    )[0].data;
  expect([...run(file.model, path)]).toEqual([11, 22]);

  // The same folder: nothing is copied; also over itself.
  for (const name of ["n.onnx", "m.onnx"]) {
    await writeModelFile(file.model, join(folder, name), { source: path });
    expect(await readFile(join(folder, name))).toEqual(Buffer.from(writeModel(file.model)));
  }
  expect((await readdir(folder)).sort()).toEqual(["data", "m.onnx", "n.onnx"]);

  // Another folder: copied, and a second time found to be the same.
  const other = join(folder, "other");
  await mkdir(other);
  for (let i = 0; i < 2; i++) {
    await writeModelFile(file.model, join(other, "m.onnx"), { source: path });
    const copy = await readModelFile(join(other, "m.onnx"));
    expect([...run(copy.model, copy.path)]).toEqual([11, 22]);
  }
  expect((await readdir(other)).sort()).toEqual(["data", "m.onnx"]);
  expect(await readdir(join(other, "data"))).toEqual(["w.bin"]);

  // Without the source the data are looked for beside the file.
  const lone = join(folder, "lone");
  await mkdir(lone);
  await expect(writeModelFile(file.model, join(lone, "m.onnx"))).rejects.toThrow(
    /external data "data\/w.bin": cannot be read: no such file/,
  );
  expect(await readdir(lone)).toEqual([]);
});

test("external data of gigabytes are neither loaded nor copied within their folder", async () => {
  const size = 3 * 2 ** 30;
  const data = join(folder, "w.bin");
  await writeFile(data, "");
  await truncate(data, size);
  const before = await stat(data, { bigint: true });
  const place = { location: "w.bin", offset: "0", length: String(size) };
  const path = await put("m.onnx", addModel(place, [BigInt(size / 4)]));
  const memory = process.memoryUsage().arrayBuffers;
  const { model } = await readModelFile(path);
  await writeModelFile(model, join(folder, "n.onnx"), { source: path });
  expect(process.memoryUsage().arrayBuffers - memory).toBeLessThan(2 ** 24);
  const after = await stat(data, { bigint: true });
  expect([after.ino, after.size, after.mtimeNs]).toEqual([before.ino, before.size, before.mtimeNs]);
  expect(await readFile(join(folder, "n.onnx"))).toEqual(await readFile(path));
});

test("a location outside the model's folder is refused, wherever the tensor is", async () => {
  await writeFile(join(folder, "w.bin"), pair(1, 2));
  await mkdir(join(folder, "in"));
  await writeFile(join(folder, "in", "w.bin"), pair(1, 2));
  await symlink(join(folder, "w.bin"), join(folder, "in", "link.bin"));
  await symlink(folder, join(folder, "in", "up"));
  await symlink("w.bin", join(folder, "in", "alias.bin"));
  const path = join(folder, "in", "m.onnx");
  const wrong: [Record<string, string>, RegExp][] = [
    [{}, /expected the location/],
    [{ location: "" }, /it is empty/],
    [{ location: "../w.bin" }, /it leads upwards/],
    [{ location: "./a/../../w.bin" }, /it leads upwards/],
    [{ location: "a/.. /w.bin" }, /it leads upwards/],
    [{ location: join(folder, "w.bin") }, /absolute path/],
    [{ location: "C:w.bin" }, /drive letter/],
    [{ location: "c:/w.bin" }, /drive letter/],
    [{ location: "..\\w.bin" }, /backslash/],
    [{ location: "\\\\host\\share" }, /backslash/],
    [{ location: "w.bin\0.txt" }, /zero byte/],
    [{ location: "up/" }, /it is a folder/],
    [{ location: "up" }, /a link out of it/],
    [{ location: "." }, /a link out of it/],
    [{ location: "link.bin" }, /a link out of it/],
    [{ location: "up/w.bin" }, /a link out of it/],
    [{ location: "none.bin" }, /no such file/],
    [{ location: "m.onnx/w.bin" }, /no folder/],
    [{ location: "w.bin", offset: "-1" }, /whole number from 0 as offset, found "-1"/],
    [{ location: "w.bin", offset: "1e1" }, /whole number/],
    [{ location: "w.bin", length: "99999999999999999999" }, /whole number/],
    [{ location: "w.bin", length: "9" }, /expected 9 bytes from byte 0 of "w.bin", which has 8/],
    [{ location: "w.bin", offset: "1" }, /expected 8 bytes from byte 1/],
    [{ location: "w.bin", offset: "9007199254740991", length: "0" }, /which has 8/],
  ];
  for (const [place, message] of wrong) {
    await writeFile(path, writeModel(addModel(place)));
    const error = await readModelFile(path).catch((thrown) => thrown);
    expect(error.name, JSON.stringify(place)).toBe("OnnxError");
    expect(error.message).toMatch(message);
    expect(() => externalBytes(path, external(place))).toThrow(message);
  }
  const twice = addModel({ location: "w.bin" });
  twice.graph?.initializer[0].externalData.push(
    create(StringStringEntryProtoSchema, { key: "location", value: "../w.bin" }),
  );
  await writeFile(path, writeModel(twice));
  await expect(readModelFile(path)).rejects.toThrow(/give "location" twice/);

  const t = external({ location: "../w.bin" }, "bad");
  const sparse = create(SparseTensorProtoSchema, { values: t });
  const attribute = create(AttributeProtoSchema, { name: "a", t });
  const node = create(NodeProtoSchema, { opType: "N", attribute: [attribute] });
  const inner = create(GraphProtoSchema, { name: "inner", initializer: [t] });
  const inGraph = create(AttributeProtoSchema, { name: "g", graphs: [inner] });
  const places: ((model: ModelProto) => void)[] = [
    (m) => m.graph?.initializer.push(t),
    (m) => m.graph?.sparseInitializer.push(sparse),
    (m) => m.graph?.sparseInitializer.push(create(SparseTensorProtoSchema, { indices: t })),
    (m) => m.graph?.node.push(node),
    ...[
      create(AttributeProtoSchema, { name: "a", tensors: [t] }),
      create(AttributeProtoSchema, { name: "a", sparseTensor: sparse }),
      create(AttributeProtoSchema, { name: "a", sparseTensors: [sparse] }),
      create(AttributeProtoSchema, { name: "a", g: inner }),
      inGraph,
    ].map((item) => (m: ModelProto) => {
      m.graph?.node.push(create(NodeProtoSchema, { opType: "N", attribute: [item] }));
    }),
    (m) => m.functions.push(create(FunctionProtoSchema, { name: "f", node: [node] })),
    (m) => m.functions.push(create(FunctionProtoSchema, { name: "f", attributeProto: [inGraph] })),
    (m) => m.trainingInfo.push(create(TrainingInfoProtoSchema, { initialization: inner })),
    (m) => m.trainingInfo.push(create(TrainingInfoProtoSchema, { algorithm: inner })),
  ];
  for (const [i, place] of places.entries()) {
    const model = addModel({ location: "alias.bin" });
    await writeFile(path, writeModel(model));
    expect((await readModelFile(path)).external).toHaveLength(1);
    place(model);
    await writeFile(path, writeModel(model));
    const error = await readModelFile(path, { check: false }).catch((thrown) => thrown);
    expect(String(error?.message), `place ${i}`).toMatch(/tensor "bad".*it leads upwards/);
  }
});

test("a model that is a link may have its data where it really is", async () => {
  await mkdir(join(folder, "blobs"));
  await mkdir(join(folder, "snapshot"));
  await mkdir(join(folder, "target"));
  await writeFile(join(folder, "blobs", "1"), pair(1, 2));
  await put("blobs/2", addModel({ location: "w.bin" }));
  await symlink("../blobs/1", join(folder, "snapshot", "w.bin"));
  await symlink("../blobs/2", join(folder, "snapshot", "m.onnx"));
  const path = join(folder, "snapshot", "m.onnx");
  const { model } = await readModelFile(path);
  // A file that is no link itself could not be read with that data; a copy can.
  await expect(
    writeModelFile(model, join(folder, "snapshot", "n.onnx"), { source: path }),
  ).rejects.toThrow(/a link out of this folder/);
  await writeModelFile(model, join(folder, "target", "m.onnx"), { source: path });
  await readModelFile(join(folder, "target", "m.onnx"));
});

test("nothing is overwritten that is not the model, and nothing is left behind", async () => {
  const [from, to] = [join(folder, "from"), join(folder, "to")];
  await mkdir(from);
  await mkdir(to);
  await writeFile(join(from, "a.bin"), pair(1, 2));
  await writeFile(join(from, "b.bin"), pair(3, 4));
  const model = addModel({ location: "a.bin" });
  model.graph?.initializer.push(external({ location: "b.bin" }, "b"));
  const path = await put("from/m.onnx", model);

  // Another file of the name of external data: refused, and what was copied before is removed.
  for (const other of [pair(5, 6), pair(3, 4).subarray(1)]) {
    await writeFile(join(to, "b.bin"), other);
    await expect(writeModelFile(model, join(to, "m.onnx"), { source: path })).rejects.toThrow(
      /b.bin": cannot be written: another file of that name is there/,
    );
    expect(await readFile(join(to, "b.bin"))).toEqual(Buffer.from(other));
    expect(await readdir(to)).toEqual(["b.bin"]);
  }
  await rm(join(to, "b.bin"));
  // Links that lead out of the folder are not followed, also not to the very file.
  for (const target of [join(from, "b.bin"), join(folder, "new")]) {
    await symlink(target, join(to, "b.bin"));
    await expect(writeModelFile(model, join(to, "m.onnx"), { source: path })).rejects.toThrow();
    expect(await readdir(to)).toEqual(["b.bin"]);
    await rm(join(to, "b.bin"));
  }
  // A hard link to the very file has the same content.
  await link(join(from, "b.bin"), join(to, "b.bin"));
  await writeModelFile(model, join(to, "m.onnx"), { source: path });
  expect((await readdir(to)).sort()).toEqual(["a.bin", "b.bin", "m.onnx"]);

  // The model never takes the place of its data.
  for (const target of ["from/a.bin", "to/b.bin", "from/../from/b.bin"]) {
    await expect(writeModelFile(model, join(folder, target), { source: path })).rejects.toThrow(
      /would be lost/,
    );
  }
  expect(await readFile(join(from, "b.bin"))).toEqual(Buffer.from(pair(3, 4)));

  // Other names of the file that is replaced keep what they have; a link is replaced itself.
  await writeFile(join(folder, "kept"), "kept");
  await link(join(folder, "kept"), join(from, "hard.onnx"));
  await symlink(join(folder, "kept"), join(from, "soft.onnx"));
  for (const name of ["hard.onnx", "soft.onnx"]) {
    await writeModelFile(model, join(from, name), { source: path });
    await readModelFile(join(from, name));
    expect(await readFile(join(folder, "kept"), "utf8")).toBe("kept");
  }
});

test("files that cannot be read or written give one sentence", async () => {
  const big = join(folder, "big.onnx");
  await writeFile(big, "");
  await truncate(big, 2 ** 31);
  const model = new Graph(17).toModel();
  const reads: [string, RegExp][] = [
    ["none.onnx", /none.onnx": cannot be read: no such file or folder \(ENOENT\)$/],
    [".", /expected a file, found something else$/],
    ["big.onnx", /expected at most 2147483647 bytes \(2 GiB\), found 2147483648;/],
    ["big.onnx/x", /a part of the path is no folder \(ENOTDIR\)$/],
  ];
  for (const [name, message] of reads) {
    const error = await readModelFile(`${folder}/${name}`).catch((thrown) => thrown);
    expect(error.name).toBe("OnnxError");
    expect(error.message).toMatch(message);
    expect(error.message).not.toContain("\n");
  }
  const writes: [string, RegExp][] = [
    ["none/m.onnx", /cannot be written: no such file or folder \(ENOENT\)$/],
    [".", /cannot be written: it is a folder$/],
    ["big.onnx/x", /a part of the path is no folder \(ENOTDIR\)$/],
    [`${"x".repeat(300)}.onnx`, /the name is too long \(ENAMETOOLONG\)$/],
  ];
  for (const [name, message] of writes) {
    const error = await writeModelFile(model, `${folder}/${name}`).catch((thrown) => thrown);
    expect(error?.name, name).toBe("OnnxError");
    expect(error.message).toMatch(message);
  }
  expect(await readdir(folder)).toEqual(["big.onnx"]);
  // What is neither a file nor a folder stays what it is.
  if (process.platform !== "win32") {
    const socket = join(folder, "socket");
    const server = createServer().listen(socket);
    await once(server, "listening");
    await expect(writeModelFile(model, socket)).rejects.toThrow(/it is a device/);
    await expect(readModelFile(socket)).rejects.toThrow(/expected a file/);
    expect((await stat(socket)).isSocket()).toBe(true);
    server.close();
  }
});
