/**
 * A participant's database with a barrier in it, on each driver: accounts whose money is held, paid or released, and a
 * record of every effect, which no key keeps from being written twice.
 */
import type { Barrier, BarrierCall, Passed } from '@tercet/sdk';
import type { CleanUpOptions, CleanUpReport } from '@tercet/sdk';

export type Op = BarrierCall['op'];

/** The work of one op: `accounts` in the order in which it writes them. */
export type Work = {
  readonly call: BarrierCall;
  readonly cents: number;
  readonly accounts: readonly [string, string];
};

export type Totals = { readonly available: number; readonly held: number; readonly paid: number };

/** The barrier of a driver, with what all of them have beyond the port. */
export type FullBarrier<SqlTx> = Barrier<SqlTx> & {
  cleanUp(options: CleanUpOptions): Promise<CleanUpReport>;
};

export interface BarrierWorld<SqlTx = unknown> {
  readonly barrier: FullBarrier<SqlTx>;
  /** Another barrier on the same database, as a second replica of the participant has it. */
  another(): FullBarrier<SqlTx>;
  /** Writes what the op does to both accounts, and records it; a promise where the driver needs one. */
  write(sqlTx: SqlTx, work: Work): unknown;
  /** Runs a statement that the barrier cannot see, as a stored procedure would; a promise where the driver needs one. */
  unseen(sqlTx: SqlTx, sql: string): unknown;
  /** Runs `act` in a SQL transaction that it does not know of, and commits unless it throws. */
  inSqlTx<T>(act: (sqlTx: SqlTx) => T | Promise<T>): Promise<T>;
  /** Joins; at once or by a promise, as the driver answers. */
  within<Result>(
    sqlTx: SqlTx,
    call: BarrierCall,
    work: () => Result,
    options?: { readonly completes?: 'succeeded' | 'refused' },
  ): Passed<Result> | Promise<Passed<Result>>;
  query(sql: string): Promise<readonly { readonly [column: string]: unknown }[]>;
  /** As the server counted them since it started; null where there are none. */
  deadlockCount(): Promise<number | null>;
  close(): Promise<void>;
}

export const ACCOUNTS = ['ann', 'bob', 'cyd', 'dan'] as const;
export const OPENING_CENTS = 1_000_000;

export const BUSINESS_TABLES = [
  'CREATE TABLE account (name varchar(8) PRIMARY KEY, available bigint NOT NULL, held bigint NOT NULL, paid bigint NOT NULL)',
  'CREATE TABLE effect (gid varchar(36) NOT NULL, branch_id varchar(64) NOT NULL, op varchar(10) NOT NULL, token varchar(40) NOT NULL)',
  `INSERT INTO account VALUES ${ACCOUNTS.map((name) => `('${name}', ${OPENING_CENTS}, 0, 0)`).join()}`,
];

/** The statements of one op. Values are numbers and names of the tests' own making. */
export function statementsOf({ call, cents, accounts }: Work): string[] {
  const moves = {
    try: `available = available - ${cents}, held = held + ${cents}`,
    confirm: `held = held - ${cents}, paid = paid + ${cents}`,
    cancel: `held = held - ${cents}, available = available + ${cents}`,
    action: `available = available - ${cents}, paid = paid + ${cents}`,
    compensate: `paid = paid - ${cents}, available = available + ${cents}`,
  };
  return [
    ...accounts.map((name) => `UPDATE account SET ${moves[call.op]} WHERE name = '${name}'`),
    `INSERT INTO effect VALUES ('${call.gid}', '${call.branchId}', '${call.op}', '')`,
  ];
}

export async function totalsOf(world: BarrierWorld): Promise<Totals> {
  const rows = await world.query('SELECT available, held, paid FROM account');
  const sum = (column: string) => rows.reduce((total, row) => total + Number(row[column]), 0);
  return { available: sum('available'), held: sum('held'), paid: sum('paid') };
}

let count = 0;

/** Fresh gids, one beside the other, as a coordinator makes them. */
export function freshGid(): string {
  count += 1;
  const time = Date.now().toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${count.toString(16).padStart(12, '0')}`;
}

export const callOf = (
  op: Op,
  { gid = freshGid(), branchId = 'money', deadlineAt = Date.now() + 600_000 } = {},
): BarrierCall => ({
  gid,
  branchId,
  op,
  deadlineAt,
});
