/** Where numbers come from: the command, the versions of what takes part, the machine. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism, cpus } from "node:os";
import sharp from "sharp";
import { version } from "../version.ts";
import type { Provenance } from "./outcome.ts";

/** A word as a shell would take it. */
function shellWord(word: string): string {
  return /^[\w./,=:@+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** The version of ONNX Runtime, or undefined where it is not installed. */
export function onnxRuntimeVersion(): string | undefined {
  try {
    const path = createRequire(import.meta.url).resolve("onnxruntime-node/package.json");
    return (JSON.parse(readFileSync(path, "utf8")) as { version?: string }).version;
  } catch {
    return undefined;
  }
}

/** This command, as a shell takes it. */
export function commandLine(words: readonly string[] = process.argv.slice(2)): string {
  return `softpool ${words.map(shellWord).join(" ")}`.trim();
}

/** Processor and system of this machine. */
export function machineName(): string {
  const model = cpus()[0]?.model.trim() ?? "unknown processor";
  return `${model}, ${availableParallelism()} processors, ${process.platform} ${process.arch}`;
}

/**
 * Command, versions and machine of this run.
 * @param runtime whether ONNX Runtime takes part; default false
 */
export function provenance(runtime: boolean = false): Provenance {
  const { node } = process.versions;
  const onnx = runtime ? onnxRuntimeVersion() : undefined;
  const versions = [
    `softpool ${version()}`,
    `node ${node}`,
    `sharp ${sharp.versions.sharp}`,
    `libvips ${sharp.versions.vips}`,
    ...(onnx === undefined ? [] : [`onnxruntime-node ${onnx}`]),
  ];
  return { command: commandLine(), versions: versions.join(", "), machine: machineName() };
}
