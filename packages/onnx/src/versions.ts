/** Versions: of the file format (IR) and of operator sets. */
import { create } from "@bufbuild/protobuf";
import { type FunctionProto, type ModelProto, OperatorSetIdProtoSchema } from "onnx-buf";

/** The newest version of the file format that is read. */
export const MAX_IR_VERSION = 13;

/** The oldest operator set that is read. */
export const MIN_OPSET = 9;

/** The newest operator set that ONNX Runtime 1.30 runs. */
export const MAX_OPSET = 26;

/**
 * The version of the file format that came with an operator set, so that runtimes of its time read the
 * file. Source: https://github.com/onnx/onnx/blob/main/docs/Versioning.md
 */
export function irVersionFor(opset: number): number {
  const since: [opset: number, ir: number][] = [
    [26, 13],
    [25, 12],
    [23, 11],
    [21, 10],
    [19, 9],
    [15, 8],
    [12, 7],
    [11, 6],
    [10, 5],
    [9, 4],
  ];
  return since.find(([first]) => opset >= first)?.[1] ?? 3;
}

/** What imports operator sets: a model or a function. */
export type Importer = Pick<ModelProto | FunctionProto, "opsetImport">;

/** The version of an operator set that is imported; `undefined` when it is not. */
export function opsetOf(owner: Importer, domain = ""): number | undefined {
  const plain = (name: string) => (name === "ai.onnx" ? "" : name);
  const found = owner.opsetImport.find((entry) => plain(entry.domain) === plain(domain));
  return found === undefined ? undefined : Number(found.version);
}

/** Imports an operator set unless it is imported already. */
export function importOpset(owner: Importer, domain: string, version: number): void {
  if (opsetOf(owner, domain) !== undefined) return;
  owner.opsetImport.push(create(OperatorSetIdProtoSchema, { domain, version: BigInt(version) }));
}
