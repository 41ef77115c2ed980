/**
 * Trouble on request, for the demo and for tests: what networks and machines do to a participant by themselves.
 *
 *   POST /trouble {"hold":"try"}      from now on, tries wait at the door, as behind a stalled network
 *   POST /trouble {"lose":"try"}      the next try is carried out, but its answer is lost: 503
 *   POST /trouble {"release":true}    whoever waits at the door is let in, and nobody is held any more
 *   GET  /trouble                     how many wait
 *
 * It stands around the participant and knows nothing of its business. SHOP_TROUBLE=allowed puts it there.
 * SHOP_WITHOUT_BARRIER=payment takes that participant's barrier away, to show what it is good for.
 */
import type { IncomingMessage } from 'node:http';
import { json } from 'node:stream/consumers';
import type { Barrier, Participant } from '@tercet/sdk';
import type { Database } from 'better-sqlite3';

export const isTroubleAllowed = process.env.SHOP_TROUBLE === 'allowed';

export const trouble = {
  around,
  answer,
  isWithoutBarrier: (name: string): boolean => isTroubleAllowed && process.env.SHOP_WITHOUT_BARRIER === name,
  noBarrier,
};

type Wish = { readonly hold?: string; readonly lose?: string; readonly release?: boolean };

let held: string | null = null;
let lost: string | null = null;
const waiting: (() => void)[] = [];

async function answer(request: IncomingMessage): Promise<{ readonly waitingCount: number }> {
  if (request.method === 'POST') arm((await json(request)) as Wish);
  return { waitingCount: waiting.length };
}

function arm(wish: Wish): void {
  if (wish.hold) held = wish.hold;
  if (wish.lose) lost = wish.lose;
  if (!wish.release) return;
  held = null;
  for (const letIn of waiting.splice(0)) letIn();
}

function around(participant: Participant): Participant {
  return {
    ...participant,
    async handle(request) {
      const op = request.path.split('/').at(-1) ?? '';
      if (op === held) await new Promise<void>((resolve) => waiting.push(resolve));
      const answered = await participant.handle(request);
      if (op !== lost) return answered;
      lost = null;
      return { status: 503, headers: {}, body: '' };
    },
  };
}

/** Whatever is called is done, as often as it is called. */
function noBarrier(db: Database): Barrier<Database> {
  return {
    async run(_call, work) {
      db.exec('BEGIN IMMEDIATE');
      try {
        const result = work(db, { tryResult: null, actionResult: null, isStarted: false });
        db.exec('COMMIT');
        return { outcome: 'done', result: await result };
      } catch (error) {
        db.exec('ROLLBACK');
        throw error;
      }
    },
    outside: () => Promise.reject(new Error('nothing of the shop works outside its database')),
    createTable: async () => {},
  };
}
