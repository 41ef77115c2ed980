// What the plugin leaves as it is in the application around it.
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { fastifyParticipant } from '@tercet/sdk/fastify';
import fastify, { type FastifyInstance } from 'fastify';
import { callFor, openShop } from '../participant/shop.ts';

let app: FastifyInstance;
beforeEach(async () => {
  app = fastify();
  const { participant } = await openShop();
  app.setErrorHandler<Error>((error, _request, reply) => reply.code(418).send({ mine: error.message }));
  app.register(fastifyParticipant(participant), { prefix: '/tcc' });
  app.post('/echo', { bodyLimit: 10 }, async ({ body }) => body);
});
afterEach(() => app.close());

const post = (url: string, headers: Record<string, string>, payload: string) =>
  app.inject({ method: 'POST', url, headers, payload });

test('its own routes parse JSON as before, by their own limits', async () => {
  const json = { 'content-type': 'application/json' };
  expect((await post('/echo', json, '{"a":1}')).json()).toEqual({ a: 1 });
  expect((await post('/echo', json, '{"a":1234567890}')).json()).toEqual({
    mine: 'Request body is too large',
  });
  expect((await post('/echo', { 'content-type': 'text/csv' }, 'a')).statusCode).toBe(418);
});

test('errors of its hooks go to its own error handler, before anything is done', async () => {
  app.addHook('preHandler', async () => {
    throw new Error('no entry');
  });
  const { path, headers, body } = callFor();
  const answer = await post(`/tcc${path}`, headers, body);
  expect({ status: answer.statusCode, body: answer.json() }).toEqual({
    status: 418,
    body: { mine: 'no entry' },
  });
});

test('too long a body of a call is the participant’s own 413', async () => {
  const { path, headers } = callFor();
  const answer = await post(`/tcc${path}`, headers, ' '.repeat(137 * 1024));
  expect(answer.statusCode).toBe(413);
  expect(answer.json()).toMatchObject({ code: 'body_too_large' });
});

test('several participants live side by side', async () => {
  const { participant, stock } = await openShop();
  app.register(fastifyParticipant(participant), { prefix: '/other' });
  const { path, headers, body } = callFor();
  expect((await post(`/other${path}`, headers, body)).statusCode).toBe(200);
  expect(stock()).toEqual([8, 2, 0]);
});
