/** Races between two begins with the same gid or Idempotency-Key. */
import type * as wire from '@tercet/sdk/wire';
import { v7 as uuidv7 } from 'uuid';
import { MARKS } from '../../support/marks.ts';
import {
  branch,
  type RaceKind,
  LONG_MS,
  onlyMaker,
  onlyWinner,
  type RaceResult,
  type RaceStart,
  sideThatWrote,
} from './race-kind.ts';
import type { Answer } from './replica-client.ts';

/** Fewer than of other kinds: one error loses all saves of a batch, and many begins fit into one batch. */
const AT_ONCE_COUNT = 10;

type NamedBegin = { readonly body: wire.BeginRequest; readonly headers?: Record<string, string> };

/** What identifies a begin; new in every race. */
const names: Readonly<Record<string, () => NamedBegin>> = {
  gid: () => ({ body: { gid: uuidv7() } }),
  'Idempotency-Key': () => ({
    body: {},
    headers: { 'idempotency-key': `${MARKS.idempotencyKey}-${uuidv7()}` },
  }),
};

const same = (what: string, newName: () => NamedBegin): RaceKind => ({
  title: `the same beginning with one ${what}`,
  sides: ['one client', 'the other client'],
  atOnceCount: AT_ONCE_COUNT,
  async race(start) {
    const beginning = newName();
    const answers = await runBoth(start, beginning, beginning);
    return await cancelled(start, answers, onlyMaker(answers));
  },
});

const different = (what: string, newName: () => NamedBegin): RaceKind => ({
  title: `two beginRaces with one ${what}`,
  sides: ['one beginning', 'the other beginning'],
  atOnceCount: AT_ONCE_COUNT,
  async race(start) {
    const { body, headers } = newName();
    const named = (name: string) => ({ body: { ...body, name }, ...(headers && { headers }) });
    const answers = await runBoth(start, named('one'), named('other'));
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

/** Both replicas drive it, and each learns of the other's saves. */
const sameDeclared: RaceKind = {
  title: 'the same declared transaction with one gid',
  sides: ['one client', 'the other client'],
  atOnceCount: AT_ONCE_COUNT,
  async race(start) {
    const gid = uuidv7();
    const beginning = { body: { gid, branches: [branch('stock'), branch('money')] } };
    const answers = await runBoth(start, beginning, beginning);
    return { gid, answers, winner: (end) => sideThatWrote(start, end, 1) };
  },
};

const runBoth = ({ offset, sides: [one, other] }: RaceStart, first: NamedBegin, second: NamedBegin) =>
  offset.runBoth(
    () => one.begin({ timeoutMs: LONG_MS, ...first.body }, first.headers),
    () => other.begin({ timeoutMs: LONG_MS, ...second.body }, second.headers),
  );

/** What began ends, so that it can be checked like the others. */
async function cancelled(
  { home }: RaceStart,
  answers: readonly Answer[],
  maker: number,
): Promise<RaceResult> {
  const { gid } = answers[maker]?.body as wire.TransactionView;
  const all = [...answers, await home.cancel(gid)];
  return { gid, answers: all, winner: () => (maker === 0 ? 0 : 1) };
}

export const beginRaces = [
  ...Object.entries(names).flatMap(([what, newName]) => [same(what, newName), different(what, newName)]),
  sameDeclared,
];
