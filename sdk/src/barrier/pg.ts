/** The barrier on PostgreSQL 12 or later, over `pg`. */
import type { ClientBase, Pool, PoolClient } from 'pg';
import { AsyncBarrier, type Driver } from './asynchronous.ts';
import { fence, guard } from './statement-guard.ts';
import { connectionBeneath, gateOf, type HandleKind, handleOn } from './connection-handle.ts';
import { LeftOpenWarning } from './left-open-warning.ts';
import { statementsFor } from './statements.ts';

/**
 * @param given.pool of which each `run` takes a client
 * @param given.table `tercet_barrier` when absent; with a schema before it or not
 */
export function pgBarrier({ pool, table }: { pool: Pool; table?: string }): AsyncBarrier<ClientBase> {
  return new AsyncBarrier(pgDriver(pool, table));
}

export const pgDriver = (
  pool: Pool,
  table?: string,
  leftOpenWarning = new LeftOpenWarning(),
): Driver<ClientBase> => ({
  statements: statementsFor('postgres', table),
  transact: async (act) => {
    const hear = () => {};
    const client = await connected(pool, hear);
    try {
      return await transactOnPg(client, leftOpenWarning, {
        act: () => act(client),
        release: (isBroken) => client.release(isBroken),
      });
    } finally {
      client.off('error', hear);
    }
  },
  run: async (client, { sql, params }) => {
    const { rows, rowCount } = await client.query(sql, [...params]);
    return { rows, changedCount: rowCount ?? 0 };
  },
  guarded: async (client, gate, work) => {
    const end = guard(connectionBeneath(client), 'postgres', GUARDED, gate);
    try {
      return await work(handleOn(client, gate, HANDLE));
    } finally {
      await gate.close();
      end();
    }
  },
  isInProcess: false,
  gateAround: gateOf,
  innermost: connectionBeneath,
  fence: (client, isInside) => fence(connectionBeneath(client), GUARDED, isInside),
  isConflict: isPgConflict,
  mayEndSqlTx: null,
  endsSqlTx: async () => false,
  isMissingSavepoint: isMissingPgSavepoint,
});

/**
 * A connection that cannot say it rolled back never serves again.
 * @param given.release gives the client back to its pool, of whatever kind; ends it where it is broken
 */
export async function transactOnPg<T>(
  client: ClientBase,
  leftOpenWarning: LeftOpenWarning,
  { act, release }: { act(): Promise<T>; release(isBroken: boolean): void },
): Promise<T> {
  try {
    await begunAlone(client, leftOpenWarning, {
      begin: () => client.query('BEGIN'),
      rollBack: () => client.query('ROLLBACK'),
    });
    const done = await act();
    const { command } = await client.query('COMMIT');
    // So a server answers after a statement failed whose error no one received, since no one awaited it.
    if (command !== 'COMMIT') throw new Error(ROLLED_BACK);
    release(false);
    return done;
  } catch (error) {
    await client
      .query('ROLLBACK')
      .then(() => release(false))
      .catch(() => release(true));
    throw error;
  }
}

/**
 * Without a listener, a connection that breaks ends the process. It may do so in the packet that opens it, which is before a promise
 * of the client is awaited.
 */
const connected = (pool: Pool, hear: () => void): Promise<PoolClient> =>
  new Promise((resolve, reject) => {
    let isTaken = false;
    const take = (client: PoolClient) => {
      if (!isTaken) client.on('error', hear);
      isTaken = true;
      resolve(client);
    };
    const answer: unknown = pool.connect((error, client) =>
      client === undefined ? reject(error) : take(client),
    );
    // A pool that other code wraps may know promises only.
    if (answer instanceof Promise) answer.then(take, reject);
  });

/**
 * Begins a SQL transaction, after a rollback of one that other code has left open. By what the client knows without asking; where
 * it is too old to know it, by the warning that the server sends with BEGIN; one that has failed is then an error of BEGIN.
 */
export async function begunAlone(
  client: ClientBase,
  leftOpenWarning: LeftOpenWarning,
  { begin, rollBack }: { begin(): Promise<unknown>; rollBack(): Promise<unknown> },
): Promise<void> {
  let isOpen = ['T', 'E'].includes((client as ClientWithTransactionStatus).getTransactionStatus?.() ?? '');
  const hear = ({ code }: { code?: string | undefined }) => {
    if (code === ACTIVE_SQL_TRANSACTION) isOpen = true;
  };
  client.on('notice', hear);
  try {
    if (!isOpen) await begin();
    if (!isOpen) return;
    await rollBack();
    leftOpenWarning.report();
    await begin();
  } finally {
    client.off('notice', hear);
  }
}

/** Older versions of pg do not know it. */
type ClientWithTransactionStatus = { getTransactionStatus?(): string | null };

const ACTIVE_SQL_TRANSACTION = '25001';

const GUARDED = {
  statements: ['query'],
  refused: ['end'],
  refusedAtOnce: ['release'],
  isAsync: true,
} as const;

const HANDLE: HandleKind = {
  own: [...GUARDED.statements, ...GUARDED.refused, ...GUARDED.refusedAtOnce],
  atOnce: [...GUARDED.refusedAtOnce, 'cancel'],
  free: [
    ...['escapeIdentifier', 'escapeLiteral', 'getTypeParser', 'setTypeParser'],
    ...['ref', 'unref', 'getTransactionStatus'],
  ],
};

export const ROLLED_BACK =
  'PostgreSQL has rolled the SQL transaction back: a statement of the work failed, which the work did not await or swallowed';

/** PostgreSQL, “Error Codes”. */
const CONFLICTS = new Set([
  '40001', // serialization_failure
  '40P01', // deadlock_detected
  '55P03', // lock_not_available: lock_timeout, or the work's own NOWAIT
]);

const codeOf = (error: unknown): string => String((error as { code?: unknown } | null)?.code);

export const isPgConflict = (error: unknown): boolean => CONFLICTS.has(codeOf(error));

/** PostgreSQL, “Error Codes”: invalid_savepoint_specification, no_active_sql_transaction. */
export const isMissingPgSavepoint = (error: unknown): boolean => ['3B001', '25P01'].includes(codeOf(error));
