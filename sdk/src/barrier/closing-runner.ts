/**
 * Closes a query runner of TypeORM to the work of a pass that has settled.
 *
 * Managers, repositories, query builders and subscribers all hold the runner itself, so its methods are replaced on it. Who
 * asks is known by the async context: the barrier and its commit, with the subscribers of that, or the work of a pass.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { QueryRunner } from 'typeorm';
import { type Gate, opEnded } from './gate.ts';

type Asking = {
  readonly runner: QueryRunner;
  /** Null for the barrier itself. */
  readonly gate: Gate | null;
  readonly around: Asking | null;
};

const asking = new AsyncLocalStorage<Asking>();
const guarded = new WeakSet<QueryRunner>();
/** Of the barrier's own runners, which serve one pass: asked from an unknown context, they are closed with it. */
const gateOfRun = new WeakMap<QueryRunner, Gate>();

/** Runs `act` as the barrier, whose statements pass when the work has settled. */
export const asBarrier = <T>(runner: QueryRunner, act: () => T): T =>
  asking.run({ runner, gate: null, around: asking.getStore() ?? null }, act);

export function asWork<T>(runner: QueryRunner, gate: Gate, work: () => T): T {
  const around = asking.getStore() ?? null;
  if (askingOf(runner)?.gate === null) gateOfRun.set(runner, gate);
  guardOnce(runner);
  return asking.run({ runner, gate, around }, work);
}

/** The innermost that asks this runner. */
function askingOf(runner: QueryRunner, from = asking.getStore() ?? null): Asking | null {
  for (let found = from; found !== null; found = found.around) if (found.runner === runner) return found;
  return null;
}

function isLate(runner: QueryRunner): boolean {
  const innermost = askingOf(runner);
  if (innermost === null) return gateOfRun.get(runner)?.isClosed ?? false;
  for (let found: Asking | null = innermost; found !== null; found = askingOf(runner, found.around))
    if (found.gate?.isClosed) return innermost.gate !== null;
  return false;
}

const METHODS = ['query', 'stream', 'connect', 'release'] as const;

function guardOnce(runner: QueryRunner): void {
  if (guarded.has(runner)) return;
  guarded.add(runner);
  for (const name of METHODS) {
    const original: unknown = Reflect.get(runner, name);
    if (typeof original !== 'function') continue;
    const value = function (this: unknown, ...args: unknown[]): unknown {
      return isLate(runner) ? Promise.reject(opEnded()) : Reflect.apply(original, this, args);
    };
    Object.defineProperty(runner, name, { value, configurable: true, writable: true, enumerable: false });
  }
}

/**
 * How deep the runner believes to be in SQL transactions. Nested ones that the work leaves open would have the barrier's
 * COMMIT or ROLLBACK end a savepoint alone.
 *
 * @returns sets it back
 */
export function keepDepth(runner: QueryRunner): () => void {
  const inner = runner as unknown as { transactionDepth: number; isTransactionActive: boolean };
  const { transactionDepth, isTransactionActive } = inner;
  return () => Object.assign(inner, { transactionDepth, isTransactionActive });
}
