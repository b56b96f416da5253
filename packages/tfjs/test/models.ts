/** Models of TensorFlow.js for tests, in Node and in pages: made, saved as files are, and loaded. */
import * as tf from "@tensorflow/tfjs-core";
import * as tfl from "@tensorflow/tfjs-layers";

/** What `model.save` hands to a file, with the topology as JSON text. */
export interface SavedModel {
  /** The topology, as `model.json` has it. */
  readonly topology: string;
  /** Names, shapes and types of the weights. */
  readonly weightSpecs: tf.io.WeightsManifestEntry[];
  /** The weights, one byte a number. */
  readonly weights: number[];
}

/** Saves a model. */
export async function save(model: tfl.LayersModel): Promise<SavedModel> {
  let saved: SavedModel | undefined;
  await model.save(
    tf.io.withSaveHandler(async ({ modelTopology, weightSpecs, weightData }) => {
      saved = {
        topology: JSON.stringify(modelTopology),
        weightSpecs: weightSpecs ?? [],
        weights: [...new Uint8Array(weightData as ArrayBuffer)],
      };
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: "JSON" } };
    }),
  );
  if (saved === undefined) throw new Error("nothing was saved");
  return saved;
}

/** Loads a model. */
export function load({ topology, weightSpecs, weights }: SavedModel): Promise<tfl.LayersModel> {
  const modelTopology = JSON.parse(topology);
  const weightData = Uint8Array.from(weights).buffer;
  return tfl.loadLayersModel(tf.io.fromMemory({ modelTopology, weightSpecs, weightData }));
}

/** A small convolutional network with a maximum and an average, as Keras saves it. */
export function keras(seed = 1): tfl.LayersModel {
  const glorot = () => tfl.initializers.glorotNormal({ seed: seed++ });
  return tfl.sequential({
    name: "keras_net",
    layers: [
      tfl.layers.conv2d({
        inputShape: [12, 12, 2],
        filters: 4,
        kernelSize: 3,
        activation: "relu",
        kernelInitializer: glorot(),
        name: "conv_1",
      }),
      tfl.layers.batchNormalization({ name: "norm_1" }),
      tfl.layers.maxPooling2d({ poolSize: 3, strides: 2, padding: "same", name: "pool_1" }),
      tfl.layers.conv2d({ filters: 4, kernelSize: 2, kernelInitializer: glorot(), name: "conv_2" }),
      tfl.layers.averagePooling2d({ poolSize: 2, name: "pool_2" }),
      tfl.layers.globalAveragePooling2d({ name: "global" } as never),
      tfl.layers.dense({
        units: 3,
        activation: "softmax",
        kernelInitializer: glorot(),
        name: "top",
      }),
    ],
  });
}

/** Numbers for an input, the same everywhere. */
export function numbers(shape: number[], scale = 3): tf.Tensor {
  const count = shape.reduce((a, b) => a * b, 1);
  return tf.tensor(
    Float32Array.from({ length: count }, (_, i) => Math.sin(i * 1.7) * scale),
    shape,
  );
}
