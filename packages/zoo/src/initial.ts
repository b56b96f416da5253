/**
 * What weights begin with. Numbers come from the counter-based generator of the poolings, keyed by the
 * seed and the name of the tensor, so that a tensor's values depend on nothing else.
 *
 *     Kaiming normal     N(0, 2 / fan), fan = inputs or outputs of a weight times its taps
 *                        (He, Zhang, Ren, Sun: Delving deep into rectifiers, ICCV 2015)
 *     truncated normal   N(0, s^2), values beyond +-2 s drawn again
 *     uniform            U(-b, b)
 *
 * Normal numbers by Box and Muller: sqrt(-2 ln(1 - u)) (cos 2 pi v, sin 2 pi v).
 */
import { type RandomKey, uniforms } from "@softpool/poolings";

/** What a stored tensor begins with. */
export type Initial =
  | { readonly kind: "constant"; readonly value: number }
  | { readonly kind: "normal"; readonly deviation: number }
  | { readonly kind: "truncated"; readonly deviation: number }
  | { readonly kind: "uniform"; readonly bound: number };

/** A weight or a bias whose initial values are asked for. */
export interface WeightSite {
  /** Its name, `conv1.weight`. */
  readonly name: string;
  /** Its shape: four axes for convolutions, two for linear layers, one for the biases of these. */
  readonly shape: readonly number[];
  /** Numbers that one output of the layer is computed from: channels of a group times taps. */
  readonly fanIn: number;
  /** Output channels times taps. */
  readonly fanOut: number;
}

/** The initialisation of a network: a rule for every weight of its convolutions and linear layers. */
export type Initialisation = (site: WeightSite) => Initial;

/** A constant. */
export function constant(value: number): Initial {
  return { kind: "constant", value };
}

/** Uniform in +-1 / sqrt(fan in): the default of linear layers, for weight and bias. */
export function linearDefault({ fanIn }: WeightSite): Initial {
  return { kind: "uniform", bound: 1 / Math.sqrt(fanIn) };
}

/** Kaiming normal by the outputs for convolutions, the default for linear layers: ResNets. */
export function kaimingFanOut(site: WeightSite): Initial {
  if (site.shape.length !== 4) return linearDefault(site);
  return { kind: "normal", deviation: Math.sqrt(2 / site.fanOut) };
}

/** Kaiming normal by the inputs for convolutions, 0 for biases of linear layers: DenseNets. */
export function kaimingFanIn(site: WeightSite): Initial {
  if (site.shape.length === 1) return constant(0);
  if (site.shape.length !== 4) return linearDefault(site);
  return { kind: "normal", deviation: Math.sqrt(2 / site.fanIn) };
}

/** A number below 2^32 for a name, as the layer of a random key: the hash FNV-1a of its characters. */
export function layerOf(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) {
    hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  }
  return hash >>> 0;
}

/** Numbers drawn at once. */
const CHUNK = 2 ** 16;

/** Normal numbers with deviation 1; those beyond `limit` are drawn again. */
function normals(count: number, key: RandomKey, limit: number): Float32Array<ArrayBuffer> {
  const result = new Float32Array(count);
  const size = Math.min(CHUNK, 2 * Math.ceil(count / 2) + 16);
  let done = 0;
  for (let step = 0; done < count; step++) {
    const u = uniforms(size, { ...key, step });
    for (let i = 0; i + 1 < size && done < count; i += 2) {
      const radius = Math.sqrt(-2 * Math.log(1 - u[i]));
      const angle = 2 * Math.PI * u[i + 1];
      const [a, b] = [radius * Math.cos(angle), radius * Math.sin(angle)];
      if (Math.abs(a) <= limit) result[done++] = a;
      if (Math.abs(b) <= limit && done < count) result[done++] = b;
    }
  }
  return result;
}

/**
 * Initial values.
 * @param initial the rule
 * @param count how many
 * @param key seed, and {@link layerOf} the tensor's name
 * @throws RangeError for a seed out of range
 */
export function draw(initial: Initial, count: number, key: RandomKey): Float32Array<ArrayBuffer> {
  switch (initial.kind) {
    case "constant":
      return new Float32Array(count).fill(initial.value);
    case "uniform":
      return uniforms(count, key).map((u) => (2 * u - 1) * initial.bound);
    case "normal":
      return normals(count, key, Infinity).map((x) => x * initial.deviation);
    case "truncated":
      return normals(count, key, 2).map((x) => x * initial.deviation);
  }
}
