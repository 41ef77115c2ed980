/**
 * The alert webhook of real processes. If the replica that began a transaction is killed, the other one posts its alert, once,
 * in a post that the receiver can verify. While the receiver is down, nothing else suffers.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { migrate, openDataSource } from '../../../src/adapters/sql/data-source.ts';
import { CoordinatorProcess } from '../../support/coordinator-process.ts';
import { AlertReceiver } from '../../support/alert-receiver.ts';
import { describeOn } from '../../support/servers.ts';
import { until } from '../../support/until.ts';

type Answer = {
  readonly gid?: string;
  readonly isParked?: boolean;
  readonly status?: string;
  readonly transactions?: readonly object[];
};

/** Bounds a hang. */
const LIMIT_MS = 600_000;
const URL_TOKEN = 'T0KENinTHEpath';

describeOn(['mysql'], 'a coordinator with an alert webhook', (server) => {
  let participant: Server;
  let receiver: AlertReceiver;
  let isRefusingConfirms = true;
  const replicas: CoordinatorProcess[] = [];
  let settings: Record<string, string>;

  beforeAll(async () => {
    participant = createServer((request, response) => {
      request.resume();
      response.writeHead(isRefusingConfirms && request.url?.endsWith('/confirm') ? 500 : 200).end();
    });
    await new Promise<void>((resolve) => participant.listen(0, '127.0.0.1', resolve));
    receiver = await AlertReceiver.start();
    const databaseUrl = await server.createDatabase();
    const dataSource = await openDataSource(databaseUrl);
    await migrate(dataSource);
    await dataSource.destroy();
    settings = {
      TERCET_PORT: '0',
      TERCET_DATABASE_URL: databaseUrl,
      TERCET_SWEEP_INTERVAL_MS: '100',
      TERCET_CALL_TIMEOUT_MS: '2000',
      TERCET_COMMIT_TIMEOUT_MS: '1000',
      TERCET_RETRY_BUDGET_MS: '1',
      TERCET_RETRY_FIRST_DELAY_MS: '1',
      TERCET_RETRY_MAX_DELAY_MS: '1',
      TERCET_ATTENTION_AFTER_MS: '50',
      TERCET_ALERT_WEBHOOK_SECRETS: receiver.secret,
      TERCET_ALERT_WEBHOOK_URL: `${receiver.url}/hooks/${URL_TOKEN}`,
    };
  });
  afterAll(async () => {
    for (const replica of replicas) await replica.remove();
    await receiver.close();
    participant.closeAllConnections();
    await new Promise((resolve) => participant.close(resolve));
  });

  async function startReplica(): Promise<CoordinatorProcess> {
    const replica = new CoordinatorProcess(settings);
    replicas.push(replica);
    await replica.start();
    return replica;
  }

  const send = async (replica: CoordinatorProcess, method: string, path: string, body?: object) => {
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(replica.url + path, {
      method,
      ...(body && { headers, body: JSON.stringify(body) }),
    });
    return (await answer.json()) as Answer;
  };
  const post = (replica: CoordinatorProcess, outcome: string) => async () => {
    const text = await (await fetch(`${replica.url}/metrics`)).text();
    return new RegExp(`^tercet_alert_posts_total\\{outcome="${outcome}"\\} [1-9]`, 'm').test(text);
  };

  test(
    'posts the alert of a transaction whose replica was killed, until the receiver accepts it, and once',
    async () => {
      receiver.status = 503;
      const first = await startReplica();
      const { port } = participant.address() as AddressInfo;
      await send(first, 'PUT', '/v1/participants/bank', { baseUrl: `http://127.0.0.1:${port}` });
      const branches = [{ branchId: 'money', participant: 'bank', activity: 'hold', payload: {} }];
      const { gid } = await send(first, 'POST', '/v1/transactions', { branches });
      const read = (replica: CoordinatorProcess) => send(replica, 'GET', `/v1/transactions/${gid}`);
      await until('its branch is parked', async () => (await read(first)).isParked === true);
      await until('a post has failed', post(first, 'failed'));
      await first.kill();

      const second = await startReplica();
      receiver.status = 200;
      await until('a post is accepted', post(second, 'accepted'));
      expect(receiver.posts.map(({ fault }) => fault)).toEqual(receiver.posts.map(() => null));
      expect(new Set(receiver.posts.map(({ id }) => id)).size).toBe(1);
      // Earlier ones may have been posted before the branch was parked.
      const alert = receiver.alerts().at(-1);
      expect(alert).toMatchObject({ cause: 'needs_attention', gid, status: 'confirming' });
      expect(alert?.explanation).toContain('waiting for bank to recover or for an operator to fix it');
      expect((await send(second, 'GET', '/v1/transactions?needsAttention=true')).transactions).toMatchObject([
        { gid, needsAttention: true, waitingSince: alert?.waitingSince },
      ]);

      isRefusingConfirms = false;
      await send(second, 'POST', '/v1/participants/bank/retry');
      await until('it is confirmed', async () => (await read(second)).status === 'confirmed');
      expect(receiver.alerts().filter((each) => each.gid !== gid)).toEqual([]);
      for (const replica of replicas) expect(replica.printed).not.toContain(URL_TOKEN);
    },
    LIMIT_MS,
  );
});
