/** What is done to pictures besides pooling: light, resampling, similarity, protocols, the chart. */
export { areaAverage } from "./area.ts";
export { type ChartOptions, resolutionChart } from "./chart/chart.ts";
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
export { type Reconstruction, resize } from "./resize.ts";
export { SsimReference, ssim } from "./ssim.ts";
