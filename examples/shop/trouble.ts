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
import type { Database } from 'better-sqlite3';
import type { Guard } from './barrier.ts';
import type { Answer, Handler } from './http.ts';

export const isTroubleAllowed = process.env.SHOP_TROUBLE === 'allowed';

export const trouble = {
  around,
  isWithoutBarrier: (name: string): boolean => isTroubleAllowed && process.env.SHOP_WITHOUT_BARRIER === name,
  noBarrier: (db: Database): Guard => ({
    run: (_call, _now, work) =>
      db.transaction(() => ({ outcome: 'done' as const, answer: work() })).immediate(),
  }),
};

type Wish = { readonly hold?: string; readonly lose?: string; readonly release?: boolean };

function around(handler: Handler): Handler {
  let held: string | null = null;
  let lost: string | null = null;
  const waiting: (() => void)[] = [];

  function arm(wish: Wish): void {
    if (wish.hold) held = wish.hold;
    if (wish.lose) lost = wish.lose;
    if (!wish.release) return;
    held = null;
    for (const letIn of waiting.splice(0)) letIn();
  }

  async function delayed(op: string, carryOut: () => Answer | Promise<Answer>): Promise<Answer> {
    if (op === held) await new Promise<void>((resolve) => waiting.push(resolve));
    const answer = await carryOut();
    if (op !== lost) return answer;
    lost = null;
    return { status: 503, body: { detail: 'the answer was lost' } };
  }

  return (question) => {
    if (question.path !== '/trouble') {
      const op = question.path.split('/').at(-1) ?? '';
      return delayed(op, () => handler(question));
    }
    if (question.method === 'POST') arm(JSON.parse(question.body) as Wish);
    return { status: 200, body: { waitingCount: waiting.length } };
  };
}
