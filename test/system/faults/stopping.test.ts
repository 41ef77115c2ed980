/** How a coordinator starts and stops as a process: while a participant hangs, behind a load balancer, before its database. */
import { Agent, createServer, get, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer } from 'node:net';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { migrate, openDataSource } from '../../../src/adapters/sql/data-source.ts';
import { CoordinatorProcess } from '../../support/coordinator-process.ts';
import { MARKS } from '../../support/marks.ts';
import { describeOn } from '../../support/servers.ts';
import { until } from '../../support/until.ts';

/** Far longer than the test may take: a coordinator that waited for its call would not end in time. */
const CALL_TIMEOUT_MS = 3_600_000;
/** Bounds a hang. */
const LIMIT_MS = 600_000;

describeOn(['mysql'], 'a coordinator that is told to stop', (server) => {
  let participant: Server;
  /** By transaction, the last call of it that is held. */
  const held = new Map<string, ServerResponse>();
  let isHolding = true;
  const replicas: CoordinatorProcess[] = [];
  let settings: Record<string, string>;

  beforeAll(async () => {
    participant = createServer((request, response) => {
      request.resume();
      if (isHolding) held.set(String(request.headers['tcc-transaction-id']), response);
      else response.end();
    });
    await new Promise<void>((resolve) => participant.listen(0, '127.0.0.1', resolve));
    const databaseUrl = await server.createDatabase();
    const dataSource = await openDataSource(databaseUrl);
    await migrate(dataSource);
    await dataSource.destroy();
    settings = {
      TERCET_PORT: '0',
      TERCET_DATABASE_URL: databaseUrl,
      TERCET_SHUTDOWN_TIMEOUT_MS: '5000',
      TERCET_COMMIT_TIMEOUT_MS: '1000',
      TERCET_SWEEP_INTERVAL_MS: '200',
    };
  });
  afterAll(async () => {
    for (const replica of replicas) await replica.remove();
    participant.closeAllConnections();
    await new Promise((resolve) => participant.close(resolve));
  });

  async function startReplica(more: Record<string, string>): Promise<CoordinatorProcess> {
    const replica = new CoordinatorProcess({ ...settings, ...more });
    replicas.push(replica);
    await replica.start();
    return replica;
  }

  const ask = (replica: CoordinatorProcess, method: string, path: string, body?: object, headers = {}) =>
    fetch(replica.url + path, {
      method,
      headers: { 'content-type': 'application/json', ...headers },
      ...(body && { body: JSON.stringify(body) }),
    });

  test(
    'answers those who wait, ends by its deadline whatever hangs, and another one carries on',
    async () => {
      const stopping = await startReplica({ TERCET_MAX_CALL_TIMEOUT_MS: String(CALL_TIMEOUT_MS) });
      const { port } = participant.address() as AddressInfo;
      await ask(stopping, 'PUT', '/v1/participants/stock', { baseUrl: `http://127.0.0.1:${port}` });
      const branches = [
        { branchId: 'b', participant: 'stock', activity: 'reserve', payload: { card: MARKS.payload } },
      ];
      const begin = { branches, timeoutMs: 600_000, callTimeoutMs: 1000 };
      const waiting = ask(
        stopping,
        'POST',
        '/v1/transactions',
        { ...begin, callTimeoutMs: CALL_TIMEOUT_MS },
        { prefer: 'wait=60' },
      );
      const brief = await ask(stopping, 'POST', '/v1/transactions', begin);
      const { gid } = (await brief.json()) as { gid: string };
      await until('both are called', () => held.size === 2);

      const exit = await stopping.end('SIGTERM');
      const answer = await waiting;
      expect(answer.status).toBe(202);
      expect(await answer.json()).toMatchObject({ status: 'trying' });
      expect(exit.signal).toBeNull();

      isHolding = false;
      const other = await startReplica({});
      await until('the other one has carried on', async () => {
        const view = (await (await ask(other, 'GET', `/v1/transactions/${gid}`)).json()) as {
          status: string;
        };
        return view.status === 'confirmed';
      });
    },
    LIMIT_MS,
  );

  test(
    'drains first: not ready, but open and new connections are served until it stops',
    async () => {
      const settled = await startReplica({ TERCET_DRAIN_MS: '1000' });
      expect((await settled.end('SIGTERM')).code).toBe(0);
      expect(settled.printed).toContain('tercet has stopped');

      // As long as no test takes: what is seen below is seen while it drains.
      const draining = await startReplica({
        TERCET_DRAIN_MS: String(2 ** 31 - 1),
        TERCET_SHUTDOWN_TIMEOUT_MS: String(2 ** 31 - 1),
      });
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      const open = (path: string) =>
        new Promise<IncomingMessage>((resolve, reject) => {
          get(draining.url + path, { agent }, (answer) => {
            answer.resume().on('end', () => resolve(answer));
          }).on('error', reject);
        });
      expect((await open('/readyz')).statusCode).toBe(200);
      void draining.end('SIGTERM');
      await until('the probe fails', async () => (await ask(draining, 'GET', '/readyz')).status === 503);
      const onOpenConnection = await open('/v1/transactions');
      agent.destroy();
      expect(onOpenConnection.statusCode).toBe(200);
      expect(onOpenConnection.headers.connection).toBe('close');
      expect((await ask(draining, 'GET', '/v1/transactions')).status).toBe(200);
      await draining.kill();
    },
    LIMIT_MS,
  );

  test(
    'is not started by a database that is not there yet, and starts once it is',
    async () => {
      const { hostname, port, pathname, username, password } = new URL(settings.TERCET_DATABASE_URL ?? '');
      const place = createTcpServer();
      const freePort = await new Promise<number>((resolve) => {
        place.listen(0, '127.0.0.1', () => resolve((place.address() as AddressInfo).port));
      });
      await new Promise((resolve) => place.close(resolve));
      const replica = new CoordinatorProcess({
        ...settings,
        TERCET_DATABASE_URL: `mysql://${username}:${password}@127.0.0.1:${freePort}${pathname}`,
        TERCET_DATABASE_WAIT_MS: '600000',
      });
      replicas.push(replica);
      const started = replica.start();
      await until('it waits', () => replica.printed.includes('the database cannot be reached yet'));
      const late = createTcpServer((socket) => {
        const server = connect(Number(port), hostname);
        socket.pipe(server).pipe(socket);
        const cut = () => {
          socket.destroy();
          server.destroy();
        };
        for (const side of [socket, server]) side.on('error', cut);
      });
      await new Promise<void>((resolve) => late.listen(freePort, '127.0.0.1', resolve));
      await started;
      expect((await ask(replica, 'GET', '/readyz')).status).toBe(200);
      await replica.kill();
      await new Promise((resolve) => late.close(resolve));
    },
    LIMIT_MS,
  );
});
