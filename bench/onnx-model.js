/**
 * An ONNX model of one pooling node, written as the few protocol buffer fields it needs (onnx.proto,
 * IR version 8, operator set 17). A field is a key (number << 3 | wire type) and its value: wire type 0
 * an integer in groups of 7 bits, wire type 2 a length and that many bytes.
 */

/**
 * @param {number} value
 * @returns {number[]}
 */
function varint(value) {
  const bytes = [];
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value & 127) | 128);
  return [...bytes, value];
}

/**
 * @param {number} field
 * @param {number} value
 */
const integer = (field, value) => [...varint(field << 3), ...varint(value)];

/**
 * A nested message or a string.
 * @param {number} field
 * @param {...(string | number[])} parts
 */
function message(field, ...parts) {
  const body = parts.flatMap((part) => (typeof part === "string" ? [...Buffer.from(part)] : part));
  return [...varint((field << 3) | 2), ...varint(body.length), ...body];
}

/**
 * AttributeProto: name 1, ints 8, type 20 (7: INTS).
 * @param {string} name
 * @param {number[]} values
 */
const ints = (name, values) =>
  message(5, message(1, name), ...values.map((value) => integer(8, value)), integer(20, 7));

/**
 * ValueInfoProto: name 1, type 2 with tensor_type 1 of elem_type 1 (1: float) and shape 2 of dim 1.
 * @param {number} field
 * @param {string} name
 * @param {number[]} shape
 */
function tensor(field, name, shape) {
  const dims = shape.map((size) => message(1, integer(1, size)));
  return message(
    field,
    message(1, name),
    message(2, message(1, integer(1, 1), message(2, ...dims))),
  );
}

/**
 * The bytes of a model that pools x to y.
 * @param {"AveragePool" | "MaxPool"} operator averages are over the taps inside the input
 * @param {import("./workloads.js").Workload} work channels first
 * @param {number[]} outShape shape of the output
 * @returns {Uint8Array}
 */
export function poolingModel(operator, work, outShape) {
  /** @type {(value: number, count?: number) => number[]} */
  const each = (value, count = work.rank) => new Array(count).fill(value);
  const node = message(
    1, // GraphProto.node
    message(1, "x"),
    message(2, "y"),
    message(4, operator),
    ints("kernel_shape", each(work.kernelSize)),
    ints("strides", each(work.stride)),
    ints("pads", each(work.padding, 2 * work.rank)),
  );
  const graph = message(
    7, // ModelProto.graph
    node,
    message(2, "pooling"),
    tensor(11, "x", work.shape),
    tensor(12, "y", outShape),
  );
  const operatorSet = message(8, integer(2, 17));
  return Uint8Array.from([...integer(1, 8), ...graph, ...operatorSet]);
}
