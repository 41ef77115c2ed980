/** Questions to the database under load: they take turns, and one that gives up costs no connection. */
import { expect, test } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { ask, MAX_QUESTIONS } from '../../../src/adapters/sql/ask.ts';
import { openDataSource } from '../../../src/adapters/sql/data-source.ts';
import { Overloaded } from '../../../src/application/ports.ts';
import { describeOn } from '../../support/servers.ts';

describeOn(['mysql'], 'questions to the database', (server) => {
  /** Asks so often at once; answers the connections that answered, and how many were turned away. */
  async function askOften(dataSource: DataSource, count: number, seconds: number) {
    const question = () =>
      ask(dataSource, (manager) => manager.query(`SELECT CONNECTION_ID() AS id, SLEEP(${seconds})`));
    const results = await Promise.allSettled(Array.from({ length: count }, question));
    const answered = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value[0].id] : []));
    const refused = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
    for (const reason of refused) expect(reason).toBeInstanceOf(Overloaded);
    return { ids: new Set<string>(answered), answeredCount: answered.length, refusedCount: refused.length };
  }

  test('take turns on a few connections, and too many of them are turned away', async () => {
    const dataSource = await openDataSource(await server.createDatabase());
    const { ids, answeredCount, refusedCount } = await askOften(dataSource, 2500, 0.005);
    expect(ids.size).toBeLessThanOrEqual(MAX_QUESTIONS);
    expect(answeredCount).toBe(2000 + MAX_QUESTIONS);
    expect(refusedCount).toBe(490);
    await dataSource.destroy();
  }, 30_000);

  test('that wait too long give up, and the connections that others use stay whole', async () => {
    const dataSource = await openDataSource(await server.createDatabase());
    const { ids, refusedCount } = await askOften(dataSource, 4 * MAX_QUESTIONS, 2.2);
    expect(refusedCount).toBe(MAX_QUESTIONS);
    const after = await askOften(dataSource, 10 * MAX_QUESTIONS, 0);
    expect(after.refusedCount).toBe(0);
    expect([...after.ids].filter((id) => !ids.has(id))).toEqual([]);
    await dataSource.destroy();
  }, 30_000);
});
