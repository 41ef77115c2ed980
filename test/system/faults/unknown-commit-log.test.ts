/**
 * What a coordinator logs of a commit whose fate is unknown: never the rows that it was to write. The error of a driver
 * carries the complete statement, and its message may carry values.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Connection } from 'mysql2/promise';
import { migrate, openConnection, openDataSource } from '../../../src/adapters/sql/data-source.ts';
import { CoordinatorProcess } from '../../support/coordinator-process.ts';
import { expectNoMarks, MARKS } from '../../support/marks.ts';
import { describeOn } from '../../support/servers.ts';
import { saying, startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts';
import { until } from '../../support/until.ts';

/** It is base64 after its prefix, so that the mark stands in it as it is. */
const SECRET = `whsec_${MARKS.secret.padEnd(40, 'x')}`;

/** A bug of ours, so to speak: an error that nothing catches. Its file name is its text, so the marks are not in one piece. */
const bug = `process.on('SIGUSR2', () => {
  const [key, sql] = ${JSON.stringify([MARKS.businessKey, MARKS.payload].map((mark) => [...mark]))}.map((all) => all.join(''));
  throw Object.assign(new Error("no such row: '" + key + "'"), { code: 'E_BUG', sql });
})`;
const THROWS_AT_SIGNAL = `--import=data:text/javascript,${encodeURIComponent(bug).replaceAll("'", '%27')}`;

describeOn(['mysql', 'mariadb'], 'a coordinator whose commits are refused', (server) => {
  let proxy: TcpProxy;
  let direct: Connection;
  let coordinator: CoordinatorProcess;
  let participant: Server;

  beforeAll(async () => {
    participant = createServer((request, response) => {
      request.resume();
      response.writeHead(200).end();
    });
    await new Promise<void>((resolve) => participant.listen(0, '127.0.0.1', resolve));
    const databaseUrl = await server.createDatabase();
    const dataSource = await openDataSource(databaseUrl);
    await migrate(dataSource);
    await dataSource.destroy();
    direct = await openConnection(databaseUrl, {});
    const url = new URL(databaseUrl);
    proxy = await startTcpProxy({ targetPort: Number(url.port) });
    url.port = String(proxy.port);
    coordinator = new CoordinatorProcess({
      TERCET_PORT: '0',
      TERCET_DATABASE_URL: url.href,
      TERCET_COMMIT_TIMEOUT_MS: '1000',
      TERCET_LOG_LEVEL: 'trace',
      NODE_OPTIONS: THROWS_AT_SIGNAL,
    });
    await coordinator.start();
    const { port } = participant.address() as AddressInfo;
    const registered = await ask('PUT', '/v1/participants/stock', {
      baseUrl: `http://127.0.0.1:${port}`,
      secrets: [SECRET],
    });
    expect([registered.status, registered.ok ? '' : await registered.text()]).toEqual([201, '']);
  });
  afterAll(async () => {
    await coordinator.remove();
    await direct.end();
    await proxy.close();
    await new Promise((resolve) => participant.close(resolve));
  });

  const ask = (method: string, path: string, body: object, headers: Record<string, string> = {}) =>
    fetch(coordinator.url + path, {
      method,
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json', authorization: `Bearer ${MARKS.token}`, ...headers },
    });

  const begin = (branches: readonly object[] = [branch]) =>
    ask(
      'POST',
      '/v1/transactions',
      { businessKey: MARKS.businessKey, branches },
      { 'idempotency-key': MARKS.idempotencyKey + Math.random() },
    );
  const branch = {
    branchId: 'b',
    participant: 'stock',
    activity: 'reserve',
    payload: { card: MARKS.payload },
  };

  const untilPrinted = (words: string) =>
    until(`“${words}” is logged`, () => coordinator.printed.includes(words));

  test('a commit that is unknown for seconds and then refused is logged without its rows', async () => {
    proxy.set({ when: saying('INSERT INTO `journal`'), do: 'cut-before' });
    await direct.query('RENAME TABLE branch TO branch_away');
    const first = begin();
    await untilPrinted('commit outcome unknown for seconds');
    const behind = await begin();
    await direct.query('RENAME TABLE branch_away TO branch');
    expect([(await first).status, behind.status]).toEqual([202, 503]);
    expectNoMarks([coordinator.printed]);
  });

  test('a save that the server refuses for its values is logged without them', async () => {
    await direct.query('ALTER TABLE branch ADD CONSTRAINT small CHECK (LENGTH(payload) < 100)');
    await direct.query('ALTER TABLE global_transaction ADD UNIQUE INDEX odd (business_key)');
    const long = { ...branch, payload: { card: MARKS.payload.repeat(10) } };
    const refused = [await begin([long]), await begin(), await begin()];
    expect(refused.map(({ status }) => status)).toContain(503);
    await direct.query('ALTER TABLE global_transaction DROP INDEX odd');
    await direct.query('ALTER TABLE branch DROP CONSTRAINT small');
    expectNoMarks([coordinator.printed]);
  });

  test('a query with a business key is logged, at any level, without the key', async () => {
    const listed = await fetch(`${coordinator.url}/v1/transactions?businessKey=${MARKS.businessKey}`);
    expect(listed.status).toBe(200);
    await fetch(`${coordinator.url}/v1/nowhere?q=${MARKS.query}`);
    expect(coordinator.printed).toContain('incoming request');
    expectNoMarks([coordinator.printed]);
  });

  test('an error that nothing catches is logged before the coordinator stops, by its safe fields', async () => {
    process.kill(Number(/"pid":(\d+)/.exec(coordinator.printed)?.[1]), 'SIGUSR2');
    await untilPrinted('tercet has stopped');
    expect(coordinator.printed).toContain('unexpected error: tercet stops');
    expect(coordinator.printed).toContain('"code":"E_BUG"');
    expectNoMarks([coordinator.printed]);
  });
});
