/**
 * What a log line keeps of an error, as real libraries throw it: enough to act on, and none of the values that it
 * carries.
 *
 * - Errors of the database drivers, TypeORM, Redis, the language and Node keep their codes and stacks.
 * - A message is kept where it is known to name no value, else up to its first quote.
 * - Causes and gathered errors are kept up to a depth.
 */
import { describe, expect, test } from '@jest/globals';
import { execFileSync, execSync } from 'node:child_process';
import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { Redis } from 'ioredis';
import knex, { type Knex } from 'knex';
import { Client } from 'pg';
import { Counter } from 'prom-client';
import { DataSource } from 'typeorm';
import { WITHHELD } from '../../src/wire/error-fields/message.ts';
import { UnrecordedWork } from '../../sdk/src/barrier/unrecorded-work.ts';
import { openConnection } from '../../src/adapters/sql/data-source.ts';
import { knexBarrier } from '@tercet/sdk/barrier/knex';
import { errorFields, errorLine, reasonOf } from '@tercet/sdk/error-fields';
import { LEAKY } from '../support/leaky-errors.ts';
import { MARKS, marksIn } from '../support/marks.ts';
import { describeOn } from '../support/servers.ts';
import { callOf } from './barrier/barrier-world.ts';

const thrownBy = async (act: () => unknown): Promise<unknown> => {
  try {
    await act();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
};

const fail = (_awaited?: unknown): never => {
  throw new Error('no connection');
};

class Failing {
  readonly failed = fail();
}

/** Names that a program can give its functions from a payload, some of which look like a location. */
const NAMES = [
  MARKS.payload,
  `DE89 ${MARKS.payload} (0044)`,
  `/${MARKS.payload}`,
  `x (file:///${MARKS.payload}:1:1)`,
];

/** Of everything that is kept, no text holds a mark. */
function fieldsWithoutMarks(error: unknown) {
  const fields = errorFields(error);
  expect(marksIn(JSON.stringify(fields) + reasonOf(error))).toEqual([]);
  return fields;
}

describeOn(['mysql', 'mariadb'], 'an error of the driver', (server) => {
  const failing = async (...statements: string[]) => {
    const connection = await openConnection(await server.createDatabase(), {});
    try {
      await connection.query('CREATE TABLE t (id VARCHAR(64) PRIMARY KEY, n INT, s VARCHAR(5))');
      return await thrownBy(async () => {
        for (const statement of statements) await connection.query(statement);
      });
    } finally {
      await connection.end();
    }
  };

  test('is kept by its codes and its stack, where its message carries a value', async () => {
    const insert = `INSERT INTO t VALUES ('${MARKS.businessKey}', 1, '')`;
    const fields = fieldsWithoutMarks(await failing(insert, insert));
    expect(fields).toMatchObject({
      type: 'Error',
      message: 'the database answered ER_DUP_ENTRY',
      code: 'ER_DUP_ENTRY',
      errno: 1062,
      sqlState: '23000',
      stack: expect.stringMatching(/^at .*:\d+:\d+/),
    });
  });

  test('carries no value, whatever the server refuses', async () => {
    const mark = MARKS.payload;
    for (const statement of [
      `INSERT INTO t VALUES ('a', '${mark}', '')`,
      `INSERT INTO t VALUES ('a', 1, '${mark}')`,
      `INSERT INTO t SELECT '${mark}`,
      `INSERT INTO ${mark} VALUES (1)`,
      `SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '${mark}'`,
      // A trigger that asks for a retry by the number of another error.
      `SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '${mark}', MYSQL_ERRNO = 1205`,
      `SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '${mark}', MYSQL_ERRNO = 1213`,
      `SELECT ${mark}`,
    ]) {
      const fields = errorFields(await failing(statement));
      // The name of a table is no value: it is ours.
      if (fields.code !== 'ER_NO_SUCH_TABLE') expect(marksIn(JSON.stringify(fields))).toEqual([]);
      expect(fields.errno).toEqual(expect.any(Number));
    }
  });

  test('keeps its message where it names only what the operator configured', async () => {
    const url = new URL(await server.createDatabase());
    url.pathname = '/nowhere';
    const error = await thrownBy(() => openConnection(url.href, {}));
    expect(reasonOf(error)).toMatch(/^Unknown database 'nowhere'$/);
  });
});

describe('an error of TypeORM', () => {
  test('carries neither its query nor its parameters', async () => {
    const dataSource = await new DataSource({ type: 'better-sqlite3', database: ':memory:' }).initialize();
    await dataSource.query('CREATE TABLE t (id TEXT PRIMARY KEY)');
    const insert = () => dataSource.query('INSERT INTO t VALUES (?)', [MARKS.idempotencyKey]);
    await insert();
    const fields = fieldsWithoutMarks(await thrownBy(insert));
    expect(fields).toMatchObject({
      type: 'QueryFailedError',
      code: 'SQLITE_CONSTRAINT_PRIMARYKEY',
      message: 'UNIQUE constraint failed: t.id',
    });
    const literal = await thrownBy(() => dataSource.query(`SELECT '${MARKS.payload}`));
    expect(fieldsWithoutMarks(literal)).toMatchObject({ code: 'SQLITE_ERROR' });
    await dataSource.destroy();
  });
});

/** Knex puts the statement, with its values in it, before the message of whatever has failed. */
describeOn(['mysql', 'mariadb'], 'an error of Knex', (server) => {
  const card = 4_111_222_233_334_444;
  const failing = async (act: (knex: Knex) => Promise<unknown>) => {
    const opened = knex({
      client: 'mysql2',
      connection: await server.createDatabase(),
      log: { warn: () => {} },
    });
    try {
      return await thrownBy(() => act(opened));
    } finally {
      await opened.destroy();
    }
  };
  const messageOf = (error: unknown) => {
    const fields = fieldsWithoutMarks(error);
    expect(JSON.stringify(fields)).not.toContain(String(card));
    return fields.message;
  };

  test('carries no value of its statement, where the server names a table', async () => {
    const built = await failing((opened) => opened('nowhere').insert({ card, name: MARKS.payload }));
    expect(messageOf(built)).toMatch(/^Table '\w+\.nowhere' doesn't exist$/);
    const raw = await failing((opened) => opened.raw('DELETE FROM nowhere WHERE card = ?', [card]));
    expect(messageOf(raw)).toMatch(/^Table '\w+\.nowhere' doesn't exist$/);
  });

  test('carries none either, where no server has answered', async () => {
    let lost: unknown;
    // What rejects in the end is what Knex says when it rolls back.
    await failing((opened) =>
      opened.transaction(async (trx) => {
        const [[{ id }]] = await trx.raw('SELECT CONNECTION_ID() AS id');
        const asked = thrownBy(() => trx.raw('SELECT SLEEP(60), ?', [card]));
        await opened.raw(`KILL ${id}`);
        lost = await asked;
        throw lost;
      }),
    );
    expect((lost as Error).message).toContain(String(card));
    expect(messageOf(lost)).toMatch(/^(?:Connection lost|Can't add new command)/);
  });

  test('carries none where the barrier has rejected the statement', async () => {
    const rejected = await failing(async (opened) => {
      const barrier = knexBarrier({ knex: opened });
      await barrier.createTable();
      const work = (trx: Knex) => trx.raw('SET autocommit = 1, @card = ?', [card]);
      await barrier.run(callOf('try'), work);
    });
    expect(messageOf(rejected)).toMatch(/^the work may not call SET AUTOCOMMIT: /i);
  });
});

/** What a script answers is its own. */
const SCRIPTS = {
  raises: "error('no stock for ' .. ARGV[1])",
  replies: "return redis.error_reply('ERR no stock for ' .. ARGV[1])",
  codes: "return redis.error_reply(ARGV[1] .. ' is sold out')",
};

/** As redis 4 has it: without a stack, and without a name of its own. */
class ErrorReply extends Error {
  constructor(message: string) {
    super(message);
    Object.assign(this, { stack: undefined });
  }
}

describe('an error without its stack', () => {
  const WORDS = `no stock for ${MARKS.payload}`;

  test.each([
    ['any package may have thrown it', undefined],
    ['native code may have made it', `Error: ${WORDS}`],
  ])('carries no words: %s', (_why, stack) => {
    const thrown = Object.assign(new Error(WORDS), { stack });
    expect(fieldsWithoutMarks(thrown)).toEqual({ type: 'Error', message: WITHHELD });
  });

  test.each([
    [`no stock for ${MARKS.payload}`, 'Redis answered an error'],
    [`ERR no stock for ${MARKS.payload}`, 'Redis answered ERR'],
    ['NOSCRIPT No matching script. Please use EVAL.', 'NOSCRIPT No matching script'],
  ])('of redis 4 is known by its class: %#', (message, kept) => {
    expect(fieldsWithoutMarks(new ErrorReply(message))).toEqual({ type: 'Error', message: kept });
  });
});

describeOn(['redis'], 'an error of Redis', (server) => {
  test('carries neither the command nor its arguments', async () => {
    const redis = new Redis(server.url, { lazyConnect: true });
    await redis.connect();
    const unknown = await thrownBy(() => redis.call('NOSUCH', MARKS.payload));
    const login = await thrownBy(() => redis.call('AUTH', 'user', MARKS.password));
    const raised = await thrownBy(() => redis.call('EVAL', SCRIPTS.raises, 0, MARKS.payload));
    const replied = await thrownBy(() => redis.call('EVAL', SCRIPTS.replies, 0, MARKS.payload));
    redis.disconnect();
    expect(fieldsWithoutMarks(unknown)).toMatchObject({
      type: 'ReplyError',
      message: 'ERR unknown command',
    });
    for (const error of [raised, replied])
      expect(fieldsWithoutMarks(error)).toMatchObject({ type: 'ReplyError', message: 'Redis answered ERR' });
    expect(fieldsWithoutMarks(login).message).toMatch(/^WRONGPASS /);
  });

  test('carries no word of a script in the place of a code', async () => {
    const redis = new Redis(server.url, { lazyConnect: true });
    await redis.connect();
    const error = await thrownBy(() => redis.call('EVAL', SCRIPTS.codes, 0, 'MUG'));
    redis.disconnect();
    // As redis 3 takes it from the message.
    for (const one of [error, Object.assign(error as Error, { code: 'MUG' })]) {
      expect(errorFields(one)).toMatchObject({ type: 'ReplyError', message: 'Redis answered an error' });
      expect(errorLine(one)).not.toContain('MUG');
    }
  });
});

describeOn(['postgres'], 'an error of PostgreSQL', (server) => {
  test('is kept by its code and its stack', async () => {
    const client = new Client(await server.createDatabase());
    await client.connect();
    const mark = MARKS.payload;
    for (const statement of [
      `SELECT ${mark}`,
      `SELECT CAST('${mark}' AS int)`,
      `DO $$ BEGIN RAISE EXCEPTION 'no stock for ${mark}' USING ERRCODE = '40001'; END $$`,
    ]) {
      const fields = fieldsWithoutMarks(await thrownBy(() => client.query(statement)));
      expect(fields.message).toMatch(/^the database answered [0-9A-Z]{5}$/);
    }
    await client.end();
  });
});

test.each(LEAKY)('no value is kept: %s', async (_title, act) => {
  fieldsWithoutMarks(await thrownBy(act));
});

test('one line has the type, the message, the codes, the stack and the causes', () => {
  const cause = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:9'), { code: 'ECONNREFUSED' });
  const line = errorLine(new Error('not reserved', { cause }));
  expect(line).toMatch(
    /^Error: not reserved \| at .+ \| caused by Error: connect ECONNREFUSED 127\.0\.0\.1:9 \| at .+/,
  );
  expect(line).not.toContain('\n');
});

describe('an error of the language or of Node', () => {
  test.each<readonly [string, () => unknown]>([
    ['a text that is no JSON', () => JSON.parse(`{"a": ${MARKS.payload}}`)],
    ['a text that is cut off', () => JSON.parse(`"${MARKS.payload}`)],
    ['a number that is none', () => BigInt(MARKS.payload)],
    ['an argument of the wrong type', () => Buffer.alloc(MARKS.payload as unknown as number)],
    ['a header that cannot be sent', () => new Headers({ authorization: `${MARKS.token}\n${MARKS.token}` })],
    ['an address that is none', () => new URL(`//${MARKS.password}`)],
    ['a request with a user', () => fetch(`http://user:${MARKS.password}@127.0.0.1:9/`)],
  ])('%s', async (_what, act) => {
    fieldsWithoutMarks(await thrownBy(act));
  });

  test.each<readonly [string, string, () => unknown]>([
    ['a file', 'ENOENT: no such file or directory, open …', () => readFileSync('/absent/card')],
    ['a program', 'spawnSync ENOENT', () => execFileSync('/absent/program', ['x'])],
    ['a command', 'Command failed: …', () => execSync('exit 3', { stdio: 'ignore' })],
    ['a socket', 'connect ENOENT', () => once(connect({ path: '/absent/x.sock' }), 'never')],
    ['a port', 'connect ECONNREFUSED 127.0.0.1:9', () => once(connect(9, '127.0.0.1'), 'never')],
    ['a host', 'getaddrinfo ENOTFOUND absent.invalid', () => lookup('absent.invalid')],
  ])('names what failed, and a host, and no path: %s', async (_what, message, act) => {
    expect(errorFields(await thrownBy(act)).message).toBe(message);
  });

  test.each([
    ['ERR_TLS_CERT_ALTNAME_INVALID', "Hostname/IP does not match certificate's altnames: Host: db."],
    ['ERR_STREAM_PREMATURE_CLOSE', 'Premature close'],
    ['ERR_HTTP_HEADERS_SENT', 'Cannot set headers after they are sent to the client'],
    ['ERR_BAD_RESPONSE', 'Request failed with status code 503'],
    ['ERR_SOMETHING_NEW', null],
  ])('keeps a message by its code where that family shows no value: %s', (code, kept) => {
    const error = Object.assign(new Error(kept ?? `no ${MARKS.payload}`), { code });
    expect(fieldsWithoutMarks(error)).toMatchObject({
      code,
      message: kept ?? expect.stringMatching(/^message withheld/),
    });
  });

  test('a refused connection keeps its code and address', async () => {
    const error = await thrownBy(() => fetch('http://127.0.0.1:9/'));
    expect(reasonOf(new Error('not reached', { cause: error }))).toMatch(/^not reached: fetch failed: .+/);
  });
});

describe('any error', () => {
  test('keeps its message up to what is quoted, and no user of a URL', () => {
    const message = `Can't use mysql://root:${MARKS.password}@db/orders for "${MARKS.payload}" or '${MARKS.payload}`;
    expect(fieldsWithoutMarks(new Error(message)).message).toBe("Can't use mysql://db/… for …");
  });

  test.each([
    ['GET http://u:p@bank.test:8080/accounts/4711?x=1 failed', 'GET http://bank.test:8080/… failed'],
    ['from https://bank.test, which is gone', 'from https://bank.test, which is gone'],
    ['order.n is not iterable', 'order.n is not iterable'],
    ['undefined is not iterable (cannot read property', 'undefined is not iterable (cannot read property'],
    ['4111111111111111 is not iterable', '… is not iterable'],
    ['DE89 0044 is not a function', '… is not a function'],
  ])('of the message %j keeps %j', (message, kept) => {
    expect(errorFields(new Error(message)).message).toBe(kept);
  });

  test.each([
    ['file:///app/node_modules/bank-client/index.js:1:2', WITHHELD],
    ['/app/node_modules/.pnpm/pg@8.0.0/node_modules/@bank/client/index.js:1:2', WITHHELD],
    ['C:\\app\\node_modules\\bank-client\\index.js:1:2', WITHHELD],
    ['/app/node_modules/redis-semaphore/lib/Lock.js:126:19', WITHHELD],
    ['/app/node_modules/pg-promise/lib/formatting.js:1:2', WITHHELD],
    ['/app/node_modules/redis-parser/lib/parser.js:1:2', 'no answer'],
    ['/app/node_modules/pg-pool/index.js:1:2', 'no answer'],
    ['/app/node_modules/pg/lib/client.js:1:2', 'no answer'],
    ['/app/node_modules/mysql2/lib/pool.js:1:2', 'no answer'],
    ['/app/node_modules/.pnpm/x/node_modules/@tercet/sdk/dist/index.js:1:2', 'no answer'],
    ['/app/src/bank.js:1:2', 'no answer'],
  ])('that a package threw keeps its message where that package is known: %s', (at, kept) => {
    const error = Object.assign(new Error('no answer'), { stack: `Error: no answer\n    at x (${at})` });
    expect(errorFields(error).message).toBe(kept);
  });

  test.each([
    ['Missing key for job order 42. moveToDelayed', 'Missing key for job …'],
    ['Missing lock for job order 42. moveToFinished', 'Missing lock for job …'],
    ['Missing key for parent job bull:mail:order 42. addJob', 'Missing key for parent job …'],
    ['Lock mismatch for job order 42. Cmd retryJob from active', 'Lock mismatch for job …'],
    ['could not renew lock for job order 42', 'could not renew lock for job …'],
    ['Job order 42 is not in the delayed state. changeDelay', 'Job …'],
    ['Job order 42 has pending dependencies. moveToFinished', 'Job …'],
    ['Job order 42 belongs to a job scheduler and cannot be removed directly. removeJob', 'Job …'],
    ['Job order 42 could not be removed because it is locked by another worker', 'Job …'],
    ['The parent job bull:mail:order 42 cannot be replaced. addJob', 'The parent job …'],
    ['The size of job order 42 exceeds the limit 100 bytes', 'The size of job …'],
    [
      'Failed to add repeatable job for next iteration: order 42',
      'Failed to add repeatable job for next iteration: …',
    ],
    ['Unknown code -99 error for order 42. moveToFinished', 'Unknown code -99 error for …'],
    ['Job failed', 'Job failed'],
  ])('keeps no id and no name of a job of BullMQ: %s', (message, kept) => {
    const stack = `Error: ${message}\n    at x (/app/node_modules/bullmq/dist/esm/index.js:1:2)`;
    expect(errorFields(Object.assign(new Error(message), { stack })).message).toBe(kept);
  });

  test('keeps no value that prom-client was given', async () => {
    const counter = new Counter({ name: 'orders', help: 'Orders.', registers: [] });
    const errors = [
      await thrownBy(() => counter.inc(MARKS.payload as never)),
      new Error(`push failed with status 500, ${MARKS.payload}`),
    ];
    for (const error of errors) expect(errorLine(error)).not.toContain(MARKS.payload);
    expect(errors.map((error) => errorFields(error).message)).toEqual([
      'Value is not a valid number: …',
      'push failed with status 500, …',
    ]);
  });

  test('keeps no other field, whatever is on it', () => {
    const error = Object.assign(new Error('refused'), {
      sql: MARKS.payload,
      sqlMessage: MARKS.payload,
      query: MARKS.payload,
      parameters: [MARKS.payload],
      command: { args: [MARKS.secret] },
      body: MARKS.result,
      headers: { authorization: MARKS.token },
      code: MARKS.payload,
      name: `${MARKS.payload} x`,
    });
    expect(Object.keys(fieldsWithoutMarks(error))).toEqual(['type', 'message', 'stack']);
  });

  test('keeps the frames of its stack alone, also where its message looks like one', () => {
    const error = new Error(`refused\n    at ${MARKS.payload} (file:///x.ts:1:1)`);
    expect(fieldsWithoutMarks(Object.assign(error, { message: 'refused' })).stack ?? '').not.toContain(
      'refused',
    );
  });

  test.each<readonly [string, (name: string) => unknown]>([
    ['a computed key', (name) => ({ [name]: () => fail() })[name]?.()],
    ['the key by which a method is called', (name) => ({ [name]: fail })[name]?.()],
    ['a class', (name) => new ({ [name]: Failing })[name]!()],
    ['a name that is set', (name) => Object.defineProperty(() => fail(), 'name', { value: name })()],
    ['an asynchronous function', (name) => ({ [name]: async () => fail(await null) })[name]?.()],
    [
      'a class that is named',
      (name) =>
        new (Object.defineProperty(
          class {
            at = fail();
          },
          'name',
          { value: name },
        ))(),
    ],
  ])('keeps the location of a frame and never the name of its function: %s', async (_what, act) => {
    for (const name of NAMES) {
      const { stack = '' } = fieldsWithoutMarks(await thrownBy(() => act(name)));
      expect(stack.split('\n').length).toBeGreaterThan(1);
      for (const frame of stack.split('\n')) expect(frame).toMatch(/^at (?:<anonymous>|native|\S+:\d+:\d+)$/);
      expect(stack).toContain('error-fields.test.ts:');
    }
  });

  test.each([
    ['at load (file:///app/a%20b.ts:12:3)', 'at file:///app/a%20b.ts:12:3'],
    ['at file:///app/x.ts:12:3', 'at file:///app/x.ts:12:3'],
    ['at async file:///app/x.ts:12:3', 'at file:///app/x.ts:12:3'],
    ['at async Object.x [as y] (node:internal/a:1:2)', 'at node:internal/a:1:2'],
    ['at new X (/app (old)/x.js:1:2)', 'at /app (old)/x.js:1:2'],
    ['at x (C:\\app (old)\\x.js:1:2)', 'at C:\\app (old)\\x.js:1:2'],
    ['at JSON.parse (<anonymous>)', 'at <anonymous>'],
    ['at Array.map (native)', 'at native'],
    ['at eval (eval at secret (/app/x.js:1:2), <anonymous>:3:4)', 'at /app/x.js:1:2'],
    ['at eval at secret (/app/x.js:1:2), <anonymous>:3:4', 'at <unknown>:3:4'],
    ['at /secret (secret) (file:///secret:1:1) (file:///app/x.ts:1:2)', 'at file:///app/x.ts:1:2'],
    ['at secret (evalmachine.<anonymous>:1:2)', 'at <unknown>:1:2'],
  ])('of the frame %j keeps its location', (frame, kept) => {
    const error = Object.assign(new Error('x'), { stack: `Error: x\n    ${frame}` });
    expect(errorFields(error).stack).toBe(kept);
  });

  test('keeps its causes and the errors that it gathers, up to a depth', () => {
    const leaky = (cause?: unknown) =>
      Object.assign(new Error('x', { cause }), { sql: MARKS.payload, code: 'E_X' });
    const round = leaky();
    round.cause = round;
    expect(fieldsWithoutMarks(new AggregateError([leaky(leaky()), leaky(round)], 'both'))).toMatchObject({
      type: 'AggregateError',
      message: 'both',
      errors: [{ code: 'E_X', cause: { code: 'E_X' } }, { code: 'E_X' }],
    });
  });

  test('that is no error keeps its type', () => {
    for (const thrown of [MARKS.payload, { message: MARKS.payload }, null, undefined, 4111])
      expect(fieldsWithoutMarks(thrown).type).toBe(typeof thrown);
  });

  test('that throws when it is read is reported all the same', () => {
    const error = Object.defineProperty(new Error('x'), 'message', {
      get: () => {
        throw new Error(MARKS.payload);
      },
    });
    expect(fieldsWithoutMarks(error).type).toBe('unreadable');
  });
});

test('a branch that needs an operator is reported whole: what it is, and where the fix is', () => {
  const call = { gid: '0198c5a2-7b1e-7d40-9f3a-5e2b8c1d4f60', branchId: 'b'.repeat(64) } as const;
  const error = new UnrecordedWork(
    { ...call, op: 'compensate', deadlineAt: 0 },
    'a_schema_of_some_length.tercet_barrier',
    '!compensate 0123456789',
  );
  expect(reasonOf(error)).toBe(error.message);
  expect(error.message).toMatch(/b{64} of transaction 0198c5a2.* needs an operator.*docs\/participants\.md/);
});
