/**
 * SoftPool for jax-js: a function of its primitives, so that grad, jit and vmap work.
 * @module @softpool/jax
 */
export { softPool } from "./softpool.ts";
export type { SoftPoolOptions } from "./window.ts";
