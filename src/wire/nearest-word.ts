/** Which of some words was meant by one that is none of them: the one that takes the fewest corrected letters. */

/** Null when none is near: as good as another word. */
export function nearestWord(word: string, words: readonly string[]): string | null {
  const distances = words.map((each) => ({ each, letters: lettersBetween(word, each) }));
  const [best] = distances.sort((a, b) => a.letters - b.letters);
  return best !== undefined && best.letters <= Math.max(1, best.each.length / 3) ? best.each : null;
}

/** Letters to add, to leave out or to change (Levenshtein), a row of the table at a time. */
function lettersBetween(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (const [index, letter] of [...one].entries()) {
    const next = [index + 1];
    for (const [at, rival] of [...other].entries())
      next.push(
        Math.min((row[at] ?? 0) + (letter === rival ? 0 : 1), (row[at + 1] ?? 0) + 1, (next[at] ?? 0) + 1),
      );
    row = next;
  }
  return row[other.length] ?? 0;
}
