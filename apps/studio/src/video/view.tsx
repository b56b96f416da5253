/** The page of videos. */
export function openVideo(_file: File): void {}
/** The page. */
export function VideoView() {
  return <p>…</p>;
}
