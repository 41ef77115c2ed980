/**
 * A coordinator process on MySQL and Redis, each behind a proxy that can cut it off, with participants and steady
 * traffic: orders that are confirmed, refused and cancelled in good order. Whatever else happens is up to the test.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from '../../scripts/servers/free-port.ts';
import { migrate, openDataSource } from '../../src/adapters/sql/data-source.ts';
import { CoordinatorProcess } from '../support/coordinator-process.ts';
import { MARKS } from '../support/marks.ts';
import type { SharedServer } from '../support/servers.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { Participants } from './participants.ts';

const ORDER_INTERVAL_MS = 250;

export class Deployment {
  readonly participants: Participants;
  readonly coordinator: CoordinatorProcess;
  readonly mysql: TcpProxy;
  readonly redis: TcpProxy;
  readonly databaseUrl: string;
  readonly #port: number;
  #traffic: Promise<void> = Promise.resolve();
  #isBusy = false;

  private constructor(given: {
    participants: Participants;
    mysql: TcpProxy;
    redis: TcpProxy;
    databaseUrl: string;
    port: number;
  }) {
    this.participants = given.participants;
    this.mysql = given.mysql;
    this.redis = given.redis;
    this.databaseUrl = given.databaseUrl;
    this.#port = given.port;
    this.coordinator = new CoordinatorProcess({
      TERCET_PORT: String(given.port),
      TERCET_DATABASE_URL: through(given.mysql, given.databaseUrl),
      TERCET_REDIS_URL: `redis://${given.redis.host}:${given.redis.port}`,
      TERCET_REDIS_PREFIX: `monitored-${given.port}`,
      TERCET_ATTENTION_AFTER_MS: '1000',
      TERCET_CALL_TIMEOUT_MS: '3000',
      TERCET_COMMIT_TIMEOUT_MS: '1000',
      TERCET_SWEEP_INTERVAL_MS: '300',
      // Whoever takes the alerts takes them as a participant does.
      TERCET_ALERT_WEBHOOK_URL: given.participants.urlOf('operators'),
      TERCET_ALERT_WEBHOOK_SECRETS: `whsec_${Buffer.alloc(32, MARKS.secret).toString('base64')}`,
      TERCET_RETRY_MAX_DELAY_MS: '500',
      TERCET_CIRCUIT_FAILURE_COUNT: '2',
      TERCET_CIRCUIT_MAX_OPEN_MS: '1000',
    });
  }

  static async start(mysql: SharedServer, redis: SharedServer): Promise<Deployment> {
    const databaseUrl = await mysql.createDatabase();
    const dataSource = await openDataSource(databaseUrl);
    await migrate(dataSource);
    await dataSource.destroy();
    const participants = new Participants();
    await participants.listen();
    const deployment = new Deployment({
      participants,
      mysql: await startTcpProxy({ targetPort: Number(new URL(mysql.url).port) }),
      redis: await startTcpProxy({ targetPort: Number(new URL(redis.url).port) }),
      databaseUrl,
      port: await freePort('127.0.0.1'),
    });
    await deployment.coordinator.start();
    return deployment;
  }

  async stop(): Promise<void> {
    await this.stopTraffic();
    await this.coordinator.remove();
    await Promise.all([this.mysql.close(), this.redis.close(), this.participants.close()]);
  }

  get target(): string {
    return `127.0.0.1:${this.#port}`;
  }

  async ask(method: string, path: string, body?: object): Promise<Record<string, unknown>> {
    const answer = await fetch(this.coordinator.url + path, {
      method,
      headers: { 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    });
    return (await answer.json()) as Record<string, unknown>;
  }

  async register(...names: readonly string[]): Promise<void> {
    for (const name of names)
      await this.ask('PUT', `/v1/participants/${name}`, { baseUrl: this.participants.urlOf(name) });
  }

  /** A declared transaction of one branch for each participant. @returns its gid */
  async begin(participants: readonly string[], settings: object = {}): Promise<string> {
    const branches = participants.map((participant) => ({
      branchId: participant,
      participant,
      activity: 'reserve',
      payload: { card: MARKS.payload },
    }));
    return String((await this.ask('POST', '/v1/transactions', { ...settings, branches })).gid);
  }

  /** Orders of each of these kinds, each interval, whatever becomes of them. */
  startTraffic(kinds: readonly (readonly string[])[]): void {
    this.#isBusy = true;
    this.#traffic = (async () => {
      while (this.#isBusy) {
        for (const participants of kinds) this.begin(participants).catch(() => {});
        await pause(ORDER_INTERVAL_MS);
      }
    })();
  }

  async stopTraffic(): Promise<void> {
    this.#isBusy = false;
    await this.#traffic;
  }
}

function through({ host, port }: TcpProxy, databaseUrl: string): string {
  const url = new URL(databaseUrl);
  url.host = `${host}:${port}`;
  return url.href;
}

/** What is beyond the proxy is gone: no connection is left, and none can be made. */
export async function cutOff(proxy: TcpProxy): Promise<void> {
  await proxy.refuse();
  proxy.cutNow();
}
