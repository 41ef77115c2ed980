/**
 * What was thrown, in words. Anything can be thrown: what has no text, and what throws when it is looked at. To
 * tell of it must not fail, because what goes on after the telling, a cancel or an answer, must not be skipped.
 */

const WORDLESS = 'something that cannot be shown as text';

/** An error's name and message, and of all else its text. Never throws. */
export const inWords = (thrown: unknown): string =>
  unlessItThrows(() => (thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown)));

/**
 * An error's stack, and of all else its text, in one line. A database puts values into its messages, such as `Duplicate
 * entry 'order-42'`: of its errors the code stands in place of the message. Never throws.
 */
export const inOneLine = (thrown: unknown): string =>
  unlessItThrows(() => {
    const words = thrown instanceof Error ? (thrown.stack ?? String(thrown)) : String(thrown);
    return (isOfDatabase(thrown) ? withoutMessage(thrown, words) : words).replace(/\s*\n\s*/g, ' | ');
  });

type DatabaseError = Error & { readonly code?: unknown };

/** Of mysql2 and MySQL's other drivers, of pg, of SQLite's, and of TypeORM, which puts its statement on them. */
const isOfDatabase = (thrown: unknown): thrown is DatabaseError =>
  thrown instanceof Error &&
  (['sqlState', 'sqlMessage', 'routine', 'driverError', 'query'].some((field) => field in thrown) ||
    thrown.name === 'SqliteError');

function withoutMessage({ name, message, code }: DatabaseError, stack: string): string {
  const frames = stack.replace(message, () => '').split('\n');
  const from = frames.findLastIndex((line) => !/^ {4}at /.test(line)) + 1;
  return [`${name}: the database answered ${code ?? 'an error'}`, ...frames.slice(from)].join('\n');
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

function unlessItThrows(words: () => string): string {
  try {
    return words();
  } catch {
    return WORDLESS;
  }
}
