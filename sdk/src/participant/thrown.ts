/**
 * What was thrown, in words. Anything can be thrown: what has no text, and what throws when it is read. Describing it must
 * not fail, because what comes after, a cancel or an answer, must not be skipped.
 */

const WORDLESS = 'something that cannot be shown as text';

/**
 * An error's name and message, and of all else its text. Never throws. Complete, values included: only for errors that are
 * thrown to the code whose error it is. What is logged goes through `errorLine`.
 */
export function inWords(thrown: unknown): string {
  try {
    return thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
  } catch {
    return WORDLESS;
  }
}

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
