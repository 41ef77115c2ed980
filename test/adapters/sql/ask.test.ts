/** Questions to the database under load: they take turns, and one that gives up costs no connection. */
import { expect, test } from '@jest/globals';
import type { Connection } from 'mysql2/promise';
import type { DataSource } from 'typeorm';
import { createDatabase } from '../../../scripts/servers/database.ts';
import { ask, MAX_QUESTIONS } from '../../../src/adapters/sql/ask.ts';
import { openConnection, openDataSource } from '../../../src/adapters/sql/data-source.ts';
import { Overloaded } from '../../../src/application/ports.ts';
import { describeOn, describeOwn } from '../../support/servers.ts';

for (const name of ['mysql', 'mariadb'] as const)
  await describeOwn(name, 'a server that takes no further connection', (start) => {
    test('answers every question by the connections that are open', async () => {
      const server = await start({ flags: ['--max-connections=12'] });
      const url = await createDatabase(server);
      const dataSource = await openDataSource(url);
      const others: Connection[] = [];
      let refusal: { errno?: number } | null = null;
      while (refusal === null)
        await openConnection(url, {}).then(
          (connection) => others.push(connection),
          (error) => (refusal = error),
        );
      expect(refusal).toMatchObject({ errno: 1040 });
      const question = () => ask(dataSource, (manager) => manager.query('SELECT SLEEP(0.02)'));
      const answers = await Promise.all(Array.from({ length: 3 * MAX_QUESTIONS }, question));
      // A session that ended a moment ago may make room for one more.
      expect(answers).toHaveLength(3 * MAX_QUESTIONS);
      for (const connection of others) await connection.end();
      await dataSource.destroy();
      await server.stop();
    });
  });

describeOn(['mysql'], 'questions to the database', (server) => {
  /** Asks so often at once; answers the connections that answered, and how many were turned away. */
  async function askOften(dataSource: DataSource, count: number, seconds: number) {
    const question = () =>
      ask(dataSource, (manager) => manager.query(`SELECT CONNECTION_ID() AS id, SLEEP(${seconds})`));
    const results = await Promise.allSettled(Array.from({ length: count }, question));
    const answered = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value[0].id] : []));
    const refused = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
    for (const reason of refused) expect(reason).toBeInstanceOf(Overloaded);
    const turnedAway = refused.filter(({ message }) => /questions to the database wait$/.test(message));
    return {
      ids: new Set<string>(answered),
      answeredCount: answered.length,
      refusedCount: refused.length,
      turnedAwayCount: turnedAway.length,
    };
  }

  test('take turns on a few connections, and too many of them are turned away', async () => {
    const dataSource = await openDataSource(await server.createDatabase());
    const { ids, answeredCount, turnedAwayCount } = await askOften(dataSource, 2500, 0.005);
    expect(ids.size).toBeLessThanOrEqual(MAX_QUESTIONS);
    expect(turnedAwayCount).toBe(2500 - 2000 - MAX_QUESTIONS);
    // On a slow machine some of those that took turns waited too long.
    expect(answeredCount).toBeGreaterThanOrEqual(MAX_QUESTIONS);
    await dataSource.destroy();
  });

  test('that wait too long give up, and the connections that others use stay whole', async () => {
    const dataSource = await openDataSource(await server.createDatabase());
    // The first are answered after 3 s; the last would have their turn after 6 s at the earliest, and wait for 5 s.
    const { ids, refusedCount, turnedAwayCount } = await askOften(dataSource, 3 * MAX_QUESTIONS, 3);
    expect([ids.size, turnedAwayCount]).toEqual([MAX_QUESTIONS, 0]);
    expect(refusedCount).toBeGreaterThanOrEqual(MAX_QUESTIONS);
    const after = await askOften(dataSource, 10 * MAX_QUESTIONS, 0);
    expect(after.refusedCount).toBe(0);
    expect([...after.ids].filter((id) => !ids.has(id))).toEqual([]);
    await dataSource.destroy();
  });
});
