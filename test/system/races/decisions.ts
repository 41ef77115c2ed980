/** Races about what is decided, and about what a person asks of a decided transaction. */
import { setTimeout as pause } from 'node:timers/promises';
import { until } from './arena.ts';
import { begin, branch, type Kind, sideThatWrote } from './kind.ts';

/** Mostly long enough to begin and register, many at once; where it was not, the deadline has won. */
const SHORT_MS = 1500;

const confirmAndCancel: Kind = {
  title: 'a confirm and a cancel',
  sides: ['the confirm', 'the cancel'],
  async race({ number, sides: [one, other], home, aim }) {
    const { gid } = await begin(home);
    const registered = number % 8 < 4 ? [await home.register(gid, branch('stock'))] : [];
    const answers = await aim.fire(
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

const confirmAndDeadline: Kind = {
  title: 'a confirm and the deadline',
  sides: ['the confirm', 'the deadline'],
  leadMs: 20,
  /** The home has the timer. */
  async race({ home, away, aim }) {
    const { gid, deadlineAt } = await begin(home, { timeoutMs: SHORT_MS });
    const registered = await home.register(gid, branch('stock'));
    await pause(Math.max(0, Date.parse(deadlineAt) - Date.now() - aim.leadMs));
    const confirmed = await away.confirm(gid);
    return {
      gid,
      answers: [registered, confirmed],
      winner: ({ view }) => (view.status === 'confirmed' ? 0 : 1),
    };
  },
};

const retryAndRetry: Kind = {
  title: 'two retries of a parked branch',
  sides: ['one retry', 'the other retry'],
  async race(start) {
    const { arena, sides, home, aim } = start;
    // Soon parked.
    const { gid } = await begin(home, { retry: { budget: 2 } });
    const registered = await home.register(gid, branch('stock'));
    arena.participants.fallIll(gid);
    const confirmed = await home.confirm(gid);
    await until(`${gid} is parked`, async () => (await home.read(gid)).isParked);
    const seq = (await home.eventsOf(gid)).length;
    arena.participants.heal(gid);
    const answers = await aim.fire(
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

export const decisions = [confirmAndCancel, confirmAndDeadline, retryAndRetry];
