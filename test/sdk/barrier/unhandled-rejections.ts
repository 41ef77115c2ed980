/**
 * A participant's process that handles what nothing else handles, as one does that logs it, or that ignores it, and works whose
 * parts fail. Prints one line of JSON. Jest has a `process` of its own, which does not receive these events.
 */
import { AsyncResource } from 'node:async_hooks';
import process from 'node:process';
import { setImmediate } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { defineListener } from '@tercet/sdk';
import { freshGid } from './barrier-world.ts';
import { callOf, type BarrierWorld } from './barrier-world.ts';
import { knexSqliteWorld, sayByKnex } from './knex-worlds.ts';
import { libraries } from './libraries.ts';
import { prismaSqliteWorld, sayByPrisma } from './prisma-worlds.ts';
import { speaking } from './speaking.ts';
import { mysql2World, pgWorld, typeormWorld } from './worlds-by-driver.ts';

const WORLDS = {
  mysql2: mysql2World,
  pg: pgWorld,
  typeorm: typeormWorld,
  ...Object.fromEntries(libraries.map(({ name, open }) => [name, open])),
  knexOnSqlite: async () => speaking(await knexSqliteWorld(), sayByKnex),
  prismaOnSqlite: async () => speaking(await prismaSqliteWorld(), sayByPrisma),
};

const { positionals } = parseArgs({ allowPositionals: true });
const [event, driver, url = ''] = positionals;

let handled = 0;
const handle = () => {
  handled += 1;
};
if (event === 'removed') {
  process.on('unhandledRejection', handle);
  process.on('uncaughtException', handle);
} else if (event !== 'none') process.on(String(event), handle);

type Outcome = { readonly failed: string | null; readonly effects: number; readonly again: string };

const open = WORLDS[driver as keyof typeof WORLDS] as (url: string) => Promise<BarrierWorld>;
const world = await open(url);
await world.barrier.createTable();

const say = (sqlTx: unknown, sql: string): Promise<unknown> =>
  (sqlTx as { query(sql: string): Promise<unknown> }).query(sql);
const countOf = async (gid: string) =>
  (await world.query(`SELECT 1 FROM effect WHERE gid = '${gid}'`)).length;
const nameOf = (error: unknown) => (error as Error).name;

/** As a connection that was opened before has it. */
const elsewhere = new AsyncResource('connection');

const PARTS = {
  /** As a driver rejects, where its connection receives the answer. */
  driver: (_sqlTx: unknown) =>
    new Promise<void>((_resolve, reject) => {
      const answered = () => reject(new Error('no such table'));
      void setImmediate().then(() => elsewhere.runInAsyncScope(answered));
    }),
  async statement(sqlTx: unknown) {
    await say(sqlTx, 'INSERT INTO nowhere VALUES (1)');
  },
  async itself(sqlTx: unknown) {
    await say(sqlTx, 'SELECT 1');
    throw new Error('out of stock');
  },
};

async function inside(part: (sqlTx: unknown) => Promise<void>, isPivot: boolean): Promise<Outcome> {
  const call = callOf('action');
  const insert = `INSERT INTO effect VALUES ('${call.gid}', '${call.branchId}', 'action', '')`;
  const work = async (sqlTx: unknown) => {
    void part(sqlTx);
    // The part fails meanwhile. On PostgreSQL a statement then fails, too.
    for (let time = 0; time < 3; time += 1) await say(sqlTx, insert).catch(() => {});
  };
  const failed = await world.barrier.run(call, work, { isPivot }).then(() => null, nameOf);
  const effects = await countOf(call.gid);
  return { failed, effects, again: (await world.barrier.run(call, () => 1)).outcome };
}

const NO_SQL_TX = { query: async () => {} };

async function outside(part: (sqlTx: unknown) => Promise<void>): Promise<Outcome> {
  const call = callOf('action');
  const work = async () => {
    void part(NO_SQL_TX);
    await setImmediate();
  };
  const failed = await world.barrier.outside(call, work).then(() => null, nameOf);
  return { failed, effects: 0, again: (await world.barrier.outside(call, async () => 1)).outcome };
}

async function notified(part: (sqlTx: unknown) => Promise<void>): Promise<number> {
  const gid = freshGid();
  const ended = async () => {
    void part(NO_SQL_TX);
    await setImmediate();
  };
  const listener = defineListener('shop', { ended }, { onError: () => {} });
  const ending = {
    gid,
    pattern: 'tcc',
    name: 'order',
    businessKey: null,
    status: 'confirmed',
    decision: 'confirm',
    reason: 'confirm_requested',
    beganAt: new Date().toISOString(),
    finishedAt: new Date().toISOString(),
  };
  const answer = await listener.handle({
    method: 'POST',
    path: '/ended/notify',
    body: JSON.stringify(ending),
    headers: { 'tcc-transaction-id': gid, 'tcc-op': 'notify' },
  });
  return answer?.status ?? 0;
}

/** A part that has failed when the work returns, and that nothing awaits. */
async function atTheEnd(): Promise<Outcome> {
  const call = callOf('action');
  const insert = `INSERT INTO effect VALUES ('${call.gid}', '${call.branchId}', 'action', '')`;
  const work = async (sqlTx: unknown) => {
    await say(sqlTx, insert);
    void PARTS.statement(sqlTx);
  };
  const failed = await world.barrier.run(call, work).then(() => null, nameOf);
  const effects = await countOf(call.gid);
  return { failed, effects, again: (await world.barrier.run(call, () => 1)).outcome };
}

const outcomes = {
  atTheEnd: await atTheEnd(),
  statement: await inside(PARTS.statement, false),
  statementOfPivot: await inside(PARTS.statement, true),
  itself: await inside(PARTS.itself, false),
  outside: await outside(PARTS.itself),
  listener: await notified(PARTS.itself),
  driver: await inside(PARTS.driver, false),
  driverOutside: await outside(PARTS.driver),
  driverOfListener: await notified(PARTS.driver),
};
if (event === 'removed') {
  process.off('unhandledRejection', handle);
  handled = 0;
  void Promise.reject(new Error('after'));
  await setImmediate();
}
console.log(JSON.stringify({ ...outcomes, handled }));
await world.close();
