/** Attributes of nodes: reading with defaults, writing from plain values. */
import { create } from "@bufbuild/protobuf";
import {
  type AttributeProto,
  AttributeProtoSchema,
  type GraphProto,
  AttributeProto_AttributeType as Kind,
  type NodeProto,
} from "onnx-buf";
import { OnnxError, quote } from "./error.ts";
import { type Tensor, tensorFromProto, tensorToProto } from "./tensor.ts";

/** A FLOAT or FLOATS attribute: plain numbers stand for integers. */
export interface Floats {
  /** The number, or the numbers of a FLOATS attribute. */
  readonly float: number | readonly number[];
}

/** A floating-point attribute. */
export function float(value: number | readonly number[]): Floats {
  return { float: value };
}

/** A reference to an attribute of the function that a node belongs to (`ref_attr_name`). */
export interface Reference {
  /** The attribute of the function. */
  readonly reference: string;
  /** Its type, by the name that the file format gives it. */
  readonly type: "FLOAT" | "INT" | "STRING" | "FLOATS" | "INTS" | "STRINGS";
}

/**
 * A value that can be given to an attribute: numbers are INT and INTS, {@link float} makes FLOAT and
 * FLOATS, strings STRING and STRINGS, tensors TENSOR, graphs GRAPH. `undefined` leaves it out.
 */
export type AttributeValue =
  | number
  | readonly number[]
  | Floats
  | string
  | readonly string[]
  | Tensor
  | GraphProto
  | Reference
  | undefined;

/** Attributes by name. */
export type AttributeValues = Readonly<Record<string, AttributeValue>>;

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const bytes = (text: string) => encoder.encode(text);

/**
 * An attribute as the file holds it.
 * @throws OnnxError for a number that is not whole; {@link float} makes floating-point attributes
 */
export function attribute(name: string, value: Exclude<AttributeValue, undefined>): AttributeProto {
  const make = (rest: Partial<AttributeProto>): AttributeProto =>
    create(AttributeProtoSchema, { name, ...rest } as never);
  const whole = (number: number): bigint => {
    if (Number.isInteger(number)) return BigInt(number);
    throw new OnnxError(
      `attribute ${quote(name)}: expected a whole number, received ${number}; use float() for others`,
    );
  };
  if (typeof value === "number") return make({ type: Kind.INT, i: whole(value) });
  if (typeof value === "string") return make({ type: Kind.STRING, s: bytes(value) });
  if (Array.isArray(value)) {
    return typeof value[0] === "string"
      ? make({ type: Kind.STRINGS, strings: value.map((item) => bytes(item as string)) })
      : make({ type: Kind.INTS, ints: value.map((item) => whole(item as number)) });
  }
  if ("float" in value) {
    return typeof value.float === "number"
      ? make({ type: Kind.FLOAT, f: value.float })
      : make({ type: Kind.FLOATS, floats: [...value.float] });
  }
  if ("reference" in value) return make({ type: Kind[value.type], refAttrName: value.reference });
  if ("dtype" in value) return make({ type: Kind.TENSOR, t: tensorToProto(value) });
  return make({ type: Kind.GRAPH, g: value as GraphProto });
}

/**
 * The attributes of a node. Inside a function an attribute may refer to one of the call; `outer` are
 * the attributes of the call.
 */
export class Attributes {
  readonly #node: NodeProto;
  readonly #byName: Map<string, AttributeProto> = new Map();

  /**
   * @param node the node
   * @param outer attributes of the call of the function that the node belongs to
   */
  constructor(node: NodeProto, outer?: ReadonlyMap<string, AttributeProto>) {
    this.#node = node;
    for (const item of node.attribute) {
      if (item.refAttrName === "") this.#byName.set(item.name, item);
      else {
        const given = outer?.get(item.refAttrName);
        if (given !== undefined) this.#byName.set(item.name, given);
      }
    }
  }

  /** All attributes by name, references resolved. */
  get all(): ReadonlyMap<string, AttributeProto> {
    return this.#byName;
  }

  /** Whether the attribute is there. */
  has(name: string): boolean {
    return this.#byName.has(name);
  }

  #get(name: string, kind: Kind): AttributeProto | undefined {
    const item = this.#byName.get(name);
    // Files of the first years leave the type out.
    if (item !== undefined && item.type !== kind && item.type !== Kind.UNDEFINED) {
      throw new OnnxError(
        `${this.#node.opType} ${quote(this.#node.name)}: attribute ${quote(name)}: expected ${Kind[kind]}, received ${Kind[item.type]}`,
      );
    }
    return item;
  }

  /** An integer, or `fallback` when it is not there. */
  int(name: string, fallback: number): number;
  /** An integer, or `undefined` when it is not there. */
  int(name: string): number | undefined;
  /** Both of these. */
  int(name: string, fallback?: number): number | undefined {
    const item = this.#get(name, Kind.INT);
    return item === undefined ? fallback : Number(item.i);
  }

  /** A list of integers, or `undefined`. */
  ints(name: string): number[] | undefined {
    return this.#get(name, Kind.INTS)?.ints.map(Number);
  }

  /** A floating-point number, or `fallback` when it is not there. */
  float(name: string, fallback: number): number {
    return this.#get(name, Kind.FLOAT)?.f ?? fallback;
  }

  /** A list of floating-point numbers, or `undefined`. */
  floats(name: string): number[] | undefined {
    return this.#get(name, Kind.FLOATS)?.floats;
  }

  /** A text, or `fallback` when it is not there. */
  string(name: string, fallback: string): string {
    const item = this.#get(name, Kind.STRING);
    return item === undefined ? fallback : decoder.decode(item.s);
  }

  /** A tensor, or `undefined`. */
  tensor(name: string): Tensor | undefined {
    const item = this.#get(name, Kind.TENSOR);
    return item?.t === undefined ? undefined : tensorFromProto(item.t);
  }

  /** A graph, or `undefined`. */
  graph(name: string): GraphProto | undefined {
    return this.#get(name, Kind.GRAPH)?.g;
  }
}

/** The graphs that a node holds in its attributes, with the attributes' names. */
export function subgraphs(node: NodeProto): [name: string, graph: GraphProto][] {
  return node.attribute.flatMap((item): [string, GraphProto][] => [
    ...(item.g === undefined ? [] : [[item.name, item.g] as [string, GraphProto]]),
    ...item.graphs.map((graph): [string, GraphProto] => [item.name, graph]),
  ]);
}
