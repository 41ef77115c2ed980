/**
 * What was thrown, in words. Anything can be thrown: what has no text, and what throws when it is looked at. To
 * tell of it must not fail, because what goes on after the telling, a cancel or an answer, must not be skipped.
 */

const WORDLESS = 'something that cannot be shown as text';

/** An error's name and message, and of all else its text. Never throws. */
export const inWords = (thrown: unknown): string =>
  unlessItThrows(() => (thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown)));

/** An error's stack, and of all else its text, in one line. Never throws. */
export const inOneLine = (thrown: unknown): string =>
  unlessItThrows(() =>
    String(thrown instanceof Error ? (thrown.stack ?? thrown) : thrown).replace(/\s*\n\s*/g, ' | '),
  );

/** Whether it is of this class; false where asking throws. */
export function isA<One extends object>(
  of: abstract new (...given: never[]) => One,
  thrown: unknown,
): thrown is One {
  try {
    return thrown instanceof of;
  } catch {
    return false;
  }
}

function unlessItThrows(words: () => string): string {
  try {
    return words();
  } catch {
    return WORDLESS;
  }
}
