/** Races about whether there is a transaction, and which. */
import type * as wire from '@tercet/sdk/wire';
import { v7 as uuidv7 } from 'uuid';
import { MARKS } from '../../support/marks.ts';
import {
  branch,
  type Kind,
  LONG_MS,
  onlyMaker,
  onlyWinner,
  type Raced,
  type Start,
  sideThatWrote,
} from './kind.ts';
import type { Answer } from './replica.ts';

/** Fewer than of other kinds: the saves of one batch are lost with one error, and many beginnings fit into one. */
const AT_ONCE_COUNT = 10;

type Beginning = { readonly body: wire.BeginRequest; readonly headers?: Record<string, string> };

/** What names a beginning, new in every race. */
const names: Readonly<Record<string, () => Beginning>> = {
  gid: () => ({ body: { gid: uuidv7() } }),
  'Idempotency-Key': () => ({
    body: {},
    headers: { 'idempotency-key': `${MARKS.idempotencyKey}-${uuidv7()}` },
  }),
};

const same = (what: string, newName: () => Beginning): Kind => ({
  title: `the same beginning with one ${what}`,
  sides: ['one client', 'the other client'],
  atOnceCount: AT_ONCE_COUNT,
  async race(start) {
    const beginning = newName();
    const answers = await fire(start, beginning, beginning);
    return await cancelled(start, answers, onlyMaker(answers));
  },
});

const different = (what: string, newName: () => Beginning): Kind => ({
  title: `two beginnings with one ${what}`,
  sides: ['one beginning', 'the other beginning'],
  atOnceCount: AT_ONCE_COUNT,
  async race(start) {
    const { body, headers } = newName();
    const named = (name: string) => ({ body: { ...body, name }, ...(headers && { headers }) });
    const answers = await fire(start, named('one'), named('other'));
    const raced = await cancelled(start, answers, onlyWinner(answers, 'transaction_differs'));
    return {
      ...raced,
      winner: (end) => {
        const side = raced.winner(end);
        if (end.view.name === (side === 0 ? 'one' : 'other')) return side;
        throw new Error(`side ${side} began the transaction, and it is the one of “${end.view.name}”`);
      },
    };
  },
});

/** Both replicas carry it out, and each is told by the other's saves. */
const sameDeclared: Kind = {
  title: 'the same declared transaction with one gid',
  sides: ['one client', 'the other client'],
  atOnceCount: AT_ONCE_COUNT,
  async race(start) {
    const gid = uuidv7();
    const beginning = { body: { gid, branches: [branch('stock'), branch('money')] } };
    const answers = await fire(start, beginning, beginning);
    return { gid, answers, winner: (end) => sideThatWrote(start, end, 1) };
  },
};

const fire = ({ aim, sides: [one, other] }: Start, first: Beginning, second: Beginning) =>
  aim.fire(
    () => one.begin({ timeoutMs: LONG_MS, ...first.body }, first.headers),
    () => other.begin({ timeoutMs: LONG_MS, ...second.body }, second.headers),
  );

/** What began ends, so that it can be checked like the others. */
async function cancelled({ home }: Start, answers: readonly Answer[], maker: number): Promise<Raced> {
  const { gid } = answers[maker]?.body as wire.TransactionView;
  const all = [...answers, await home.cancel(gid)];
  return { gid, answers: all, winner: () => (maker === 0 ? 0 : 1) };
}

export const beginnings = [
  ...Object.entries(names).flatMap(([what, newName]) => [same(what, newName), different(what, newName)]),
  sameDeclared,
];
