/** Races between decisions, and between two retries of a decided transaction by an operator. */
import { setTimeout as pause } from 'node:timers/promises';
import { until } from './replica-pair.ts';
import { begin, branch, type RaceKind, sideThatWrote } from './race-kind.ts';

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

export const decisionRaces = [confirmAndCancel, confirmAndDeadline, retryAndRetry];
