/**
 * Connections that are lost, or whose rollback is not acknowledged:
 *
 * - Nothing of a failed call stands, and the connection is not used again.
 * - Joined work that refuses, and whose undo is not acknowledged, is answered as an error and not as a refusal.
 * - A subscriber or logger of TypeORM that throws around BEGIN, COMMIT or ROLLBACK leaves no open SQL transaction
 *   behind.
 */
import type { EventEmitter } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Refusal } from '@tercet/sdk';
import { typeormBarrier } from '@tercet/sdk/barrier/typeorm';
import { DataSource, type EntitySubscriberInterface } from 'typeorm';
import { describeOn, type SharedServer } from '../../support/servers.ts';
import { raise } from './contract-support.ts';
import { type BarrierWorld, callOf } from './barrier-world.ts';
import { libraries } from './libraries.ts';
import { mysql2World, pgWorld, typeormWorld } from './worlds-by-driver.ts';

type Call = ReturnType<typeof callOf>;

const insert = ({ gid, branchId, op }: Call) =>
  `INSERT INTO effect VALUES ('${gid}', '${branchId}', '${op}', '')`;
const effectsOf = async (world: Pick<BarrierWorld, 'query'>, { gid }: Call) =>
  (await world.query(`SELECT op FROM effect WHERE gid = '${gid}'`)).map(({ op }) => op);
const say = async (sqlTx: unknown, sql: string) =>
  (sqlTx as { query(sql: string): Promise<unknown> }).query(sql);

/** The number in the first column of the first row, however the driver answers. */
const numberIn = (answer: unknown): number => {
  const { rows = answer } = answer as { rows?: unknown };
  const [first] = rows as readonly unknown[];
  const row = Array.isArray(first) ? first[0] : first;
  return Number(Object.values(row as object)[0]);
};

/** Ends the connection of the work by another one, as a network or an operator does. */
const kill = async (world: BarrierWorld, { name }: SharedServer, sqlTx: unknown) => {
  const ask = name === 'postgres' ? 'SELECT pg_backend_pid()' : 'SELECT CONNECTION_ID()';
  const id = numberIn(await say(sqlTx, ask));
  await world.query(name === 'postgres' ? `SELECT pg_terminate_backend(${id})` : `KILL ${id}`);
};

const OPEN: { readonly [driver: string]: (url: string) => Promise<unknown> } = {
  mysql2: mysql2World,
  pg: pgWorld,
  typeorm: typeormWorld,
  ...Object.fromEntries(libraries.map(({ name, open }) => [name, open])),
};

function lostWhileUndoing(server: SharedServer, driver: string): void {
  let world: BarrierWorld;
  beforeAll(async () => {
    world = (await OPEN[driver]?.(await server.createDatabase())) as BarrierWorld;
    await world.barrier.createTable();
  });
  afterAll(() => world.close());

  test.each([
    ['refuses', () => raise(new Refusal('sold out'))],
    ['fails', () => raise(new Error('after'))],
  ])(`${driver}: a pivot that %s, and loses its connection, is done when it is called again`, async (_how, then) => {
    const call = callOf('action');
    const work = async (sqlTx: unknown) => {
      await say(sqlTx, insert(call));
      await kill(world, server, sqlTx);
      then();
    };
    const losing = world.barrier.run(call, work, { isPivot: true });
    await expect(losing).rejects.not.toBeInstanceOf(Refusal);
    expect(await effectsOf(world, call)).toEqual([]);
    const again = await world.barrier.run(call, (sqlTx) => say(sqlTx, insert(call)).then(() => 'well'), {
      isPivot: true,
    });
    expect(again.outcome).toBe('done');
    expect(await effectsOf(world, call)).toEqual(['action']);
  });

  test(`${driver}: joined work that refuses, and cannot be undone, is no refusal`, async () => {
    const call = callOf('try');
    let seen: unknown;
    const joined = world.inSqlTx(async (sqlTx) => {
      // A client of pg without a listener would end the process.
      if (driver === 'pg') (sqlTx as EventEmitter).on('error', () => {});
      const barrier = world.barrier as unknown as {
        within(on: unknown, call: Call, work: (sqlTx: unknown) => unknown): Promise<unknown>;
      };
      const refusing = barrier.within(sqlTx, call, async (mine) => {
        await say(mine, insert(call));
        await kill(world, server, mine);
        raise(new Refusal('sold out'));
      });
      seen = await refusing.catch((error: unknown) => error);
      throw seen;
    });
    await expect(joined).rejects.toThrow();
    expect(seen).toMatchObject({ message: expect.stringContaining('could not be undone') });
    expect(await effectsOf(world, call)).toEqual([]);
    expect((await world.barrier.run(call, () => 'well')).outcome).toBe('done');
  });
}

describeOn(['mysql', 'mariadb'], 'a connection that is lost', (server) => lostWhileUndoing(server, 'mysql2'));
describeOn(['postgres'], 'a connection that is lost', (server) => lostWhileUndoing(server, 'pg'));
describeOn(['mysql', 'mariadb', 'postgres'], 'a connection that is lost', (server) =>
  lostWhileUndoing(server, 'typeorm'),
);

for (const { name, servers } of libraries)
  describeOn(servers, 'a connection that is lost', (server) => lostWhileUndoing(server, name));

/** What of TypeORM fails for the next time: a subscriber, or the logger that it calls before each statement. */
const AT = ['afterTransactionStart', 'beforeTransactionRollback', 'afterTransactionRollback'] as const;

describeOn(['mysql', 'mariadb', 'postgres'], 'a connection of TypeORM', (server) => {
  let dataSource: DataSource;
  let other: BarrierWorld;
  let failing: string | null = null;
  const failOnce = (at: string) => {
    if (failing !== at) return;
    failing = null;
    throw new Error(`fails at ${at}`);
  };

  beforeAll(async () => {
    const url = await server.createDatabase();
    other = (await typeormWorld(url)) as BarrierWorld;
    await other.barrier.createTable();
    const isPostgres = server.name === 'postgres';
    dataSource = new DataSource({
      type: isPostgres ? 'postgres' : 'mysql',
      url,
      extra: isPostgres ? { max: 1 } : { connectionLimit: 1 },
      logging: true,
      logger: {
        logQuery: (sql: string) => failOnce(sql),
        logQueryError: () => {},
        logQuerySlow: () => {},
        logSchemaBuild: () => {},
        logMigration: () => {},
        log: () => {},
      },
    });
    await dataSource.initialize();
    const failing: EntitySubscriberInterface = {
      ...Object.fromEntries([...AT, 'afterTransactionCommit'].map((at) => [at, () => failOnce(at)])),
    };
    dataSource.subscribers.push(failing);
  });
  afterAll(async () => {
    await dataSource.destroy();
    await other.close();
  });

  /** What the next user of the pool writes is durable, and the next call of the barrier is sound. */
  async function servesWell(): Promise<void> {
    const [plain, call] = [callOf('try'), callOf('try')];
    await dataSource.query(insert(plain));
    expect(await effectsOf(other, plain)).toEqual(['try']);
    const done = await typeormBarrier({ dataSource }).run(call, (sqlTx) => say(sqlTx, insert(call)));
    expect(done.outcome).toBe('done');
    expect(await effectsOf(other, call)).toEqual(['try']);
  }

  describe.each(AT)('where %s throws', (at) => {
    test('takes nothing of a refused call with it', async () => {
      const call = callOf('action');
      failing = at;
      const refusing = typeormBarrier({ dataSource }).run(call, async (sqlTx) => {
        await say(sqlTx, insert(call));
        raise(new Refusal('sold out'));
      });
      await expect(refusing).rejects.toThrow();
      expect(failing).toBeNull();
      await servesWell();
      expect(await effectsOf(other, call)).toEqual([]);
      const undone = await other.barrier.run({ ...call, op: 'compensate' }, () => {});
      expect(undone.outcome).toBe('nothing_to_undo');
    });
  });

  test.each([
    ['after COMMIT', 'afterTransactionCommit'],
    ['as autocommit is restored', 'SET autocommit = @tercet_autocommit'],
  ])('that fails %s does the call once', async (_when, at) => {
    const call = callOf('action');
    failing = at;
    const barrier = typeormBarrier({ dataSource });
    const run = () => barrier.run(call, (sqlTx) => say(sqlTx, insert(call)).then(() => 'well'));
    await run().catch(() => {});
    failing = null;
    await servesWell();
    expect((await run()).outcome).toBe('repeated');
    expect(await effectsOf(other, call)).toEqual(['action']);
  });
});
