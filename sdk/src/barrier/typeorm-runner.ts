/**
 * Closes a query runner of TypeORM to the work of a pass that has settled.
 *
 * Managers, repositories, query builders and subscribers all hold the runner itself, so its methods are replaced on it. Who
 * asks is known by the async context: the barrier and its commit, with the subscribers of that, or the work of a pass.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { QueryRunner } from 'typeorm';
import { type StatementGate, opEnded } from './statement-gate.ts';

type Asking = {
  readonly runner: QueryRunner;
  /** Null for the barrier itself. */
  readonly gate: StatementGate | null;
  readonly around: Asking | null;
};

const asking = new AsyncLocalStorage<Asking>();
const guarded = new WeakSet<QueryRunner>();
/** Of the barrier's own runners, which serve one pass: asked from an unknown context, they are closed with it. */
const gateOfRun = new WeakMap<QueryRunner, StatementGate>();

/** Runs `act` as the barrier, whose statements pass when the work has settled. */
export const asBarrier = <T>(runner: QueryRunner, act: () => T): T =>
  asking.run({ runner, gate: null, around: asking.getStore() ?? null }, act);

export function asWork<T>(runner: QueryRunner, gate: StatementGate, work: () => T): T {
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

/** The gate of the pass in whose work we are. */
export const gateAround = (runner: QueryRunner): StatementGate | null => askingOf(runner)?.gate ?? null;

/** The gate by which a statement comes too late; null for one that is in time. */
function closedGate(runner: QueryRunner): StatementGate | null {
  const innermost = askingOf(runner);
  if (innermost === null) return ifClosed(gateOfRun.get(runner) ?? null);
  if (innermost.gate === null) return null;
  for (let found: Asking | null = innermost; found !== null; found = askingOf(runner, found.around))
    if (found.gate?.isClosed) return found.gate;
  return null;
}

const ifClosed = (gate: StatementGate | null): StatementGate | null => (gate?.isClosed ? gate : null);

const METHODS = ['query', 'stream', 'connect', 'release'] as const;

function guardOnce(runner: QueryRunner): void {
  if (guarded.has(runner)) return;
  guarded.add(runner);
  for (const name of METHODS) {
    const original: unknown = Reflect.get(runner, name);
    if (typeof original !== 'function') continue;
    const value = function (this: unknown, ...args: unknown[]): unknown {
      const gate = closedGate(runner);
      if (gate === null) return Reflect.apply(original, this, args);
      const error = opEnded();
      gate.reportUnfinished(error);
      return Promise.reject(error);
    };
    Object.defineProperty(runner, name, { value, configurable: true, writable: true, enumerable: false });
  }
}

/**
 * How deep the runner believes to be in SQL transactions. Nested ones that the work leaves open would have the barrier's
 * COMMIT or ROLLBACK end a savepoint alone.
 *
 * @returns sets it back; whether that was needed
 */
export function keepDepth(runner: QueryRunner): () => { readonly wasLeftOpen: boolean } {
  const inner = runner as unknown as { transactionDepth: number; isTransactionActive: boolean };
  const { transactionDepth, isTransactionActive } = inner;
  return () => {
    const wasLeftOpen = inner.transactionDepth !== transactionDepth;
    Object.assign(inner, { transactionDepth, isTransactionActive });
    return { wasLeftOpen };
  };
}
