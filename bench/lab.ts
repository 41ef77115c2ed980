/** What every target of a run shares, started: what is closed later is left with `opened`. */
import { benchProgram, type Child, type Program, startChild } from './child.ts';
import type { DatabaseServer } from './database.ts';
import { openMysql } from './mysql-database.ts';
import type { Options } from './options.ts';
import { type BenchRedis, openRedis } from './redis.ts';
import { openSqlite } from './sqlite-database.ts';

export type Lab = {
  /** The servers, in words. */
  readonly title: string;
  readonly databaseServer: DatabaseServer;
  /** Null when coordinators wake their transactions alone. */
  readonly redis: BenchRedis | null;
  readonly participants: Child;
  readonly participantPorts: { readonly stock: number; readonly money: number };
  readonly load: Child;
  /** One more process, which ends with the run. */
  start(program: Program): Child;
};

export async function openLab(options: Options, opened: AsyncDisposableStack): Promise<Lab> {
  const start = (program: Program): Child => {
    const child = startChild(program);
    opened.defer(() => child.stop());
    return child;
  };
  const databaseServer = await (options.database === 'sqlite'
    ? openSqlite(opened)
    : openMysql(options, opened));
  const redis = options.redis ? await openRedis(opened) : null;
  const participants = start(benchProgram('the participants', 'bench/participants.ts'));
  const [stock, money] = (await participants.receive<{ ports: [number, number] }>()).ports;
  const load = start(benchProgram('the load', 'bench/load.ts'));
  return {
    title: [databaseServer, redis].flatMap((server) => server?.title ?? []).join(', '),
    databaseServer,
    redis,
    participants,
    participantPorts: { stock, money },
    load,
    start,
  };
}
