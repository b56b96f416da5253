import type { Command } from "../args.ts";
/** x */
export const compare: Command = undefined as unknown as Command;
