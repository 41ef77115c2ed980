/** Activities of every kind behind the SDK's barrier pass their check, inside the database and outside it. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, expect, test } from '@jest/globals';
import { defineContract, defineParticipant, Refusal } from '@tercet/sdk';
import { sqliteBarrier } from '@tercet/sdk/barrier/sqlite';
import { check } from '@tercet/sdk/check';
import { nodeHttpParticipant } from '@tercet/sdk/node-http';
import { newSecret } from '@tercet/sdk/signature';
import SQLite from 'better-sqlite3';
import { Type } from 'typebox';

const ends: (() => unknown)[] = [];
afterAll(() => Promise.all(ends.map((end) => end())));

const SECRET = newSecret();
const payload = Type.Object({ seats: Type.Integer() });
const SEATS = defineContract('seats', {
  tcc: { kind: 'tcc', payload },
  step: { kind: 'step', payload },
  step_uncompensated: { kind: 'step_uncompensated', payload },
  pivot: { kind: 'pivot', payload },
  final: { kind: 'final', payload },
});

type Place = 'free' | 'held' | 'sold';

/** Work outside the database bears repetition under its key: here a set of keys stands for that service. */
async function startSeats(isOutside: boolean) {
  const db = new SQLite(':memory:');
  const seats = { free: 100, held: 0, sold: 0 };
  const done = new Set<string>();
  const move = (key: string, from: Place, to: Place, count = 1) => {
    if (done.has(key)) return;
    if (seats[from] < count) throw new Refusal('there are not so many seats');
    done.add(key);
    seats[from] -= count;
    seats[to] += count;
  };
  const barrier = sqliteBarrier({ db });
  await barrier.createTable();
  const where = isOutside ? ({ outside: true } as const) : {};
  type Given = { readonly call: { readonly gid: string; readonly branchId: string; readonly op: string } };
  const keyOf = ({ call: { gid, branchId, op } }: Given) => [gid, branchId, op].join('/');
  const sell = ({ seats: count }: { seats: number }, given: Given) =>
    move(keyOf(given), 'free', 'sold', count);
  const participant = defineParticipant(SEATS, {
    barrier,
    secrets: [SECRET],
    activities: {
      tcc: {
        ...where,
        try: (_payload: unknown, given: Given) => move(keyOf(given), 'free', 'held'),
        confirm: (_payload: unknown, given: Given) => move(keyOf(given), 'held', 'sold'),
        cancel: (_payload: unknown, given: Given) => move(keyOf(given), 'held', 'free'),
      },
      step: {
        ...where,
        action: sell,
        compensate: (_payload: unknown, given: Given) => move(keyOf(given), 'sold', 'free'),
      },
      step_uncompensated: { ...where, action: sell },
      pivot: { ...where, action: sell },
      final: { ...where, action: sell },
    },
  });
  const serve = nodeHttpParticipant(participant);
  const server = createServer(async (request, response) => {
    if (!(await serve(request, response))) response.end(JSON.stringify(seats));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ends.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const KINDS = ['tcc', 'step', 'step_uncompensated', 'pivot', 'final'] as const;

test.each(
  KINDS.flatMap((kind) => [[kind, 'inside', false] as const, [kind, 'outside', true] as const]),
)('an activity of the kind %s that works %s the database passes', async (kind, _where, isOutside) => {
  const baseUrl = await startSeats(isOutside);
  const report = await check({
    baseUrl,
    activity: kind,
    kind,
    payload: { seats: 1 },
    secrets: [SECRET],
    refusedPayload: kind === 'pivot' ? { seats: 1000 } : undefined,
    observeUrl: `${baseUrl}/numbers`,
  });
  expect(report).toMatchObject({ verdict: 'passed', findings: [], notJudged: [] });
});
