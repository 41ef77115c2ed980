/**
 * The `tx` of Prisma as the work of a pass is given it. Its queries, those of its models and of its nested transactions pass the gate
 * when they are sent, which in Prisma is when they are awaited; raw statements that end the SQL transaction are rejected.
 */
import { type StatementGate, opEnded } from './statement-gate.ts';
import { endingFault, outsideOfPass, refusalOf } from './statement-guard.ts';
import type { Dialect } from './statements.ts';

/** What the barrier asks of a `tx`. */
export type PrismaTx = {
  $queryRawUnsafe(sql: string, ...values: unknown[]): PromiseLike<unknown>;
  $executeRawUnsafe(sql: string, ...values: unknown[]): PromiseLike<number>;
};

type Pass = {
  readonly innermost: object;
  readonly gate: StatementGate;
  fence(isInside: () => boolean): () => void;
};

const passes = new WeakMap<object, Pass>();

/** Null for a `tx` that the barrier has not made. */
export const passOf = (tx: object): Pass | null => passes.get(tx) ?? null;

const beneath = new WeakMap<object, object>();

/** That which Prisma made, beneath handles. */
export function txBeneath<Tx extends object>(handle: Tx): Tx {
  const target = beneath.get(handle) as Tx | undefined;
  return target === undefined ? handle : txBeneath(target);
}

type Method = (...args: unknown[]) => unknown;
type Query = PromiseLike<unknown> & { readonly [key: PropertyKey]: unknown };

export function prismaHandle<Tx extends object>(
  tx: Tx,
  dialect: Dialect,
  gate: StatementGate,
): { readonly handle: Tx; readonly unsent: ReadonlySet<object> } {
  const unsent = new Set<object>();
  const fences = new Set<() => boolean>();
  const innermost = passOf(tx)?.innermost ?? tx;

  /** Why a statement may not be sent. */
  const faultOf = (statement: unknown): Error | null => {
    if (gate.isClosed) {
      const error = opEnded();
      gate.reportUnfinished(error);
      return error;
    }
    if ([...fences].some((isInside) => !isInside())) return outsideOfPass();
    return endingFault(dialect, statement);
  };

  const send = (query: Query, statement: unknown): Promise<unknown> => {
    unsent.delete(query);
    const fault = faultOf(statement);
    if (fault !== null) return Promise.reject(fault);
    return gate.send(() => Promise.resolve(query)) as Promise<unknown>;
  };

  /** Sent once, when it is awaited first. What is chained to it, such as the relation of a record, is sent in its place. */
  const gated = (query: Query, statement: unknown): Query => {
    unsent.add(query);
    let sent: Promise<unknown> | null = null;
    return new Proxy(query, {
      get(_query, key) {
        const value: unknown = Reflect.get(query, key, query);
        if (typeof value !== 'function') return value;
        if (key === 'then' || key === 'catch' || key === 'finally')
          return (...args: unknown[]) => {
            sent ??= send(query, statement);
            return (sent[key] as Method)(...args);
          };
        return (...args: unknown[]) => {
          const chained: unknown = Reflect.apply(value, query, args);
          if (!isQuery(chained)) return chained;
          unsent.delete(query);
          return gated(chained, statement);
        };
      },
    });
  };

  const asking =
    (target: object, method: Method, isRaw: boolean): Method =>
    (...args: unknown[]): unknown => {
      const answer: unknown = Reflect.apply(method, target, args);
      return isQuery(answer) ? gated(answer, isRaw ? textOf(args[0]) : null) : answer;
    };

  const modelOn = (model: object): object =>
    new Proxy(model, {
      get(_model, key) {
        const value: unknown = Reflect.get(model, key, model);
        return typeof value === 'function' ? asking(model, value as Method, false) : value;
      },
    });

  /** Its queries pass the same gate. */
  const nesting =
    (target: object, method: Method): Method =>
    async (act: unknown, ...options: unknown[]) => {
      if (typeof act !== 'function')
        throw refusalOf('$transaction with a list: await one query after the other');
      const fault = faultOf(null);
      if (fault !== null) throw fault;
      return Reflect.apply(method, target, [(inner: object) => act(handleOn(inner)), ...options]);
    };

  const handleOn = <Target extends object>(target: Target): Target => {
    const handle = new Proxy(target, {
      get(_target, key) {
        const value: unknown = Reflect.get(target, key, target);
        if (typeof value === 'function' && typeof key === 'string') {
          if (key === '$transaction') return nesting(target, value as Method);
          if (key === '$disconnect') throw refusalOf(key);
          return asking(target, value as Method, true);
        }
        const isModel = typeof key === 'string' && !/^[$_]/.test(key);
        return isModel && typeof value === 'object' && value !== null ? modelOn(value) : value;
      },
    });
    beneath.set(handle, target);
    passes.set(handle, {
      innermost,
      gate,
      fence: (isInside) => {
        fences.add(isInside);
        return () => void fences.delete(isInside);
      },
    });
    return handle;
  };

  return { handle: handleOn(tx), unsent };
}

const isQuery = (value: unknown): value is Query =>
  typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';

/** Of a text, a template, or a `Prisma.sql`. */
function textOf(statement: unknown): unknown {
  if (Array.isArray(statement)) return statement.join('?');
  return statement;
}
