import type { Operator } from "./operator.ts";

export const pool: readonly Operator[] = [];
