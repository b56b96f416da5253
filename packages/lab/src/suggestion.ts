/** What may have been meant, for messages about words that are not known. */
import { nearestName } from "@softpool/pictures";

/** `, did you mean NAME?` for a word that is none of the names; nothing when none is near. */
export function suggestion(word: string, names: readonly string[]): string {
  const near = nearestName(word, names);
  return near === undefined ? "" : `, did you mean ${near}?`;
}
