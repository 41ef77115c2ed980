// The call at hand, for code that was never given it.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { type Barrier, currentCall, defineContract, defineParticipant } from '@tercet/sdk';
import { sqliteBarrier } from '@tercet/sdk/barrier/sqlite';
import SQLite from 'better-sqlite3';
import { Type } from 'typebox';
import { answerOf, callFor, newGid } from './shop.ts';

const contract = defineContract('bank', { hold: { payload: Type.Unknown() } });
const activity = 'hold';

/** Far below an op: it is given nothing, and waits in between. */
async function deepDown(): Promise<string> {
  await nextTurn();
  const inner = await Promise.all([nextTurn().then(() => currentCall()), currentCall()]);
  return inner.map((call) => `${call?.gid}/${call?.op} ${call?.traceparent}`).join(', ');
}

/** The op runs where nothing is left of who called, as after a wait for a connection of a pool. */
const elsewhere: Barrier<null> = {
  run: async (_call, work) => {
    await nextTurn();
    return {
      outcome: 'done',
      result: await work(null, { tryResult: null, actionResult: null, isStarted: false }),
    };
  },
  outside: () => Promise.reject(new Error('not here')),
  createTable: async () => {},
};

describe('currentCall', () => {
  test('is the call, in everything that an op awaits', async () => {
    const participant = defineParticipant(contract, {
      barrier: elsewhere,
      activities: { hold: { try: deepDown, confirm: deepDown, cancel: deepDown } },
    });
    const trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const gids = [newGid(), newGid(), newGid()];
    // Under way at once, each has its own.
    const answers = await Promise.all(gids.map((gid) => answerOf(participant, callFor({ gid, activity }))));
    expect(answers.map(({ body }) => body)).toEqual(
      gids.map((gid) => `${gid}/try ${trace}, ${gid}/try ${trace}`),
    );
  });

  test('is the call outside the database, too, with a signal in the context and no SQL transaction', async () => {
    const barrier = sqliteBarrier({ db: new SQLite(':memory:') });
    await barrier.createTable();
    const participant = defineParticipant(contract, {
      barrier,
      activities: {
        hold: {
          outside: true,
          try: async (_payload, context) =>
            `${Object.keys(context).sort()} ${context.signal.aborted} ${await deepDown()}`,
          async confirm() {},
          async cancel() {},
        },
      },
    });
    const gid = newGid();
    expect((await answerOf(participant, callFor({ gid, activity }))).body).toContain(
      `call,signal,tryResult false ${gid}/try`,
    );
  });

  test('is null outside of ops', () => {
    expect(currentCall()).toBeNull();
  });

  test.each([
    ['00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', true],
    ['00-00000000000000000000000000000000-b7ad6b7169203331-01', false],
    ['ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', false],
    ['no trace', false],
    [undefined, false],
  ])('has the trace %s: %s', async (traceparent, isValid) => {
    const trace = () => currentCall()?.traceparent ?? 'none';
    const participant = defineParticipant(contract, {
      barrier: elsewhere,
      activities: { hold: { try: trace, confirm: trace, cancel: trace } },
    });
    const call = callFor({ activity });
    const headers = { ...call.headers, traceparent };
    expect((await answerOf(participant, { ...call, headers })).body).toBe(isValid ? traceparent : 'none');
  });
});
