/** A coordinator whose database is away for a while: what it logs of that, and that it goes on afterwards. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { migrate, openDataSource } from '../../../src/adapters/sql/data-source.ts';
import { CoordinatorProcess } from '../../support/coordinator-process.ts';
import { describeOn } from '../../support/servers.ts';
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts';
import { until } from '../../support/until.ts';

describeOn(['mysql', 'mariadb'], 'a coordinator whose database is away', (server) => {
  let proxy: TcpProxy;
  let coordinator: CoordinatorProcess;

  beforeAll(async () => {
    const databaseUrl = await server.createDatabase();
    const dataSource = await openDataSource(databaseUrl);
    await migrate(dataSource);
    await dataSource.destroy();
    const url = new URL(databaseUrl);
    proxy = await startTcpProxy({ targetPort: Number(url.port) });
    url.port = String(proxy.port);
    coordinator = new CoordinatorProcess({ TERCET_PORT: '0', TERCET_DATABASE_URL: url.href });
    await coordinator.start();
  });
  afterAll(async () => {
    await coordinator.remove();
    await proxy.close();
  });

  const errorLines = () => coordinator.printed.split('\n').filter((line) => /"level":[56]0/.test(line));
  const ask = (path: string, init?: RequestInit) => fetch(coordinator.url + path, init);
  const begin = () =>
    ask('/v1/transactions', {
      method: 'POST',
      body: '{}',
      headers: { 'content-type': 'application/json' },
    });

  test.each([
    ['refuses connections', () => proxy.refuse().then(() => proxy.cutNow()), () => proxy.accept()],
    ['is silent', async () => proxy.pause(), async () => proxy.resume()],
  ])('and %s logs one line of its errors, and a count when it is back', async (_how, leave, comeBack) => {
    expect((await begin()).status).toBe(201);
    const before = errorLines().length;
    const endings = () => coordinator.printed.split('the database answers again').length;
    const endedBefore = endings();
    await leave();
    // One whose COMMIT is of unknown fate is answered only when that is known.
    const begins: Promise<unknown>[] = [];
    const statuses: number[] = [];
    for (let count = 0; count < 4; count += 1) {
      begins.push(begin(), begin());
      for (const answer of await Promise.all([ask('/readyz'), ask('/v1/transactions')]))
        statuses.push(answer.status);
    }
    expect(new Set(statuses)).toEqual(new Set([503]));
    await comeBack();
    await Promise.all(begins);
    await until('the outage is over', () => endings() > endedBefore);
    await until('it is ready', async () => (await ask('/readyz')).status === 200);
    await until('a begin is accepted', async () => (await begin()).status === 201);
    const lines = errorLines().slice(before);
    expect(lines.filter((line) => line.includes('the database cannot be reached'))).toHaveLength(1);
    // Besides it at most one line of the writer, which says that saves are rejected.
    expect(lines.length).toBeLessThanOrEqual(2);
  });
});
