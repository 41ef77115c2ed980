/** Errors reach a log by many ways; by each of them, only their safe fields arrive. */
import { Writable } from 'node:stream';
import { expect, test } from '@jest/globals';
import Fastify from 'fastify';
import { createLogger } from '../../src/observability/logger.ts';
import { MARKS, marksIn } from '../support/marks.ts';

function logged() {
  const lines: string[] = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk));
      done();
    },
  });
  return { logger: createLogger('trace', { stream }), lines };
}

const leaky = () =>
  Object.assign(new Error(`Duplicate entry '${MARKS.businessKey}' for key 'k'`), {
    sql: MARKS.payload,
    sqlMessage: MARKS.payload,
    sqlState: '23000',
    errno: 1062,
    code: 'ER_DUP_ENTRY',
    cause: Object.assign(new Error('x'), { query: MARKS.payload }),
  });

test('an error is logged by its safe fields, however it is handed over', () => {
  const { logger, lines } = logged();
  logger.error(leaky());
  logger.error(leaky(), 'with a text');
  logger.error({ err: leaky() });
  logger.error({ err: leaky() }, 'with a text');
  logger.error({ error: leaky(), cause: leaky(), reason: leaky() }, 'in other fields');
  logger.error('as a value: %s', leaky());
  logger.error({ err: MARKS.payload }, 'thrown as a text');
  logger.child({}, { level: 'trace' }).error({ err: leaky() });
  expect(lines).toHaveLength(8);
  expect(lines.flatMap(marksIn)).toEqual([]);
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    msg: 'the database answered ER_DUP_ENTRY: x',
    err: { code: 'ER_DUP_ENTRY', errno: 1062, sqlState: '23000', cause: { message: 'x' } },
  });
});

test('Fastify logs the errors of its routes, and its requests, by the same rules', async () => {
  const { logger, lines } = logged();
  const app = Fastify({ loggerInstance: logger });
  app.get('/fails', () => Promise.reject(leaky()));
  await app.inject({
    method: 'GET',
    url: `/fails?businessKey=${MARKS.businessKey}`,
    headers: { authorization: `Bearer ${MARKS.token}` },
  });
  await app.close();
  expect(lines.filter((line) => line.includes('ER_DUP_ENTRY')).length).toBeGreaterThan(0);
  expect(lines.filter((line) => line.includes('"path":"/fails"')).length).toBeGreaterThan(0);
  expect(lines.flatMap(marksIn)).toEqual([]);
});

test('of a request, nothing is logged but the method and the path', () => {
  const { logger, lines } = logged();
  const mark = MARKS.query;
  for (const url of [
    `/v1/transactions?businessKey=${mark}`,
    `/v1/transactions#${mark}`,
    `/v1/transactions;k=${mark}`,
    `/v1/transactions;k=${mark}/x?${mark}`,
    `http://user:${mark}@host/v1/transactions?k=${mark}`,
    `//user:${mark}@host/v1/transactions`,
    `http://[${mark}`,
  ])
    logger.info({ req: { method: 'GET', url } }, 'incoming request');
  expect(lines.flatMap(marksIn)).toEqual([]);
  expect(lines.map((line) => JSON.parse(line).req.path)).toEqual([
    ...Array(3).fill('/v1/transactions'),
    '/v1/transactions/x',
    ...Array(2).fill('/v1/transactions'),
    undefined,
  ]);
});
