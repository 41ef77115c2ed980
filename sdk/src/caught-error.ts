/**
 * What a `catch` gets. Anything can be thrown, also a value that has no text, or that throws when it is read. Nothing
 * here throws, because what comes after, a cancel or an answer, must not be skipped.
 */

const WITHOUT_TEXT = 'something that cannot be shown as text';

/**
 * An error's name and message; for any other value, its text. Never throws. Complete, values included: only for errors
 * that are thrown to the code whose error it is. What is logged goes through `errorLine`.
 */
export function errorText(caught: unknown): string {
  try {
    return caught instanceof Error ? `${caught.name}: ${caught.message}` : String(caught);
  } catch {
    return WITHOUT_TEXT;
  }
}

/** As `instanceof`, but false where that throws. */
export function isInstanceOf<One extends object>(
  of: abstract new (...given: never[]) => One,
  caught: unknown,
): caught is One {
  try {
    return caught instanceof of;
  } catch {
    return false;
  }
}
