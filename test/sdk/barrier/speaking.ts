/** A world whose `sqlTx` has `query`, whatever the library calls it: for tests that ask statements of every driver. */
import type { Barrier } from '@tercet/sdk';
import type { BarrierWorld, FullBarrier } from './barrier-world.ts';

export type Spoken<SqlTx> = { readonly of: SqlTx; query(sql: string): Promise<unknown> };

type Say<SqlTx> = (sqlTx: SqlTx, sql: string) => Promise<unknown>;

export function speaking<SqlTx>(world: BarrierWorld<SqlTx>, say: Say<SqlTx>): BarrierWorld<Spoken<SqlTx>> {
  const spoken = (of: SqlTx): Spoken<SqlTx> => ({ of, query: (sql) => say(of, sql) });
  const full = (barrier: FullBarrier<SqlTx>): FullBarrier<Spoken<SqlTx>> => {
    const run: Barrier<Spoken<SqlTx>>['run'] = (call, work, options) =>
      barrier.run(call, (sqlTx, known) => work(spoken(sqlTx), known), options);
    // For tests that join by the barrier itself.
    const within = (sqlTx: Spoken<SqlTx>, call: never, work: (sqlTx: Spoken<SqlTx>) => unknown) =>
      (barrier as unknown as { within(...given: unknown[]): unknown }).within(sqlTx.of, call, (of: SqlTx) =>
        work(spoken(of)),
      );
    return Object.assign(Object.create(barrier), {
      run,
      within,
      outside: (...given: Parameters<typeof barrier.outside>) => barrier.outside(...given),
      createTable: () => barrier.createTable(),
    });
  };
  return {
    ...world,
    barrier: full(world.barrier),
    another: () => full(world.another()),
    write: (sqlTx, work) => world.write(sqlTx.of, work),
    unseen: (sqlTx, sql) => world.unseen(sqlTx.of, sql),
    inSqlTx: (act) => world.inSqlTx((sqlTx) => act(spoken(sqlTx))),
    within: (sqlTx, ...given) => world.within(sqlTx.of, ...given),
  };
}
