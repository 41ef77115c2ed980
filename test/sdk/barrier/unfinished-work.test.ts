/**
 * Work that still uses its SQL transaction after it has returned, and work that fails after its SQL transaction has
 * ended:
 *
 * - A statement that comes after the work has returned takes no effect. Work that did not await a statement fails.
 * - Work that fails after it ended its SQL transaction is not repeated: its branch is marked for an operator.
 * - Concurrent statements are sent one after the other. After a conflict those that follow are rejected, and the call
 *   is repeated.
 * - Each driver rejects late use of its own handles: promises, callbacks, query objects, runners, repositories and
 *   subscribers.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Refusal } from '@tercet/sdk';
import { mysql2Barrier } from '@tercet/sdk/barrier/mysql2';
import { typeormBarrier } from '@tercet/sdk/barrier/typeorm';
import { type Connection, createPool, type PoolConnection } from 'mysql2/promise';
import { Client, Query } from 'pg';
import { DataSource, type EntityManager, EntitySchema } from 'typeorm';
import { describeOn } from '../../support/servers.ts';
import { chain, raise, until } from './contract-support.ts';
import { type BarrierWorld, callOf } from './barrier-world.ts';
import { libraries } from './libraries.ts';
import {
  betterSqliteWorld,
  mysql2World,
  nodeSqliteWorld,
  pgWorld,
  typeormWorld,
} from './worlds-by-driver.ts';

type Open = () => BarrierWorld | Promise<BarrierWorld>;
type Call = ReturnType<typeof callOf>;
type Wrap = (sqlTx: unknown) => unknown;

const MODES = [
  ['a step', {}],
  ['a pivot', { isPivot: true }],
] as const;

const ENDED = 'the op has ended: await all that is asked of sqlTx before it returns';
/** Once TypeORM has released the runner, it says so itself. Knex puts the statement before an error. */
const ended = expect.objectContaining({
  message: expect.stringMatching(new RegExp(`${ENDED}$|already released`)),
});
const unfinished = expect.objectContaining({ name: 'UnfinishedWork' });
const refused = () => raise(new Refusal('sold out'));
const failed = () => raise(new Error('after'));
const unrecorded = (op: string) =>
  expect.objectContaining({ name: 'UnrecordedWork', message: expect.stringContaining(`work of its ${op}`) });

/** Of a connection of mysql2 that knows callbacks. */
type Wrapper = { readonly connection: { promise(): unknown } };

/** Taken for a conflict by every driver of a server. */
const conflict = () => Object.assign(new Error('a conflict'), { errno: 1213, code: '40001' });

const insert = ({ gid, branchId, op }: Call) =>
  `INSERT INTO effect VALUES ('${gid}', '${branchId}', '${op}', '')`;
const say = (sqlTx: unknown, sql: string): Promise<unknown> =>
  (sqlTx as { query(sql: string): Promise<unknown> }).query(sql);

function using(open: Open) {
  let world: BarrierWorld;
  beforeAll(async () => {
    world = await open();
    await world.barrier.createTable();
  });
  afterAll(() => world.close());
  return {
    world: () => world,
    effectsOf: async ({ gid }: Call) =>
      (await world.query(`SELECT op FROM effect WHERE gid = '${gid}'`)).map(({ op }) => op),
    again: (call: Call) => world.barrier.run(call, () => 'again'),
  };
}

/**
 * @param seesFailed whether a statement that failed before the work returned is known not to be awaited
 * @param sendsLater whether the library sends a statement some microtasks after it was asked: not awaited, it comes too late
 */
function lateStatements(open: Open, seesFailed = true, sendsLater = false): void {
  const testSent = sendsLater ? test.skip : test;
  const { world, effectsOf, again } = using(open);

  test.each(MODES)('a part of %s that goes on after a refusal takes no effect', async (_mode, options) => {
    const call = callOf('action');
    const gate = Promise.withResolvers<void>();
    let late: Promise<unknown> = Promise.resolve();
    const work = (sqlTx: unknown) => {
      late = gate.promise.then(() => say(sqlTx, insert(call)));
      return Promise.all([late, say(sqlTx, 'SELECT 1').then(refused)]);
    };
    await expect(world().barrier.run(call, work, options)).rejects.toThrow('sold out');
    gate.resolve();
    await expect(late).rejects.toEqual(ended);
    expect(await effectsOf(call)).toEqual([]);
  });

  test('a part of a first run takes no effect in the second', async () => {
    const call = callOf('try');
    const gate = Promise.withResolvers<void>();
    let late: Promise<unknown> | null = null;
    const done = world().barrier.run(call, async (sqlTx) => {
      if (late === null) {
        late = gate.promise.then(() => say(sqlTx, insert(call)));
        await Promise.all([late, say(sqlTx, 'SELECT 1').then(() => raise(conflict()))]);
      }
      gate.resolve();
      await expect(late).rejects.toEqual(ended);
      await say(sqlTx, insert(call));
      return 'second';
    });
    expect((await done).result).toBe('second');
    expect(await effectsOf(call)).toEqual(['try']);
  });

  test.each(
    MODES,
  )('a ROLLBACK that %s asks for after its end fails it, before the commit', async (_mode, options) => {
    const call = callOf('action');
    let late: Promise<unknown> = Promise.resolve();
    const failing = world().barrier.run(
      call,
      async (sqlTx) => {
        await say(sqlTx, insert(call));
        late = say(sqlTx, 'SELECT 1').then(() => say(sqlTx, 'ROLLBACK'));
        late.catch(() => {});
      },
      options,
    );
    await expect(failing).rejects.toEqual(unfinished);
    await expect(late).rejects.toEqual(ended);
    expect(await effectsOf(call)).toEqual([]);
    expect((await again(call)).outcome).toBe('done');
  });

  test.each(MODES)('%s that awaits no part of a forEach is not done in part', async (_mode, options) => {
    const call = callOf('action');
    const parts: Promise<unknown>[] = [];
    const eachPart = async (sqlTx: unknown) => {
      await say(sqlTx, insert(call));
      await say(sqlTx, insert(call));
    };
    const failing = world().barrier.run(
      call,
      (sqlTx) => [1, 2].forEach(() => void parts.push(eachPart(sqlTx).catch(() => {}))),
      options,
    );
    await expect(failing).rejects.toEqual(unfinished);
    await Promise.all(parts);
    expect(await effectsOf(call)).toEqual([]);
    expect((await again(call)).outcome).toBe('done');
  });

  test.each(MODES)('%s that does not await a statement which fails is undone', async (_mode, options) => {
    for (const isFirst of seesFailed ? [false, true] : [false]) {
      const call = callOf('action');
      let lost: Promise<unknown> = Promise.resolve();
      const failing = world().barrier.run(
        call,
        async (sqlTx) => {
          lost = say(sqlTx, 'INSERT INTO nowhere VALUES (1)');
          // It has failed by then.
          if (isFirst) await say(sqlTx, 'SELECT 1').catch(() => {});
          else void say(sqlTx, insert(call)).catch(() => {});
        },
        options,
      );
      await expect(failing).rejects.toThrow();
      await expect(lost).rejects.toThrow('nowhere');
      expect(await effectsOf(call)).toEqual([]);
      expect((await again(call)).outcome).toBe('done');
    }
  });

  testSent.each(MODES)('what a toJSON of the result of %s asks for is part of it', async (_mode, options) => {
    const [done, undone] = [callOf('action'), callOf('action')];
    const asking = (sqlTx: unknown, sql: string) => ({
      toJSON: () => {
        void say(sqlTx, sql).catch(() => {});
        return 1;
      },
    });
    await world().barrier.run(done, (sqlTx) => asking(sqlTx, insert(done)), options);
    expect(await effectsOf(done)).toEqual(['action']);
    const failing = world().barrier.run(
      undone,
      async (sqlTx) => {
        await say(sqlTx, insert(undone));
        return asking(sqlTx, 'INSERT INTO nowhere VALUES (1)');
      },
      options,
    );
    await expect(failing).rejects.toThrow();
    expect(await effectsOf(undone)).toEqual([]);
    expect((await again(undone)).outcome).toBe('done');
  });

  test('a call that is joined and not awaited is not committed in part', async () => {
    const [outer, inner] = [callOf('try'), callOf('try')];
    let joined: Promise<unknown> = Promise.resolve();
    const failing = world().barrier.run(outer, async (sqlTx) => {
      const begun = Promise.withResolvers<void>();
      const work = async () => {
        await say(sqlTx, insert(inner));
        begun.resolve();
        await say(sqlTx, insert(inner));
        await say(sqlTx, insert(inner));
      };
      joined = Promise.resolve(world().within(sqlTx, inner, work)).catch((error: unknown) => error);
      await begun.promise;
    });
    await expect(failing).rejects.toEqual(unfinished);
    expect(await joined).toBeInstanceOf(Error);
    expect([await effectsOf(outer), await effectsOf(inner)]).toEqual([[], []]);
  });

  test('a call that is joined and still at work when the op ends fails the op', async () => {
    const [outer, inner] = [callOf('try'), callOf('try')];
    const gate = Promise.withResolvers<void>();
    let joined: Promise<unknown> = Promise.resolve();
    const failing = world().barrier.run(outer, async (sqlTx) => {
      const begun = Promise.withResolvers<void>();
      const work = async () => {
        await say(sqlTx, insert(inner));
        begun.resolve();
        await gate.promise;
      };
      joined = Promise.resolve(world().within(sqlTx, inner, work)).catch((error: unknown) => error);
      await begun.promise;
    });
    await expect(failing).rejects.toEqual(unfinished);
    gate.resolve();
    expect(await joined).toBeInstanceOf(Error);
    expect(await effectsOf(inner)).toEqual([]);
    for (const call of [outer, inner]) expect((await again(call)).outcome).toBe('done');
  });

  test('a part of joined work that goes on fails the op around it', async () => {
    const [outer, inner] = [callOf('try'), callOf('try')];
    let late: Promise<unknown> = Promise.resolve();
    const failing = world().barrier.run(outer, async (sqlTx) => {
      const gate = Promise.withResolvers<void>();
      const barrier = world().barrier as unknown as {
        within(on: unknown, call: Call, work: (sqlTx: unknown) => unknown): Promise<unknown>;
      };
      await barrier.within(sqlTx, inner, async (mine) => {
        late = gate.promise.then(() => say(mine, insert(inner))).catch((error: unknown) => error);
        await say(mine, insert(inner));
      });
      gate.resolve();
      await late;
    });
    await expect(failing).rejects.toEqual(unfinished);
    expect(await late).toEqual(ended);
    expect([await effectsOf(outer), await effectsOf(inner)]).toEqual([[], []]);
  });

  testSent('what is asked before the end, and not awaited, is part of the SQL transaction', async () => {
    const [done, undone] = [callOf('try'), callOf('try')];
    await world().barrier.run(done, (sqlTx) => void say(sqlTx, insert(done)));
    const refusing = world().barrier.run(undone, (sqlTx) => {
      void say(sqlTx, insert(undone));
      refused();
    });
    await expect(refusing).rejects.toThrow('sold out');
    expect([await effectsOf(done), await effectsOf(undone)]).toEqual([['try'], []]);
  });

  test('joined work that goes on after its end takes no effect', async () => {
    const call = callOf('try');
    const gate = Promise.withResolvers<void>();
    let late: Promise<unknown> = Promise.resolve();
    await world().inSqlTx(async (sqlTx) => {
      const barrier = world().barrier as unknown as {
        within(on: unknown, call: Call, work: (sqlTx: unknown) => unknown): Promise<unknown>;
      };
      const refusing = barrier.within(sqlTx, call, (mine) => {
        late = gate.promise.then(() => say(mine, insert(call)));
        return Promise.all([late, say(mine, 'SELECT 1').then(refused)]);
      });
      await expect(refusing).rejects.toThrow('sold out');
      gate.resolve();
      await expect(late).rejects.toEqual(ended);
    });
    expect(await effectsOf(call)).toEqual([]);
    expect((await again(call)).outcome).toBe('done');
  });
}

/** Rolls back, and commits another SQL transaction, so that the barrier sees nothing of it. */
const straying = (world: BarrierWorld, call: Call, then: () => unknown) => (sqlTx: unknown) =>
  chain(
    ['ROLLBACK', 'BEGIN', insert(call), 'COMMIT'].reduce<unknown>(
      (before, sql) => chain(before, () => world.unseen(sqlTx, sql)),
      undefined,
    ),
    then,
  );

const CRASHES = [
  ['fails', failed],
  ['refuses', refused],
  ['succeeds', () => 'well'],
] as const;

function workAfterItsSqlTx(open: Open): void {
  const { world, effectsOf, again } = using(open);
  const cases = MODES.flatMap(([mode, options]) =>
    CRASHES.map(([how, then]) => [mode, how, options, then] as const),
  );

  test.each(
    cases,
  )('of %s that %s after a rollback and a commit of its own is not done again', async (_mode, how, options, then) => {
    const call = callOf('action');
    const answer = world().barrier.run(call, straying(world(), call, then), options);
    await expect(answer).rejects.toThrow(how === 'fails' ? 'after' : 'has ended under the work');
    await expect(again(call)).rejects.toEqual(unrecorded('action'));
    expect(await effectsOf(call)).toEqual(['action']);
  });

  test.each(CRASHES)('that joined, and %s after a rollback, is not done again', async (how, then) => {
    const call = callOf('try');
    const joined = world().inSqlTx((sqlTx) =>
      world().within(sqlTx, call, () =>
        chain(world().unseen(sqlTx, 'ROLLBACK'), () => chain(world().unseen(sqlTx, insert(call)), then)),
      ),
    );
    // What opened the SQL transaction may fail to roll it back, too.
    await expect(joined).rejects.toThrow(
      how === 'fails' ? /after|no transaction/ : /has ended under the work|no transaction/,
    );
    await expect(again(call)).rejects.toEqual(unrecorded('try'));
    expect(await effectsOf(call)).toEqual(['try']);
  });

  test('that fails in its own SQL transaction is done again', async () => {
    for (const [, options] of MODES) {
      const call = callOf('action');
      const failing = world().barrier.run(
        call,
        (sqlTx) => chain(world().unseen(sqlTx, insert(call)), failed),
        options,
      );
      await expect(failing).rejects.toThrow('after');
      expect(await effectsOf(call)).toEqual([]);
      expect((await again(call)).outcome).toBe('done');
    }
  });
}

/** Where another connection marks the row once the caller has ended what the work began. */
function workAfterItsSqlTxOnServers(open: Open): void {
  const { world, again } = using(open);

  test('that joined, and failed in a SQL transaction of its own, is not done again', async () => {
    const call = callOf('try');
    const joined = world().inSqlTx((sqlTx) =>
      world().within(sqlTx, call, () =>
        chain(straying(world(), call, () => {})(sqlTx), () => chain(world().unseen(sqlTx, 'BEGIN'), failed)),
      ),
    );
    await expect(joined).rejects.toThrow('after');
    const marked = async () =>
      (await world().query(`SELECT pass FROM tercet_barrier WHERE gid = '${call.gid}'`)).length > 0;
    await until(marked);
    await expect(again(call)).rejects.toEqual(unrecorded('try'));
  });
}

/**
 * Statements that others send on a SQL transaction while a call is being passed on it.
 * @param wrappers other objects that ask the same connection
 */
function concurrentStatements(
  open: Open,
  wrappers: readonly (readonly [string, Wrap])[] = [],
  { canPrepare = false, guardsJoined = true } = {},
): void {
  const testJoined = guardsJoined ? test : test.skip;
  const { world, effectsOf, again } = using(open);
  type Joining = { within(on: unknown, call: Call, work: (sqlTx: unknown) => unknown): Promise<unknown> };
  const within = (sqlTx: unknown, call: Call, work: (sqlTx: unknown) => unknown) =>
    (world().barrier as unknown as Joining).within(sqlTx, call, work);
  const OUTSIDE = 'await within before the next statement';

  /** A branch that is refused after some statements, and what others write meanwhile. */
  async function writeConcurrently(
    sqlTx: unknown,
    refusedCall: Call,
    other: Call,
    wrap: Wrap = (given) => given,
    write: () => unknown = () => say(wrap(sqlTx), insert(other)),
  ): Promise<void> {
    const refusing = within(sqlTx, refusedCall, async (mine) => {
      for (let count = 0; count < 3; count += 1) await say(mine, 'SELECT 1');
      refused();
    });
    const writing = (async () => write())();
    await expect(writing).rejects.toThrow(OUTSIDE);
    await expect(refusing).rejects.toThrow('sold out');
    await write();
  }

  testJoined('are rejected in the SQL transaction of its caller, and accepted after it', async () => {
    const [refusedCall, other] = [callOf('try'), callOf('try')];
    await world().inSqlTx((sqlTx) => writeConcurrently(sqlTx, refusedCall, other));
    expect(await effectsOf(other)).toEqual(['try']);
    expect((await again(refusedCall)).outcome).toBe('done');
  });

  for (const [title, wrap] of wrappers) {
    test(`are rejected by ${title}, and accepted after it`, async () => {
      const [refusedCall, other] = [callOf('try'), callOf('try')];
      await world().inSqlTx((sqlTx) => writeConcurrently(sqlTx, refusedCall, other, wrap));
      expect(await effectsOf(other)).toEqual(['try']);
    });

    test(`of another call are rejected by ${title}`, async () => {
      const [refusedCall, other] = [callOf('try'), callOf('try')];
      await world().inSqlTx(async (sqlTx) => {
        const refusing = within(sqlTx, refusedCall, async (mine) => {
          for (let count = 0; count < 9; count += 1) await say(mine, 'SELECT 1');
          refused();
        });
        const writing = within(wrap(sqlTx), other, (mine) => say(mine, insert(other)));
        await expect(writing).rejects.toThrow('another call is being passed on this SQL transaction');
        await expect(refusing).rejects.toThrow('sold out');
      });
      expect(await effectsOf(other)).toEqual([]);
      expect((await again(other)).outcome).toBe('done');
    });
  }

  test('are rejected in the work of another call, and accepted after it', async () => {
    const [outer, refusedCall, other] = [callOf('try'), callOf('try'), callOf('try')];
    const done = await world().barrier.run(outer, (sqlTx) => writeConcurrently(sqlTx, refusedCall, other));
    expect(done.outcome).toBe('done');
    expect(await effectsOf(other)).toEqual(['try']);
  });

  if (canPrepare)
    test('are rejected by a statement that was prepared before, and accepted after it', async () => {
      const [outer, refusedCall, other] = [callOf('try'), callOf('try'), callOf('try')];
      const prepared = async (sqlTx: unknown) => {
        const statement = await (sqlTx as Connection).prepare(insert(other));
        await writeConcurrently(sqlTx, refusedCall, other, undefined, () => statement.execute([]));
      };
      await world().inSqlTx(prepared);
      await world().barrier.run(outer, prepared);
      expect(await effectsOf(other)).toEqual(['try', 'try']);
    });

  test('of the call itself may be concurrent', async () => {
    const call = callOf('try');
    await world().inSqlTx((sqlTx) =>
      within(sqlTx, call, (mine) => Promise.all([say(mine, insert(call)), say(mine, insert(call))])),
    );
    expect(await effectsOf(call)).toEqual(['try', 'try']);
  });
}

/**
 * As the server answers a deadlock: it has rolled back.
 * @param showsConnection whether the library shows the connection, on which autocommit is then off
 */
function deadlocks(open: Open, showsConnection = true): void {
  const testHeld = showsConnection ? test : test.skip;
  const { world, effectsOf, again } = using(open);
  beforeAll(async () => {
    await world().query(
      "CREATE PROCEDURE deadlock() BEGIN ROLLBACK; SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213; END",
    );
    await world().query('CREATE PROCEDURE commit_it() BEGIN COMMIT; END');
    await world().query(
      "CREATE PROCEDURE book_alone(gid varchar(36)) BEGIN ROLLBACK; INSERT INTO effect VALUES (gid, 'money', 'action', ''); COMMIT; END",
    );
  });
  /** Commits what it has inserted. */
  const bookAfter = async (sqlTx: unknown, sql: string) => {
    await Promise.all([say(sqlTx, sql), say(sqlTx, 'CALL commit_it()')]);
  };
  const LOCK = "SELECT name FROM account WHERE name = 'ann' FOR UPDATE";
  const wrapped = (error: unknown) => raise(new Error('wrapped', { cause: error }));
  const forgotten = () => raise(new Error('wrapped'));

  test.each([
    ['wraps', wrapped],
    ['replaces', forgotten],
  ])('work that %s the error of a deadlock is done again', async (_how, then) => {
    for (const [, options] of MODES) {
      const call = callOf('action');
      const failing = world().barrier.run(
        call,
        (sqlTx) => say(sqlTx, insert(call)).then(() => say(sqlTx, 'CALL deadlock()').catch(then)),
        options,
      );
      await expect(failing).rejects.toThrow('wrapped');
      expect((await again(call)).outcome).toBe('done');
    }
  });

  test.each(
    MODES,
  )('what %s asks after a deadlock is rejected, and the call is repeated', async (_mode, options) => {
    for (const asked of [say, bookAfter]) {
      const call = callOf('action');
      const swallowing = world().barrier.run(
        call,
        async (sqlTx) => {
          await say(sqlTx, 'CALL deadlock()').catch(() => {});
          await asked(sqlTx, insert(call)).catch(() => {});
        },
        options,
      );
      await expect(swallowing).rejects.toThrow('has ended under the work');
      expect(await effectsOf(call)).toEqual([]);
      expect((await again(call)).outcome).toBe('done');
    }
  });

  testHeld.each(MODES)(
    '%s that commits unseen, and swallows a deadlock after it, is not answered as done',
    async (_mode, options) => {
      const call = callOf('action');
      const swallowing = world().barrier.run(
        call,
        async (sqlTx) => {
          await bookAfter(sqlTx, insert(call));
          await say(sqlTx, insert({ ...call, branchId: 'undone' }));
          await say(sqlTx, 'CALL deadlock()').catch(() => {});
          return 'well';
        },
        options,
      );
      await expect(swallowing).rejects.toThrow('has ended under the work');
      await expect(again(call)).rejects.toEqual(unrecorded('action'));
      expect(await effectsOf(call)).toEqual(['action']);
    },
  );

  test.each(MODES)('what %s had asked already when the deadlock came is rejected', async (_mode, options) => {
    const call = callOf('action');
    const failing = world().barrier.run(
      call,
      (sqlTx) => Promise.all([say(sqlTx, 'CALL deadlock()'), bookAfter(sqlTx, insert(call))]),
      options,
    );
    await expect(failing).rejects.toMatchObject({ errno: 1213 });
    expect(await effectsOf(call)).toEqual([]);
    expect((await again(call)).outcome).toBe('done');
  });

  testHeld.each(CRASHES)(
    'joined work that swallows a deadlock, and %s, is done again',
    async (_how, then) => {
      const call = callOf('try');
      const joined = world().inSqlTx((sqlTx) =>
        world().within(sqlTx, call, async () => {
          await say(sqlTx, 'CALL deadlock()').catch(() => {});
          await say(sqlTx, insert(call)).catch(() => {});
          return then();
        }),
      );
      await expect(joined).rejects.toThrow();
      expect(await effectsOf(call)).toEqual([]);
      expect((await again(call)).outcome).toBe('done');
    },
  );

  test.each(MODES)('%s goes on after a lock that it asked for in vain', async (_mode, options) => {
    const call = callOf('action');
    await world().inSqlTx(async (other) => {
      await say(other, LOCK);
      const done = await world().barrier.run(
        call,
        async (sqlTx) => {
          await expect(say(sqlTx, `${LOCK} NOWAIT`)).rejects.toThrow();
          await say(sqlTx, insert(call));
          return 'without it';
        },
        options,
      );
      expect(done.result).toBe('without it');
    });
    expect(await effectsOf(call)).toEqual(['action']);
  });

  test.each(
    MODES,
  )('a lock that %s asked for in vain does not hide a rollback and a commit of its own', async (_mode, options) => {
    const call = callOf('action');
    await world().inSqlTx(async (other) => {
      await say(other, LOCK);
      const failing = world().barrier.run(
        call,
        async (sqlTx) => {
          await say(sqlTx, `${LOCK} NOWAIT`).catch(() => {});
          await say(sqlTx, `CALL book_alone('${call.gid}')`);
          failed();
        },
        options,
      );
      await expect(failing).rejects.toThrow('after');
    });
    await expect(again(call)).rejects.toEqual(unrecorded('action'));
    expect(await effectsOf(call)).toEqual(['action']);
  });

  test.each(
    MODES,
  )('a lock that %s waited for in vain does not hide a rollback and a commit of its own', async (_mode, options) => {
    for (const isSwallowed of [false, true]) {
      const call = callOf('action');
      await world().inSqlTx(async (other) => {
        await say(other, LOCK);
        const failing = world().barrier.run(
          call,
          async (sqlTx) => {
            await say(sqlTx, 'SET innodb_lock_wait_timeout = 1');
            await say(sqlTx, `CALL book_alone('${call.gid}')`);
            const waiting = say(sqlTx, LOCK);
            if (!isSwallowed) return waiting;
            await waiting.catch(() => {});
            await say(sqlTx, 'SELECT 1').catch(() => {});
            failed();
          },
          options,
        );
        await expect(failing).rejects.toThrow(isSwallowed ? 'after' : /lock wait timeout/i);
      });
      await expect(again(call)).rejects.toEqual(unrecorded('action'));
      expect(await effectsOf(call)).toEqual(['action']);
    }
  });

  test('work that waited for a lock in vain, and is sound, is done again in the same call', async () => {
    const call = callOf('try');
    const free = Promise.withResolvers<void>();
    const held = Promise.withResolvers<void>();
    const holding = world().inSqlTx(async (other) => {
      await say(other, LOCK);
      held.resolve();
      await free.promise;
    });
    await held.promise;
    let runCount = 0;
    const done = await world().barrier.run(call, async (sqlTx) => {
      runCount += 1;
      await say(sqlTx, 'SET innodb_lock_wait_timeout = 1');
      await say(sqlTx, insert(call));
      await say(sqlTx, LOCK).finally(() => free.resolve());
      return 'well';
    });
    await holding;
    expect([done.result, runCount > 1, await effectsOf(call)]).toEqual(['well', true, ['try']]);
  });

  testHeld('joined work that a deadlock ends is done again', async () => {
    const call = callOf('try');
    const joined = world().inSqlTx((sqlTx) =>
      world().within(sqlTx, call, () => say(sqlTx, insert(call)).then(() => say(sqlTx, 'CALL deadlock()'))),
    );
    await expect(joined).rejects.toMatchObject({ errno: 1213 });
    expect((await again(call)).outcome).toBe('done');
  });
}

describeOn(['mysql', 'mariadb'], 'work after its end, by mysql2,', (server) => {
  lateStatements(async () => mysql2World(await server.createDatabase()));

  describe('on its handle', () => {
    const methods = ['release', 'destroy', 'end', 'reset', 'changeUser'] as const;

    test.each(methods)('is refused %s(), so that its connection serves no one else', async (method) => {
      const pool = createPool({ uri: await server.createDatabase(), connectionLimit: 1 });
      const barrier = mysql2Barrier({ pool });
      await barrier.createTable();
      const call = callOf('try');
      const refusing = barrier.run(call, async (sqlTx) => {
        await (sqlTx as unknown as { [name in typeof method]: (given: object) => unknown })[method]({});
      });
      await expect(refusing).rejects.toThrow(`the work may not call ${method}`);
      await pool.end();
    });

    test('finds all that the connection has, until the end', async () => {
      const pool = createPool({ uri: await server.createDatabase(), connectionLimit: 1 });
      const barrier = mysql2Barrier({ pool });
      await barrier.createTable();
      const plain = await pool.getConnection();
      plain.release();
      let statement: Awaited<ReturnType<PoolConnection['prepare']>> | undefined;
      let kept: unknown;
      const done = await barrier.run(callOf('try'), async (sqlTx) => {
        kept = sqlTx;
        expect(sqlTx).toBeInstanceOf(plain.constructor);
        expect(sqlTx.constructor).toBe(plain.constructor);
        expect(sqlTx.threadId).toBe(plain.threadId);
        expect(sqlTx.query).toBe(sqlTx.query);
        expect(sqlTx.on('drain', () => {})).toBe(sqlTx);
        expect(sqlTx.escape("it's")).toBe("'it\\'s'");
        statement = await sqlTx.prepare('SELECT ? AS n');
        const answers = [
          ...[await sqlTx.query('SELECT ? AS n', [1]), await sqlTx.execute('SELECT ? AS n', ['1'])],
          await statement.execute(['1']),
        ];
        return answers.map(([rows]) => Number((rows as unknown as { n: unknown }[])[0]?.n));
      });
      expect(done.result).toEqual([1, 1, 1]);
      await expect(statement?.execute(['1'])).rejects.toEqual(ended);
      const late = kept as PoolConnection;
      for (const ask of [
        () => late.execute('SELECT 1'),
        () => late.prepare('SELECT 1'),
        () => late.commit(),
        () => late.ping(),
        () => late.end(),
      ])
        await expect(ask()).rejects.toEqual(ended);
      expect(() => late.release()).toThrow(ENDED);
      expect(() => late.destroy()).toThrow(ENDED);
      expect(late.escape('a')).toBe("'a'");
      expect((await pool.query('SELECT 1 AS n'))[0]).toEqual([{ n: 1 }]);
      await pool.end();
    });
  });
});

describeOn(['postgres'], 'work after its end, by pg,', (server) => {
  lateStatements(async () => pgWorld(await server.createDatabase()));

  test.each(['release', 'end'])('is refused %s() on its handle', async (method) => {
    const world = await pgWorld(await server.createDatabase());
    await world.barrier.createTable();
    const refusing = world.barrier.run(callOf('try'), async (sqlTx) => {
      await Reflect.get(sqlTx as object, method).call(sqlTx);
    });
    await expect(refusing).rejects.toThrow(`the work may not call ${method}`);
    await world.close();
  });

  test('finds all that the client has on its handle, until the end', async () => {
    const world = await pgWorld(await server.createDatabase());
    await world.barrier.createTable();
    const queried = (sqlTx: Client, sql: string) =>
      new Promise((resolve, reject) => {
        sqlTx.query(sql, (error: Error | null, answer: { rows: unknown }) =>
          error ? reject(error) : resolve(answer.rows),
        );
      });
    const submitted = (sqlTx: Client, sql: string) =>
      new Promise((resolve, reject) => {
        const query = sqlTx.query(new Query<{ n: number }>(sql));
        query.on('end', ({ rows }: { rows: unknown }) => resolve(rows));
        query.on('error', reject);
      });
    let kept: unknown;
    await world.barrier.run(callOf('try'), async (sqlTx) => {
      kept = sqlTx;
      expect(sqlTx).toBeInstanceOf(Client);
      expect(await queried(sqlTx as Client, 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
      expect(await submitted(sqlTx as Client, 'SELECT 1 AS n')).toBeDefined();
    });
    const late = kept as Client;
    await expect(queried(late, 'SELECT 1')).rejects.toEqual(ended);
    await expect(submitted(late, 'SELECT 1')).rejects.toEqual(ended);
    expect(late.escapeLiteral('a')).toBe("'a'");
    await world.close();
  });
});

describeOn(['mysql', 'mariadb', 'postgres'], 'work after its end, by TypeORM,', (server) => {
  // TypeORM awaits its own statements.
  lateStatements(async () => typeormWorld(await server.createDatabase()), server.name === 'postgres');

  const Thing = new EntitySchema<{ id: number }>({
    name: 'thing',
    columns: { id: { type: 'int', primary: true } },
  });

  async function withThings(
    act: (dataSource: DataSource, barrier: ReturnType<typeof typeormBarrier>) => Promise<void>,
  ): Promise<void> {
    const url = await server.createDatabase();
    const type = server.name === 'postgres' ? 'postgres' : 'mysql';
    const dataSource = new DataSource({ type, url, entities: [Thing], synchronize: true });
    await dataSource.initialize();
    const barrier = typeormBarrier({ dataSource });
    await barrier.createTable();
    await act(dataSource, barrier);
    await dataSource.destroy();
  }

  test('repositories and nested transactions work, and are closed with it', async () => {
    await withThings(async (dataSource, barrier) => {
      const things = dataSource.getRepository(Thing);
      let kept = dataSource.manager;
      await barrier.run(callOf('try'), async (manager) => {
        kept = manager;
        expect(manager.queryRunner?.manager).toBe(manager);
        await manager.getRepository(Thing).save({ id: 1 });
        await manager.transaction((inner) => inner.insert(Thing, { id: 2 }));
        expect(await manager.getRepository(Thing).count()).toBe(2);
      });
      expect(await things.count()).toBe(2);
      await expect(kept.insert(Thing, { id: 3 })).rejects.toThrow();
      expect(await things.count()).toBe(2);
    });
  });

  test('a nested transaction that is left open is undone with a refusal', async () => {
    await withThings(async (dataSource, barrier) => {
      const gate = Promise.withResolvers<void>();
      const open = Promise.withResolvers<void>();
      let late: Promise<unknown> = Promise.resolve();
      const refusing = barrier.run(callOf('try'), async (manager) => {
        await manager.insert(Thing, { id: 1 });
        late = manager.transaction(async () => {
          open.resolve();
          await gate.promise;
        });
        await Promise.all([late, open.promise.then(refused)]);
      });
      await expect(refusing).rejects.toThrow('sold out');
      gate.resolve();
      await expect(late).rejects.toThrow();
      expect(await dataSource.getRepository(Thing).count()).toBe(0);
    });
  });

  test('a nested transaction that is left open fails its op', async () => {
    await withThings(async (dataSource, barrier) => {
      const gate = Promise.withResolvers<void>();
      const open = Promise.withResolvers<void>();
      let late: Promise<unknown> = Promise.resolve();
      const call = callOf('try');
      const failing = barrier.run(call, async (manager) => {
        await manager.insert(Thing, { id: 1 });
        late = manager.transaction(async () => {
          open.resolve();
          await gate.promise;
        });
        late.catch(() => {});
        await open.promise;
      });
      await expect(failing).rejects.toEqual(unfinished);
      gate.resolve();
      await expect(late).rejects.toThrow();
      expect(await dataSource.getRepository(Thing).count()).toBe(0);
      expect((await barrier.run(call, () => 1)).outcome).toBe('done');
    });
  });

  test('a nested transaction that is not awaited is not committed in part', async () => {
    await withThings(async (dataSource, barrier) => {
      let late: Promise<unknown> = Promise.resolve();
      const failing = barrier.run(callOf('try'), async (manager) => {
        const begun = Promise.withResolvers<void>();
        late = manager.transaction(async (inner) => {
          await inner.insert(Thing, { id: 1 });
          begun.resolve();
          await inner.insert(Thing, { id: 2 });
          await inner.insert(Thing, { id: 3 });
        });
        late.catch(() => {});
        await begun.promise;
      });
      await expect(failing).rejects.toEqual(unfinished);
      await expect(late).rejects.toThrow();
      expect(await dataSource.getRepository(Thing).count()).toBe(0);
    });
  });

  test('subscribers write before the commit, in the same SQL transaction', async () => {
    await withThings(async (dataSource, barrier) => {
      dataSource.subscribers.push({
        beforeTransactionCommit: async ({ queryRunner }) => {
          await queryRunner.query('INSERT INTO thing VALUES (7)');
        },
      });
      await barrier.run(callOf('try'), () => 1);
      dataSource.subscribers.length = 0;
      expect(await dataSource.getRepository(Thing).find()).toEqual([{ id: 7 }]);
    });
  });
});

describeOn(['mysql', 'mariadb'], 'work that fails after its SQL transaction, by mysql2,', (server) => {
  workAfterItsSqlTx(async () => mysql2World(await server.createDatabase()));
  workAfterItsSqlTxOnServers(async () => mysql2World(await server.createDatabase()));
  deadlocks(async () => mysql2World(await server.createDatabase()));
});
describeOn(['postgres'], 'work that fails after its SQL transaction, by pg,', (server) =>
  workAfterItsSqlTx(async () => pgWorld(await server.createDatabase())),
);
describeOn(['mysql', 'mariadb'], 'work that fails after its SQL transaction, by TypeORM,', (server) => {
  workAfterItsSqlTx(async () => typeormWorld(await server.createDatabase()));
  workAfterItsSqlTxOnServers(async () => typeormWorld(await server.createDatabase()));
  deadlocks(async () => typeormWorld(await server.createDatabase()));
});
describeOn(['postgres'], 'work that fails after its SQL transaction, by TypeORM,', (server) =>
  workAfterItsSqlTx(async () => typeormWorld(await server.createDatabase())),
);
describe('work that fails after its SQL transaction, by better-sqlite3,', () =>
  workAfterItsSqlTx(betterSqliteWorld));
describe('work that fails after its SQL transaction, by node:sqlite,', () =>
  workAfterItsSqlTx(nodeSqliteWorld));

describeOn(['mysql', 'mariadb'], 'concurrent statements, by mysql2,', (server) =>
  concurrentStatements(
    async () => mysql2World(await server.createDatabase()),
    [['another wrapper of its connection', (sqlTx) => (sqlTx as Wrapper).connection.promise()]],
    { canPrepare: true },
  ),
);
describeOn(['postgres'], 'concurrent statements, by pg,', (server) =>
  concurrentStatements(async () => pgWorld(await server.createDatabase())),
);
describeOn(['mysql', 'mariadb', 'postgres'], 'concurrent statements, by TypeORM,', (server) =>
  concurrentStatements(
    async () => typeormWorld(await server.createDatabase()),
    [
      [
        'another manager of its runner',
        (sqlTx) => {
          const { dataSource, queryRunner } = sqlTx as EntityManager;
          return dataSource.createEntityManager(queryRunner);
        },
      ],
    ],
  ),
);

for (const { name, servers, open: openOn, showsConnection } of libraries)
  describeOn(servers, `work over ${name}`, (server) => {
    const open = async () => openOn(await server.createDatabase());
    // Elsewhere Node reports it, which Jest does not pass on: see unhandled-rejections.test.ts.
    describe('after its end', () => lateStatements(open, server.name === 'postgres', true));
    describe('that fails after its SQL transaction', () => {
      workAfterItsSqlTx(open);
      if (server.name === 'postgres') return;
      workAfterItsSqlTxOnServers(open);
      deadlocks(open, showsConnection);
    });
    describe('concurrent statements', () =>
      concurrentStatements(open, [], { guardsJoined: showsConnection }));
  });
