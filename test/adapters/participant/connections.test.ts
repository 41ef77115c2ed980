// What is kept of the connections to one origin, once their calls are over.
import { expect, test } from '@jest/globals';
import type { HttpAnswer } from '../../../src/application/ports.ts';
import { Connections } from '../../../src/adapters/participant/connections.ts';
import { Exchange } from '../../../src/adapters/participant/exchange.ts';
import { guardedConnector } from '../../../src/adapters/participant/guarded-connector.ts';
import { participantThat } from './http-server.ts';
import { until } from '../../support/until.ts';

test('a connection is kept after a complete answer only, and until the participant closes it', async () => {
  const participant = await participantThat((response, { url }) => {
    if (url === '/complete') response.end();
    else if (url === '/broken') response.destroy();
  });
  const connections = new Connections({
    origin: participant.url,
    connect: guardedConnector(null),
    maxIdleCount: 10,
    elapsedMs: () => 0,
    draw: () => 0,
  });
  const answerOf = (path: string) =>
    new Promise<HttpAnswer>((resolve) => {
      const exchange = new Exchange(path === '/silent' ? 100 : 60_000, resolve);
      connections.send({ method: 'POST', path, body: '{}' }, exchange);
    });
  const kept = () => ({ busy: connections.busyCount, idle: connections.idleCount });

  for (const path of ['/broken', '/silent']) {
    await answerOf(path);
    expect(kept()).toEqual({ busy: 0, idle: 0 });
  }
  await Promise.all(['/complete', '/complete', '/complete'].map(answerOf));
  expect(kept()).toEqual({ busy: 0, idle: 3 });
  const silent = answerOf('/silent');
  expect(kept()).toEqual({ busy: 1, idle: 2 });
  await silent;
  expect(kept()).toEqual({ busy: 0, idle: 2 });
  await participant.close();
  await until('nothing is kept', () => kept().idle === 0);
  await connections.close();
});

test('a connection is used for 20 to 30 seconds, so that new addresses of a name get calls', async () => {
  const ports: (number | undefined)[] = [];
  const participant = await participantThat((response) => {
    ports.push(response.socket?.remotePort);
    response.setHeader('keep-alive', 'timeout=600').end();
  });
  let nowMs = 0;
  let drawn = 0;
  const connections = new Connections({
    origin: participant.url,
    connect: guardedConnector(null),
    maxIdleCount: 10,
    elapsedMs: () => nowMs,
    draw: () => drawn,
  });
  const call = async (atMs: number) => {
    nowMs = atMs;
    await new Promise<HttpAnswer>((resolve) =>
      connections.send({ method: 'POST', path: '/', body: '{}' }, new Exchange(60_000, resolve)),
    );
    await until('its connection is released', () => connections.busyCount === 0);
  };
  for (const atMs of [0, 19_999]) await call(atMs);
  // It is too old before a call, and then after one.
  drawn = 0.999;
  for (const atMs of [20_000, 49_989]) await call(atMs);
  expect(connections.idleCount).toBe(1);
  await call(50_000);
  const [a, b, c] = [...new Set(ports)];
  expect(ports).toEqual([a, a, b, b, c]);
  expect(connections.idleCount).toBe(1);
  nowMs = 90_000;
  await connections.close();
  await participant.close();
});
