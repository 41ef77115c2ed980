/** The check of a step of a saga: participants of the SDK, the wrong kind, and numbers that tell too little. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, expect, test } from '@jest/globals';
import { defineContract, defineParticipant, Refusal } from '@tercet/sdk';
import { sqliteBarrier } from '@tercet/sdk/barrier/sqlite';
import { check, type CheckOptions } from '@tercet/sdk/check';
import { nodeHttpParticipant } from '@tercet/sdk/node-http';
import { newSecret } from '@tercet/sdk/signature';
import SQLite from 'better-sqlite3';
import { Type } from 'typebox';
import { startSampleParticipant } from './sample-participant.ts';

const ends: (() => unknown)[] = [];
afterAll(() => Promise.all(ends.map((end) => end())));

const PASSED = { verdict: 'passed', findings: [], notJudged: [] };

/** Seats that are booked at once, behind the SDK's barrier on SQLite. */
async function startTravel(secret: string) {
  const db = new SQLite(':memory:');
  db.exec('CREATE TABLE seats (free INTEGER, booked INTEGER); INSERT INTO seats VALUES (10, 0)');
  const book = db.prepare('UPDATE seats SET free = free - 1, booked = booked + 1 WHERE free > 0');
  const strike = db.prepare('UPDATE seats SET free = free + 1, booked = booked - 1');
  const barrier = sqliteBarrier({ db });
  await barrier.createTable();
  const participant = defineParticipant(
    defineContract('travel', { book: { kind: 'step', payload: Type.Object({ to: Type.String() }) } }),
    {
      barrier,
      secrets: [secret],
      activities: {
        book: {
          action(_order, { call }) {
            if (book.run().changes === 0) throw new Refusal('no seats are left');
            return { bookingId: call.gid };
          },
          compensate: () => void strike.run(),
        },
      },
    },
  );
  const serve = nodeHttpParticipant(participant);
  const numbers = () => db.prepare('SELECT free, booked FROM seats').get();
  const server = createServer(async (request, response) => {
    if (!(await serve(request, response))) response.end(JSON.stringify(numbers()));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ends.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return { baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, numbers };
}

async function start(options: Parameters<typeof startSampleParticipant>[0]) {
  const sample = await startSampleParticipant(options);
  ends.push(sample.stop);
  return sample;
}

test.concurrent('a participant of the SDK passes, and nothing of it stays done', async () => {
  const secret = newSecret();
  const { baseUrl, numbers } = await startTravel(secret);
  const options: CheckOptions = {
    baseUrl,
    activity: 'book',
    kind: 'step',
    payload: { to: 'Oslo' },
    observeUrl: `${baseUrl}/numbers`,
    secrets: [secret],
  };
  expect(await check(options)).toMatchObject(PASSED);
  expect(numbers()).toEqual({ free: 10, booked: 0 });
});

test.concurrent('a participant whose activity has other ops is not judged, and the kind is doubted', async () => {
  const { baseUrl, observeUrl } = await start({ kind: 'tcc' });
  const asked = { baseUrl, activity: 'reserve', kind: 'step', payload: {}, observeUrl } as const;
  const { verdict, findings, notJudged } = await check(asked);
  expect({ verdict, findings }).toEqual({ verdict: 'not_judged', findings: [] });
  expect(notJudged[0]?.because).toMatch(/the action at .*reserve\/action was answered 404.*the kind/);
});

test.concurrent('a step without a compensate is not judged, and the report names the other kinds', async () => {
  const { baseUrl, observeUrl } = await start({ kind: 'step', fault: 'has no cancel' });
  const asked = { baseUrl, activity: 'reserve', kind: 'step', payload: {}, observeUrl } as const;
  const { verdict, findings, judged, notJudged } = await check(asked);
  expect({ verdict, findings, judged }).toEqual({ verdict: 'not_judged', findings: [], judged: [] });
  expect([...new Set(notJudged.map(({ because }) => because))]).toEqual([
    expect.stringMatching(
      /^the compensate at .*reserve\/compensate was answered 404\. .* --kind step_uncompensated, pivot or final/,
    ),
  ]);
});

test.concurrent('numbers without what is done say too little for the sum, and enough for the rest', async () => {
  const { baseUrl, observeUrl } = await start({
    kind: 'step',
    show: ({ available }) => ({ available }),
  });
  const asked = { baseUrl, activity: 'reserve', kind: 'step', payload: {}, observeUrl } as const;
  const { findings, notJudged } = await check(asked);
  expect(findings).toEqual([]);
  expect(notJudged).toEqual([
    {
      rule: 'The sum of all numbers is the same at every look.',
      because: expect.stringContaining('with each action the sum of the numbers falls'),
    },
  ]);
});

test.concurrent('numbers that no action moves show nothing', async () => {
  const { baseUrl, observeUrl } = await start({ kind: 'step', show: () => ({ shelves: 4 }) });
  const asked = { baseUrl, activity: 'reserve', kind: 'step', payload: {}, observeUrl } as const;
  const { verdict, notJudged } = await check(asked);
  expect(verdict).toBe('not_judged');
  expect(notJudged.map(({ because }) => because)).toContainEqual(
    expect.stringContaining('an action that was answered with success shows in no number'),
  );
});

test.concurrent('a kind that does not exist, the option pattern, and paths of ops that the kind does not have are refused', async () => {
  const asked = { baseUrl: 'http://127.0.0.1:1', activity: 'reserve', payload: {} };
  const kinds =
    'give the kind that the participant declares, one of tcc, step, step_uncompensated, pivot, final';
  await expect(check({ ...asked, kind: 'saga' as 'step' })).rejects.toThrow(
    new TypeError(`“saga” is not a kind: ${kinds}`),
  );
  const outdated = { ...asked, pattern: 'saga' };
  await expect(check(outdated)).rejects.toThrow(
    new TypeError(`there is no option pattern, but kind: ${kinds}`),
  );
  await expect(check({ ...asked, kind: 'step', refusedPayload: {} })).rejects.toThrow(
    'a refused payload is for a pivot alone',
  );
  await expect(check({ ...asked, kind: 'step', paths: { 'reserve/try': '/x' } })).rejects.toThrow(
    'the path for “reserve/try” would not be used: there are reserve/action, reserve/compensate',
  );
});
