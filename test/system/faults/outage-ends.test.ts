/** An outage ends by itself on two real replicas: parked branches are called soon after their participant is back (I4). */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type * as wire from '@tercet/sdk/wire';
import { migrate, openDataSource } from '../../../src/adapters/sql/data-source.ts';
import { CoordinatorProcess } from '../../support/coordinator-process.ts';
import { describeOn } from '../../support/servers.ts';
import { until } from '../../support/until.ts';

/** A branch is parked within seconds; then it is called about hourly, unless its participant recovers. */
const SETTINGS = {
  TERCET_PORT: '0',
  TERCET_RETRY_FIRST_DELAY_MS: '50',
  TERCET_RETRY_MAX_DELAY_MS: '200',
  TERCET_RETRY_BUDGET_MS: '200',
  TERCET_CIRCUIT_FAILURE_COUNT: '10000',
};

describeOn(['mysql'], 'an outage', (server) => {
  let replicas: CoordinatorProcess[] = [];
  let shop: Server;
  let mail: Server;
  let mailPort: number;
  const delivered = new Set<string>();

  beforeEach(async () => {
    delivered.clear();
    shop = createServer((request, response) => request.resume().on('end', () => response.end()));
    mail = createServer((request, response) => {
      delivered.add(String(request.headers['tcc-transaction-id']));
      request.resume().on('end', () => response.end());
    });
    await listen(shop, 0);
    await listen(mail, 0);
    mailPort = portOf(mail);
    const databaseUrl = await server.createDatabase();
    const dataSource = await openDataSource(databaseUrl);
    await migrate(dataSource);
    await dataSource.destroy();
    replicas = [0, 1].map(() => new CoordinatorProcess({ ...SETTINGS, TERCET_DATABASE_URL: databaseUrl }));
    for (const replica of replicas) await replica.start();
    await ask('PUT', '/v1/participants/shop', { baseUrl: `http://127.0.0.1:${portOf(shop)}` });
    await ask('PUT', '/v1/participants/mail', { baseUrl: `http://127.0.0.1:${mailPort}` });
    await close(mail);
  });
  afterEach(async () => {
    for (const replica of replicas) await replica.remove();
    await close(shop);
    await close(mail);
  });

  async function ask<Answer>(method: string, path: string, body?: object, replica = 0): Promise<Answer> {
    const response = await fetch(`${replicas[replica]?.url}${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as Answer;
  }
  const viewOf = (gid: string) => ask<wire.TransactionView>('GET', `/v1/transactions/${gid}`);

  /** Its mail stands behind the pivot. */
  const saga = {
    pattern: 'saga',
    branches: [
      { branchId: 'pay', participant: 'shop', activity: 'pay', isPivot: true },
      { branchId: 'mail', participant: 'mail', activity: 'send', dependsOn: ['pay'] },
    ],
  };
  /** The tries are the initiator's, so they came before the outage. */
  async function confirmedTcc(replica: number): Promise<string> {
    const { gid } = await ask<wire.TransactionView>('POST', '/v1/transactions', {}, replica);
    for (const [branchId, participant] of [
      ['stock', 'shop'],
      ['mail', 'mail'],
    ])
      await ask(
        'POST',
        `/v1/transactions/${gid}/branches`,
        { branchId, participant, activity: 'send' },
        replica,
      );
    await ask('POST', `/v1/transactions/${gid}/confirm`, {}, replica);
    return gid;
  }

  async function parkAll(): Promise<string[]> {
    const gids: string[] = [];
    for (const replica of [0, 1, 0, 1]) {
      gids.push(await confirmedTcc(replica));
      gids.push((await ask<wire.TransactionView>('POST', '/v1/transactions', saga, replica)).gid);
    }
    await until('all are parked', async () =>
      (await Promise.all(gids.map(viewOf))).every(({ isParked }) => isParked),
    );
    return gids;
  }

  async function expectEnds(gids: readonly string[]): Promise<void> {
    await listen(mail, mailPort);
    await until('all have ended', async () =>
      (await Promise.all(gids.map(viewOf))).every(({ status }) => status === 'confirmed'),
    );
    expect(delivered).toEqual(new Set(gids));
  }

  test('ends with the return of the participant, for tcc and saga, whichever replica carried them', async () => {
    await expectEnds(await parkAll());
  });

  test('ends so though both replicas were killed during it', async () => {
    const gids = await parkAll();
    for (const replica of replicas) await replica.kill();
    for (const replica of replicas) await replica.start();
    await expectEnds(gids);
  });
});

const listen = (server: Server, port: number) =>
  new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
const portOf = (server: Server) => (server.address() as AddressInfo).port;

async function close(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}
