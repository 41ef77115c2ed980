/**
 * Keeps the work from ending the barrier's SQL transaction, where that can be seen without a parser: by the methods
 * that do so, and by the first words of a statement. What cannot be seen (a stored procedure, a second statement in one
 * text, a connection beneath this one) is found out afterwards, by the mark in the row (`unrecorded-work.ts`).
 *
 * The methods are replaced on the very object that the work uses, so that all code that holds it meets them; and only while
 * the work goes on.
 */
import type { StatementGate } from './statement-gate.ts';
import type { Dialect } from './statements.ts';

export type Guarded = {
  /** Methods with a statement as an argument: its text, or an object that holds the text as `sql` or `text`. */
  readonly statements: readonly string[];
  /** Which argument that is; 0 when absent. */
  readonly at?: number;
  /** Methods that end a SQL transaction, or begin another. */
  readonly refused?: readonly string[];
  /** Such methods that answer without a promise. */
  readonly refusedAtOnce?: readonly string[];
  /** Whether they answer by promises. */
  readonly isAsync: boolean;
};

/**
 * @param gate sends the statements
 * @returns ends it
 */
export function guard(
  target: object,
  dialect: Dialect,
  { statements, at = 0, refused = [], refusedAtOnce = [], isAsync }: Guarded,
  gate?: StatementGate,
): () => void {
  let isEnded = false;
  const isOver = () => isEnded || gate?.isSurroundingClosed === true;
  const faultOf = (args: readonly unknown[]) => endingFault(dialect, args[at]);
  const restores = [
    ...statements.map((name) => [name, faultOf] as const),
    ...[...refused, ...refusedAtOnce].map((name) => [name, () => refusalOf(name)] as const),
  ].map(([name, fault]) =>
    replaced(
      target,
      name,
      (original) =>
        function (this: unknown, ...args: unknown[]): unknown {
          const found = isOver() ? null : fault(args);
          if (found === null) {
            const statement = () => Reflect.apply(original, this, args);
            return isOver() || gate === undefined ? statement() : gate.send(statement);
          }
          // A caller that gave a callback awaits no promise.
          const isAwaited = isAsync && typeof args.at(-1) !== 'function' && !refusedAtOnce.includes(name);
          if (isAwaited) return Promise.reject(found);
          throw found;
        },
    ),
  );
  return () => {
    isEnded = true;
    for (const restore of restores.reverse()) restore();
  };
}

/**
 * Rejects what is asked of a connection while a pass has set its savepoint, unless the pass itself asks: it would be undone with
 * the pass, though it was answered.
 *
 * @returns ends it
 */
export function fence(
  target: object,
  { statements, refused = [], isAsync }: Guarded,
  isInside: (...args: readonly unknown[]) => boolean,
): () => void {
  // What was wrapped meanwhile keeps the method that it found.
  let isOver = false;
  const restores = [...statements, ...refused].map((name) =>
    replaced(
      target,
      name,
      (original) =>
        function (this: unknown, ...args: unknown[]): unknown {
          if (isOver || isInside(...args)) return Reflect.apply(original, this, args);
          // A caller that gave a callback awaits no promise.
          if (!isAsync || typeof args.at(-1) === 'function') throw outsideOfPass();
          return Promise.reject(outsideOfPass());
        },
    ),
  );
  return () => {
    isOver = true;
    for (const restore of restores.reverse()) restore();
  };
}

export const outsideOfPass = (): TypeError =>
  new TypeError('a call is being passed on this SQL transaction: await within before the next statement');

type Method = (...args: unknown[]) => unknown;

function replaced(target: object, name: string, wrap: (original: Method) => Method): () => void {
  const original: unknown = Reflect.get(target, name);
  if (typeof original !== 'function' || !Object.isExtensible(target)) return () => {};
  const before = Object.getOwnPropertyDescriptor(target, name);
  const value = wrap(original as Method);
  Object.defineProperty(target, name, { value, configurable: true, writable: true, enumerable: false });
  return () => {
    // Other code may have replaced it since.
    if (Reflect.get(target, name) !== value) return;
    if (before === undefined) Reflect.deleteProperty(target, name);
    else Object.defineProperty(target, name, before);
  };
}

export const refusalOf = (what: string): TypeError =>
  new TypeError(
    `the work may not call ${what}: the barrier begins and ends the SQL transaction, so that the work and its record ` +
      'are committed together; what commits implicitly belongs into a migration',
  );

// ── Statements ───────────────────────────────────────────────────────────────────────────────────────────────

/** Why the work may not ask a statement; null for one that it may. */
export function endingFault(dialect: Dialect, statement: unknown): TypeError | null {
  const word = endingWord(dialect, statement);
  return word === null ? null : refusalOf(word);
}

/** The words at its beginning by which a statement ends a SQL transaction; null for any other. */
export function endingWord(dialect: Dialect, statement: unknown): string | null {
  const text = textOf(statement);
  if (text === null) return null;
  const found = ENDING[dialect].exec(text.replace(BEFORE_IT, ''));
  return found === null ? null : found[0].toUpperCase().replaceAll(/\s+/g, ' ');
}

function textOf(statement: unknown): string | null {
  if (typeof statement === 'string') return statement;
  if (typeof statement !== 'object' || statement === null) return null;
  const { sql, text } = statement as { sql?: unknown; text?: unknown };
  return [sql, text].find((one) => typeof one === 'string') ?? null;
}

/** Blanks, comments and empty statements. */
const BEFORE_IT = /^(?:\s|;|--[^\n]*|#[^\n]*|\/\*(?!!)[\s\S]*?\*\/)+/;

/** A savepoint of the work's own may be rolled back to. */
const ROLLBACK = 'rollback(?!\\s+(?:work\\s+|transaction\\s+)?to\\b)';

const beginsWith = (...words: readonly string[]): RegExp => new RegExp(`^(?:${words.join('|')})\\b`, 'i');

const ENDING: Readonly<Record<Dialect, RegExp>> = {
  // MySQL 8.4 Reference Manual, “Statements That Cause an Implicit Commit”.
  mysql: beginsWith(
    ...['begin', 'start', 'commit', ROLLBACK, 'xa', 'set\\b[^;]*\\b(?:autocommit|password)'],
    ...['alter', 'create(?!\\s+(?:or\\s+replace\\s+)?temporary\\b)', 'drop(?!\\s+(?:temporary|prepare)\\b)'],
    ...['truncate', 'rename', 'import', 'grant', 'revoke', 'install', 'uninstall', 'lock', 'unlock'],
    ...['(?:analyze|check|optimize|repair)\\s+(?:\\w+\\s+)?tables?', 'cache\\s+index', 'load\\s+index'],
    ...['flush', 'reset', 'change', 'stop'],
  ),
  // PostgreSQL, “SQL Commands”: its DDL is part of the SQL transaction.
  postgres: beginsWith('begin', 'start', 'commit', 'end', ROLLBACK, 'abort', 'prepare\\s+transaction'),
  // SQLite, “Transaction”: so is its DDL.
  sqlite: beginsWith('begin', 'commit', 'end', ROLLBACK),
};
