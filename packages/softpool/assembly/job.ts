/** The description of a pooling that the kernels read: written by src/wasm/job.ts, same order. */

/** Methods, in the order of src/wasm/job.ts. */
export namespace Method {
  export const SOFT = 0;
  export const AVERAGE = 1;
  export const MAXIMUM = 2;
  export const SUM = 3;
  export const POWER = 4;
}

/** One spatial axis: see src/window.ts. `pad` may be negative in a slice of a larger tensor. */
@unmanaged
export class Axis {
  size: i32;
  out: i32;
  kernel: i32;
  stride: i32;
  pad: i32;
  dilation: i32;
}

@unmanaged
export class Job {
  /** Which kernel runs a task. */
  kernel: i32;
  /** 0 f32, 1 f64, 2 float16. */
  dtype: i32;
  /** Input; output, or gradient of the output in a backward; gradient of the input. */
  x: usize;
  y: usize;
  gx: usize;
  /** N C planes, or N with channels last. */
  planes: i32;
  /** 1, or C with channels last. */
  inner: i32;
  /** Betas per plane: channel of a plane is plane % channels (channels first). */
  channels: i32;
  /** 1 when there is one beta for all channels. */
  oneBeta: i32;
  /** Divisors of average pooling per output and axis, f64. */
  countD: usize;
  countH: usize;
  countW: usize;
  /** Taps outside the input are zeros. */
  zeroPadding: i32;
  /** Temperatures, f64. */
  betas: usize;
  /** Axis along which a plane is cut into blocks: 0 D, 1 H, 2 W. */
  outer: i32;
  /** What is to be computed along it: outputs, or inputs in a backward. */
  ownBegin: i32;
  ownEnd: i32;
  /** Blocks per plane, their length, tasks in all (planes x blocks), tasks taken at once. */
  blocks: i32;
  blockLength: i32;
  tasks: i32;
  grain: i32;
  /** Next task (atomic). */
  next: i32;
  /** Scratch memory: base and bytes per thread. */
  scratch: usize;
  scratchBytes: usize;
  method: i32;
  /** SoftPool: publish weights only as gradient. */
  weightsOnly: i32;
  /** SoftPool: the weighted variance instead of the result. */
  variance: i32;
  /** Maximum: minimum instead. */
  negate: i32;
  /** Power-average: the power mean. */
  normalized: i32;
  /** Columns of a block along W: outputs, or inputs in a backward. */
  columns: i32;
  /** Rows of the other axes kept at once: 1 when all rows of a plane fit. */
  allRows: i32;
  unused: i32;
  p: f64;

  // The axes stand at fixed places behind the words above, so that reaching them is one load.
  @inline get d(): Axis {
    return changetype<Axis>(changetype<usize>(this) + 160);
  }
  @inline get h(): Axis {
    return changetype<Axis>(changetype<usize>(this) + 184);
  }
  @inline get w(): Axis {
    return changetype<Axis>(changetype<usize>(this) + 208);
  }
}
