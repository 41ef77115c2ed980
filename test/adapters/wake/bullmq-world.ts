/** Queues on a real Redis for the tests of BullmqWakeQueue: each with what it woke, fell back to, logged and told. */
import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { systemTime } from '../../../src/adapters/system.ts';
import { BullmqWakeQueue } from '../../../src/adapters/wake/bullmq.ts';
import { InProcessWakeQueue } from '../../../src/adapters/wake/in-process.ts';
import type { WakeQueue } from '../../../src/application/ports.ts';
import { until } from './until.ts';

export type Opened = {
  readonly wakes: BullmqWakeQueue;
  /** In the order of waking, by the queue and by the fallback. */
  readonly woken: string[];
  /** Armed with the fallback. */
  readonly fallen: string[];
  readonly logged: string[];
  readonly states: boolean[];
};

export type Opening = {
  readonly redisUrl: string;
  readonly redisCa?: string | null;
  readonly prefix?: string;
  readonly databaseId?: string;
  readonly onWake?: (gid: string) => void;
};

export class BullmqWorld {
  readonly #open: { close(): Promise<unknown> }[] = [];

  /** Not waited for: it may never become whole. */
  open({
    redisUrl,
    redisCa = null,
    prefix = randomPrefix(),
    databaseId = 'of-the-tests',
    onWake: also,
  }: Opening): Opened {
    const [woken, fallen, logged]: [string[], string[], string[]] = [[], [], []];
    const states: boolean[] = [];
    const onWake = (gid: string) => {
      woken.push(gid);
      also?.(gid);
    };
    const inProcess = new InProcessWakeQueue({ time: systemTime, onWake });
    const fallback: WakeQueue = {
      isUp: true,
      close: () => inProcess.close(),
      wakeAt(gid, seq, when, reason) {
        fallen.push(gid);
        inProcess.wakeAt(gid, seq, when, reason);
      },
    };
    const wakes = new BullmqWakeQueue({
      redisUrl,
      redisCa,
      prefix,
      databaseId,
      time: systemTime,
      fallback,
      onWake,
      log: { error: (what, error) => logged.push(`${what}: ${JSON.stringify(error)} ${error}`) },
      onState: (isUp) => states.push(isUp),
    });
    this.#open.push(wakes);
    return { wakes, woken, fallen, logged, states };
  }

  async openWhole(opening: Opening): Promise<Opened> {
    const opened = this.open(opening);
    await until(() => opened.wakes.isUp);
    return opened;
  }

  /** A client of the test's own. */
  client(url: string): Redis {
    // A connection that is closed already is waited for so long.
    const client = new Redis(url, { maxRetriesPerRequest: null, disconnectTimeout: 100 });
    client.on('error', () => {});
    this.#open.push({ close: async () => client.disconnect() });
    return client;
  }

  async close(): Promise<void> {
    await Promise.all(this.#open.splice(0).map((opened) => opened.close()));
  }
}

export const randomPrefix = (): string => `test-${randomUUID()}`;

/** Arms one wake that is due at once and waits until it has come; tells whether it came by Redis. */
export async function wakesByRedis({ wakes, woken, fallen }: Opened): Promise<boolean> {
  const gid = randomUUID();
  wakes.wakeAt(gid, 1, Date.now(), 'call');
  await until(() => woken.includes(gid));
  return !fallen.includes(gid);
}
