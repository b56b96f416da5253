/** Files that come in (picked, dropped, pasted) and go out (downloaded). */

/** What a file is for. */
export type Kind = "picture" | "video" | "network";

const endings: Readonly<Record<Kind, readonly string[]>> = {
  picture: ["png", "jpg", "jpeg", "webp", "avif", "gif", "bmp", "svg", "ico"],
  video: ["mp4", "m4v", "mov", "webm", "mkv", "ts"],
  network: ["onnx"],
};

/** What a file is for, by its type and its name; `undefined` when neither tells. */
export function kindOf(file: File): Kind | undefined {
  const ending = /\.([^.]+)$/.exec(file.name.toLowerCase())?.[1] ?? "";
  for (const kind of ["network", "video", "picture"] as const) {
    if (endings[kind].includes(ending)) return kind;
  }
  if (file.type.startsWith("image/")) return "picture";
  return file.type.startsWith("video/") ? "video" : undefined;
}

/** What a file picker lets through. */
export const accept: Readonly<Record<Kind, string>> = {
  picture: "image/*",
  video: "video/*,.mkv,.mov,.mp4,.webm,.m4v",
  network: ".onnx,.data,.bin,.weights",
};

/** Saves bytes under a name, as a download. */
export function download(blob: Blob, name: string): void {
  const link = document.createElement("a");
  const address = URL.createObjectURL(blob);
  link.href = address;
  link.download = name;
  link.click();
  // The browser has its own hold of the bytes once the download began.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
