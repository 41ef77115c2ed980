// A server that is set to roll the whole SQL transaction back where a lock was waited for in vain (innodb_rollback_on_timeout).
import { expect, test } from '@jest/globals';
import { createDatabase } from '../../../scripts/servers/database.ts';
import { describeOwn } from '../../support/servers.ts';
import { callOf } from './barrier-world.ts';
import { mysql2World } from './worlds-by-driver.ts';

await describeOwn('mysql', 'a lock timeout that ends the SQL transaction', (start) => {
  test('is the server’s doing: the work is run again, and its branch needs no operator', async () => {
    const server = await start({ flags: ['--innodb-rollback-on-timeout=ON'] });
    const world = await mysql2World(await createDatabase({ url: server.url }));
    await world.barrier.createTable();
    const call = callOf('try');
    const lock = "SELECT name FROM account WHERE name = 'ann' FOR UPDATE";
    const [free, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const holding = world.inSqlTx(async (other) => {
      await world.unseen(other, lock);
      held.resolve();
      await free.promise;
    });
    await held.promise;
    let runCount = 0;
    const done = await world.barrier.run(call, async (sqlTx) => {
      runCount += 1;
      await world.unseen(sqlTx, 'SET innodb_lock_wait_timeout = 1');
      await world.write(sqlTx, { call, cents: 1, accounts: ['bob', 'cyd'] });
      await (world.unseen(sqlTx, lock) as Promise<unknown>).finally(() => free.resolve());
    });
    await holding;
    expect([done.outcome, runCount > 1]).toEqual(['done', true]);
    expect(await world.query('SELECT op FROM effect')).toEqual([{ op: 'try' }]);
    await world.close();
    await server.stop();
  });
});
