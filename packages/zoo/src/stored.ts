/** Tensors of a model whose values are bytes that nobody copies: how the zoo stores weights. */
import { type ModelProto, type TensorProto, tensor, tensorToProto } from "@softpool/onnx";

let zeros = new Uint8Array(0);

/** Zeros that all tensors without values share. */
function sharedZeros(length: number): Uint8Array<ArrayBuffer> {
  if (zeros.length < length) zeros = new Uint8Array(length);
  return zeros.subarray(0, length);
}

/**
 * A float32 tensor as a model holds it.
 * @param name its name
 * @param shape sizes of its axes
 * @returns the tensor, all zeros, which share their memory with others until {@link setBytes}
 */
export function zeroTensor(name: string, shape: readonly number[]): TensorProto {
  const proto = tensorToProto(tensor("float32", [0], []), name);
  proto.dims = shape.map(BigInt);
  proto.rawData = sharedZeros(4 * shape.reduce((product, size) => product * size, 1));
  return proto;
}

/** Gives a tensor its values: float32, little-endian, as many as its shape says. They are not copied. */
export function setBytes(proto: TensorProto, bytes: Uint8Array<ArrayBuffer>): void {
  proto.rawData = bytes;
}

/** The bytes of numbers, which share their memory. */
export function bytesOf(values: Float32Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/** The stored tensors of a model by name. */
export function storedTensors(model: ModelProto): Map<string, TensorProto> {
  return new Map((model.graph?.initializer ?? []).map((proto) => [proto.name, proto]));
}
