/** The page of networks. */
export async function takeFiles(_files: readonly File[]): Promise<void> {}
/** The page. */
export function NetworkView() {
  return <p>…</p>;
}
