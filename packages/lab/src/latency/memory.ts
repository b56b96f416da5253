/**
 * Extra memory of a call: the peak of this process's resident memory minus what it was before. On Linux the
 * peak is set back before; elsewhere it is that of the process's whole life, so that a call which stays below
 * what starting took shows nothing.
 */
import { readFileSync, writeFileSync } from "node:fs";

/** A field of `/proc/self/status` in bytes, or `undefined` where there is none. */
function statusField(name: string): number | undefined {
  try {
    const match = new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(
      readFileSync("/proc/self/status", "utf8"),
    );
    return match === null ? undefined : Number(match[1]) * 1024;
  } catch {
    return undefined;
  }
}

/** Starts to watch the peak; call what it gives for the bytes above the beginning, `undefined` if unknown. */
export function watchMemory(): () => number | undefined {
  (globalThis as { gc?: () => void }).gc?.();
  let exact = true;
  try {
    // Sets the peak back to what is resident now.
    writeFileSync("/proc/self/clear_refs", "5");
  } catch {
    exact = false;
  }
  const before = statusField("VmRSS");
  if (exact && before !== undefined) {
    return () => {
      const peak = statusField("VmHWM");
      return peak === undefined ? undefined : Math.max(0, peak - before);
    };
  }
  const { rss } = process.memoryUsage();
  const start = Math.max(rss, process.resourceUsage().maxRSS * 1024);
  return () => {
    const peak = process.resourceUsage().maxRSS * 1024;
    return peak > start ? peak - rss : undefined;
  };
}
