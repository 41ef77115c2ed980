/** The Redis that wakes transactions, and how many commands it was asked: one in which all goes well asks none. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { obtainServer } from '../scripts/servers/obtain.ts';
import { startServer } from '../scripts/servers/run.ts';

export type BenchRedis = {
  readonly title: string;
  /** The URL of a database of its own for a coordinator. */
  createDatabase(): string;
  /** Learns what the coordinators' workers ask while nothing is under way; to be awaited before anything is. */
  learnIdle(): Promise<void>;
  /** Commands from some beginning on, without those of idle workers; differences tell. */
  commandCount(): Promise<number>;
};

const LEARN_MS = 3000;

export async function openRedis(opened: AsyncDisposableStack): Promise<BenchRedis> {
  const server = await startServer(await obtainServer('redis', { own: true }));
  opened.defer(() => server.stop());
  const client = new Redis(server.url);
  client.on('error', () => {});
  opened.defer(() => client.disconnect());
  let databaseCount = 0;
  let idlePerMs = 0;
  let askedCount = 0;
  const startedAt = performance.now();
  /** Each look is a command, too. */
  const processed = async (): Promise<number> => {
    const stats = await client.info('stats');
    askedCount += 1;
    return Number(/total_commands_processed:(\d+)/.exec(stats)?.[1]) - askedCount;
  };
  return {
    title: `Redis ${server.version}`,
    createDatabase() {
      databaseCount += 1;
      return new URL(`/${databaseCount}`, server.url).href;
    },
    async learnIdle() {
      const before = await processed();
      await sleep(LEARN_MS);
      idlePerMs = ((await processed()) - before) / LEARN_MS;
    },
    commandCount: async () => (await processed()) - idlePerMs * (performance.now() - startedAt),
  };
}
