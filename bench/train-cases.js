/**
 * What training is measured on: a whole step (forward, loss, backward, SGD with Nesterov's momentum and
 * weight decay) of a network of the zoo, on random pictures.
 */

/**
 * One case.
 * @typedef {object} TrainCase
 * @property {string} name the case in words
 * @property {string} network name in the zoo and in `train.py`
 * @property {"maximum" | "average" | "soft" | null} pool the pooling in every place; `null`: the network's own
 * @property {number} batch pictures of a step
 * @property {number} size height and width of a picture
 * @property {number} classes classes
 * @property {number | null} target images/s as a part of PyTorch's that is demanded; `null`: none is
 */

/** Threads of both. */
export const THREADS = 2;

/** @type {readonly TrainCase[]} In this order they are run, every other time in the reverse order. */
export const CASES = [
  network("ResNet-20", 128, 32, 10, 0.7),
  network("ResNet-18", 8, 224, 1000, 0.85),
  network("ResNet-50", 8, 224, 1000, 0.85),
  small("maximum"),
  small("average"),
  small("soft"),
];

/**
 * @param {string} name
 * @param {number} batch
 * @param {number} size
 * @param {number} classes
 * @param {number} target
 * @returns {TrainCase}
 */
function network(name, batch, size, classes, target) {
  const id = name.toLowerCase().replace("-", "");
  const words = `${name}, ${size}x${size}, batch ${batch}`;
  return { name: words, network: id, pool: null, batch, size, classes, target };
}

/**
 * @param {"maximum" | "average" | "soft"} pool
 * @returns {TrainCase}
 */
function small(pool) {
  const name = `vgg-small ${pool}, 32x32, batch 64`;
  return { name, network: "vgg-small", pool, batch: 64, size: 32, classes: 10, target: null };
}

/** SGD, of both. */
export const SGD = { rate: 0.01, momentum: 0.9, decay: 5e-4 };
