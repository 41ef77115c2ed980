/** Races between decisions, between two retries of a decided transaction by an operator, and of completions. */
import { setTimeout as pause } from 'node:timers/promises';
import { ACCEPT } from './participants.ts';
import { type End, until } from './replica-pair.ts';
import { begin, branch, type RaceKind, type RaceStart, sideThatWrote } from './race-kind.ts';

/** Usually long enough to begin and register many concurrently; otherwise the deadline wins. */
const SHORT_MS = 1500;

const confirmAndCancel: RaceKind = {
  title: 'a confirm and a cancel',
  sides: ['the confirm', 'the cancel'],
  async race({ number, sides: [one, other], home, offset }) {
    const { gid } = await begin(home);
    const registered = number % 8 < 4 ? [await home.register(gid, branch('stock'))] : [];
    const answers = await offset.runBoth(
      () => one.confirm(gid),
      () => other.cancel(gid),
    );
    return {
      gid,
      answers: [...registered, ...answers],
      winner: ({ view }) => (view.status === 'confirmed' ? 0 : 1),
    };
  },
};

const confirmAndDeadline: RaceKind = {
  title: 'a confirm and the deadline',
  sides: ['the confirm', 'the deadline'],
  leadMs: 20,
  /** The home has the timer. */
  async race({ home, away, offset }) {
    const { gid, deadlineAt } = await begin(home, { timeoutMs: SHORT_MS });
    const registered = await home.register(gid, branch('stock'));
    await pause(Math.max(0, Date.parse(deadlineAt) - Date.now() - offset.leadMs));
    const confirmed = await away.confirm(gid);
    return {
      gid,
      answers: [registered, confirmed],
      winner: ({ view }) => (view.status === 'confirmed' ? 0 : 1),
    };
  },
};

const retryAndRetry: RaceKind = {
  title: 'two retries of a parked branch',
  sides: ['one retry', 'the other retry'],
  async race(start) {
    const { pair, sides, home, offset } = start;
    // Soon parked.
    const { gid } = await begin(home, { retry: { firstDelayMs: 1, maxDelayMs: 1, budgetMs: 1 } });
    const registered = await home.register(gid, branch('stock'));
    pair.participants.fallIll(gid);
    const confirmed = await home.confirm(gid);
    await until(`${gid} is parked`, async () => (await home.read(gid)).isParked);
    const seq = (await home.eventsOf(gid)).length;
    pair.participants.heal(gid);
    const answers = await offset.runBoth(
      () => sides[0].retry(gid),
      () => sides[1].retry(gid),
    );
    return {
      gid,
      answers: [registered, confirmed, ...answers],
      winner: (end) => sideThatWrote(start, end, seq + 1),
    };
  },
};

/** One that is polled meanwhile, by the replica that began it. */
async function acceptedAt({ pair, home }: RaceStart): Promise<string> {
  const { gid } = await begin(home, { branches: [branch('stock', ACCEPT)] });
  await until(`${gid} is accepted`, () => pair.participants.isAccepted(gid, 'stock'));
  return gid;
}

const completionAndCancel: RaceKind = {
  title: 'a completion, a cancel and polls',
  sides: ['the completion', 'the cancel'],
  async race(start) {
    const gid = await acceptedAt(start);
    const [one, other] = start.sides;
    // Where its cancel has come first the participant has nothing to complete.
    const complete = async () =>
      start.pair.participants.end(gid, 'stock') ? [await one.complete(gid, 'stock')] : [];
    const answers = await start.offset.runBoth(complete, () => other.cancel(gid));
    return { gid, answers: answers.flat(), winner: ({ view }) => (view.status === 'confirmed' ? 0 : 1) };
  },
};

const completionAndCompletion: RaceKind = {
  title: 'a completion that comes to both replicas',
  sides: ['one replica', 'the other replica'],
  async race(start) {
    const gid = await acceptedAt(start);
    const [one, other] = start.sides;
    start.pair.participants.end(gid, 'stock');
    const answers = await start.offset.runBoth(
      () => one.complete(gid, 'stock'),
      () => other.complete(gid, 'stock'),
    );
    return { gid, answers, winner: (end) => sideThatWrote(start, end, rowOfDecision(end)) };
  },
};

/** The seq of its journal row. */
const rowOfDecision = ({ events }: End): number =>
  events.find(({ changes }) => changes.transaction?.decision !== undefined)?.seq ?? 0;

export const decisionRaces = [
  ...[confirmAndCancel, confirmAndDeadline, retryAndRetry],
  ...[completionAndCancel, completionAndCompletion],
];
