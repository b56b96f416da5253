/** Tensors of a model that lie in other files, put into the model: a page has no folder to leave them in. */
import {
  byteLength,
  externalPlace,
  forEachTensor,
  isExternal,
  type ModelProto,
  type TensorProto,
} from "@softpool/onnx";

/** The names of the files, without their folders, that a model's tensors lie in. */
export function externalNames(model: ModelProto): string[] {
  const names = new Set<string>();
  forEachTensor(model, (tensor) => {
    if (isExternal(tensor)) names.add(lastPart(externalPlace(tensor).location));
  });
  return [...names];
}

function lastPart(location: string): string {
  return location.slice(location.lastIndexOf("/") + 1);
}

/**
 * Puts external tensors into the model, which is changed.
 * @param model the model
 * @param files the bytes of the files by their name
 * @throws Error when a file is missing or too short
 */
export function embedExternals(
  model: ModelProto,
  files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>,
): void {
  forEachTensor(model, (tensor) => {
    if (!isExternal(tensor)) return;
    const { location, offset, length } = externalPlace(tensor);
    const name = lastPart(location);
    const bytes = files.get(name);
    if (bytes === undefined) {
      throw new Error(
        `The weights of this network lie in "${name}": open it together with the ONNX file.`,
      );
    }
    const size = length ?? byteLength(tensor) ?? 0;
    if (offset + size > bytes.length) {
      throw new Error(
        `"${name}" has ${bytes.length} bytes, but tensor "${tensor.name}" ends at ${offset + size}: it is truncated or belongs to another network.`,
      );
    }
    tensor.rawData = bytes.subarray(offset, offset + size);
    tensor.externalData = [];
    // Taken away, not set to its default: written as if it had never been there.
    delete (tensor as Partial<TensorProto>).dataLocation;
  });
}
