/**
 * The file of predictions: what a model says about every picture, one row each, as CSV (RFC 4180, UTF-8)
 * that spreadsheets and statistics programs open.
 *
 *     # softpool predictions 1
 *     # model: resnet20-soft.safetensors
 *     # data: cifar10/test
 *     picture,class,predicted1,predicted2,predicted3,predicted4,predicted5,score
 *     cat/0001.png,3,3,5,2,7,4,0.8712
 *
 * First come lines of metadata, `# key: value`, then the header, then the rows. `picture` is the
 * picture's name or number and stands once in a file; `class` is the true class and `predicted1` to
 * `predicted5` the predicted ones, the likeliest first (fewer columns when there are fewer classes), all
 * as numbers from 0; `score` is the probability that the model gives to `predicted1`. A name with a
 * comma, a quotation mark, a line break or a # stands in quotation marks.
 *
 * A file from elsewhere needs the columns `picture`, `class` and `predicted1` only, in any order; other
 * columns are skipped. pandas: read_csv(file, comment="#").
 */

/** The file's first line; the number grows when old readers would misread the file. */
export const SIGNATURE = "# softpool predictions";

/** The version that is written and the newest that is read. */
export const VERSION = 1;

/** The most predicted classes of a row. */
export const MOST_PREDICTED = 5;

/** What a model says about one picture. */
export interface Prediction {
  /** The picture's name (a path with /) or its number in the data as text; not empty. */
  readonly picture: string;
  /** The true class, a whole number from 0. */
  readonly target: number;
  /** Predicted classes, the likeliest first: 1 to {@link MOST_PREDICTED} whole numbers from 0. */
  readonly predicted: readonly number[];
  /** Probability of the first predicted class; undefined or not finite where it is not known. */
  readonly score?: number;
}

/** A file of predictions. */
export interface Predictions {
  /** What made them: text by key (lower-case letters, digits, spaces, hyphens), in their order. */
  readonly metadata: Readonly<Record<string, string>>;
  /** One row a picture, all with the same number of predicted classes. */
  readonly rows: readonly Prediction[];
}

/** What a key of the metadata looks like. */
export const KEY: RegExp = /^[a-z][a-z0-9 -]*$/;
