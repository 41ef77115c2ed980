/** A database that does not keep what it acknowledged: it is noticed, said, and nothing is built on it. */
import { expect, test } from '@jest/globals';
import { createDatabase } from '../../../scripts/servers/database.ts';
import { migrate } from '../../../src/adapters/sql/data-source.ts';
import { durabilityRisks } from '../../../src/adapters/sql/durability.ts';
import { openStore } from '../../../src/adapters/sql/open-store.ts';
import { systemChance } from '../../../src/adapters/system.ts';
import { type ParticipantCall, StoreUnavailable } from '../../../src/application/ports.ts';
import { noWakes, participantsThat, testEngine } from '../../support/engine.ts';
import { otherConnectionIds } from '../../support/database-sessions.ts';
import { describeOn, describeOwn } from '../../support/servers.ts';

await describeOwn('mysql', 'a server that may lose what it acknowledged', (start) => {
  test('is warned of, each risk in a sentence', async () => {
    const server = await start({ flags: ['--innodb-flush-log-at-trx-commit=2', '--sync-binlog=0'] });
    const { dataSource, close } = await openStore(await createDatabase(server), 5000);
    expect(await durabilityRisks(dataSource)).toEqual([
      expect.stringMatching(/^innodb_flush_log_at_trx_commit is not 1/),
      expect.stringMatching(/^sync_binlog is not 1/),
    ]);
    await close();
    await server.stop();
  });
});

describeOn(['mysql', 'mariadb'], 'a database that lost acknowledged commits', (server) => {
  test('is built on no more: nothing is written, nothing is called, and it is said', async () => {
    const sql = await openStore(await server.createDatabase(), 5000);
    await migrate(sql.dataSource);
    expect(await durabilityRisks(sql.dataSource)).toEqual([]);
    await sql.registry.put({ name: 'stock', baseUrls: ['http://stock'], paths: {}, callTimeoutMs: null });
    const calls: ParticipantCall[] = [];
    const errors: string[] = [];
    const { coordinator, checkReady, hasLostCommits, stop } = testEngine({
      store: sql.store,
      writer: sql.writer,
      registry: sql.registry,
      time: sql.time,
      chance: systemChance,
      log: { error: (what) => errors.push(what) },
      wakes: noWakes,
      participants: participantsThat(() => 200, calls),
    });
    const begin = async () => {
      const outcome = await coordinator.begin({}, null);
      if (!outcome.accepted) throw new Error(outcome.code);
      return outcome.saved.tx.gid;
    };
    const branch = { branchId: 'b', participant: 'stock', activity: 'reserve' };
    const kept = await begin();
    await coordinator.registerBranch(kept, branch);
    const lost = await begin();
    expect(await checkReady()).toBe('ready');
    expect(hasLostCommits()).toBe(false);

    // What a failover to a replica that was behind looks like from here: another connection, and the last rows gone.
    for (const table of ['journal', 'global_transaction'])
      await sql.dataSource.query(`DELETE FROM ${table} WHERE gid = ?`, [lost]);
    for (const id of await otherConnectionIds(sql.dataSource))
      await sql.dataSource.query(`KILL ${id}`).catch(() => {});

    await expect(coordinator.confirm(kept)).rejects.toBeInstanceOf(StoreUnavailable);
    await expect(coordinator.begin({}, null)).rejects.toBeInstanceOf(StoreUnavailable);
    await expect(checkReady()).rejects.toThrow(/lost acknowledged commits/);
    expect(hasLostCommits()).toBe(true);
    expect(errors.filter((what) => what.startsWith('the database lost acknowledged commits'))).toHaveLength(
      1,
    );
    expect(calls).toEqual([]);
    await stop();
    await sql.close();
  });
});
