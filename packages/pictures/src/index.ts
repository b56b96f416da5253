/** What is done to pictures besides pooling: light, resampling, similarity, protocols, the chart. */
export { areaAverage } from "./area.ts";
export { type ChartOptions, resolutionChart } from "./chart/chart.ts";
export { type Detail, DetailReference, detail } from "./detail.ts";
export { type Light, linearToSrgb, srgbToLinear, toLinear, toSrgb } from "./light.ts";
export { luma } from "./luma.ts";
export { nearestName } from "./names.ts";
export { createPicture, crop, cropToMultiple, type Picture } from "./picture.ts";
export {
  findProtocol,
  type Protocol,
  ProtocolReference,
  protocols,
  type Score,
  type Similarity,
} from "./protocols.ts";
export { type MeanPsnr, meanPsnr, psnr } from "./psnr.ts";
export {
  type Comparison,
  type Fidelity,
  type Measured,
  PictureReference,
  type PictureReferenceOptions,
} from "./reference.ts";
export { type Reconstruction, resize } from "./resize.ts";
export { msSsim, type SsimOptions, SsimReference, ssim } from "./ssim.ts";
export {
  findValueRange,
  fromValueRange,
  toValueRange,
  type ValueRange,
  valueRanges,
} from "./values.ts";
