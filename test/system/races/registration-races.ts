/** Races between registrations, and between a registration and a decision. */
import { begin, branch, type RaceKind, onlyMaker, onlyWinner } from './race-kind.ts';
import type { ReplicaClient } from './replica-client.ts';

/** The decision covers all registered branches, and no other branch is ever called (I6). */
const registrationAnd = (decision: 'confirm' | 'cancel'): RaceKind => ({
  title: `a registration and a ${decision}`,
  sides: ['the registration', `the ${decision}`],
  async race({ sides: [one, other], home, offset }) {
    const { gid } = await begin(home);
    const registered = await home.register(gid, branch('stock'));
    const answers = await offset.runBoth(
      () => one.register(gid, branch('money')),
      () => other[decision](gid),
    );
    return {
      gid,
      answers: [registered, ...answers],
      winner: ({ view }) => (view.branches.length > 1 ? 0 : 1),
    };
  },
});

const sameRegistration: RaceKind = {
  title: 'the same registration, twice on each side',
  sides: ['one client', 'the other client'],
  async race({ sides: [one, other], home, offset }) {
    const { gid } = await begin(home);
    const register = (replica: ReplicaClient) => replica.register(gid, branch('stock'));
    const answers = (
      await offset.runBoth(
        () => Promise.all([register(one), register(one)]),
        () => Promise.all([register(other), register(other)]),
      )
    ).flat();
    const side = onlyMaker(answers) < 2 ? 0 : 1;
    return { gid, answers: [...answers, await home.confirm(gid)], winner: () => side };
  },
};

const otherRegistration: RaceKind = {
  title: 'two registrations of one branchId',
  sides: ['one registration', 'the other registration'],
  async race({ pair, sides: [one, other], home, offset }) {
    const { gid } = await begin(home);
    const answers = await offset.runBoth(
      () => one.register(gid, branch('stock', 'one')),
      () => other.register(gid, branch('stock', 'other')),
    );
    const side = onlyWinner(answers, 'branch_differs');
    const winner = () => {
      const bodies = [...(pair.participants.workOf(gid).get('stock')?.bodies ?? [])];
      if (bodies.join() === JSON.stringify(branch('stock', side === 0 ? 'one' : 'other').payload))
        return side;
      throw new Error(`side ${side} registered the branch, and its participant was given ${bodies}`);
    };
    return { gid, answers: [...answers, await home.confirm(gid)], winner };
  },
};

export const registrationRaces = [
  registrationAnd('confirm'),
  registrationAnd('cancel'),
  sameRegistration,
  otherRegistration,
];
